from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.config import Config
from pix2style.config.pairs import PairsConfig
from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_file, sha256_json
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.training.data.crop_stream import CropStream
from pix2style.training.data.decoded_cache import decode_to_memory
from pix2style.training.data.loader import crop_on_device, load_batches
from pix2style.training.data.sources import open_training_data

Experiment = Callable[..., Config]
# Training from photos alone, by a loss that needs no target and no painting.
ALONE = (
    "train.unpaired=true",
    "losses.l1=0",
    "losses.adversarial.weight=0",
    "losses.perceptual.weight=0",
    "losses.total_variation=1",
)


class Shade(Stylizer):
    """Stylize every photo to one grey level, from which the style can be told."""

    def __init__(self, level: int) -> None:
        self.level = level

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(name=f"shade {self.level}", sha256=sha256_json(self.level), licence="Apache-2.0")

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        return [np.full_like(image, self.level) for image in images]


@pytest.fixture(scope="module")
def photo_folder(tmp_path_factory: pytest.TempPathFactory, photos) -> Path:
    folder = tmp_path_factory.mktemp("photos")
    for i, photo in enumerate(photos(20, 48, 60)):
        write_picture(folder / f"{i:02d}.png", Picture(photo))
    return folder


@pytest.fixture(scope="module")
def three_shades(tmp_path_factory: pytest.TempPathFactory, photo_folder: Path) -> Path:
    pairs = PairsConfig(content=(photo_folder,), size=40, val_share=0.2, test_share=0.2)
    out = tmp_path_factory.mktemp("shades") / "pairs"
    make_pairs(pairs, [Shade(0), Shade(100), Shade(200)], out)
    return out


def test_a_pair_set_is_opened(experiment: Experiment, pair_set: Path) -> None:
    data, reader = open_training_data(experiment()), PairReader(pair_set)
    assert list(data.entries) == reader.entries("train")
    assert list(data.held_out) == reader.entries("val")
    assert data.digest == reader.digest
    assert data.style_names == ("sepia",)
    assert data.paired
    for one, other in zip(data.read_pair(data.entries[0]), reader.read(reader.entries("train")[0]), strict=True):
        np.testing.assert_array_equal(one, other)


def test_two_plain_folders_are_read_as_pairs(experiment: Experiment, tmp_path: Path, photos) -> None:
    for i, photo in enumerate(photos(6, 40, 40)):
        write_picture(tmp_path / "content" / f"{i}.png", Picture(photo))
        write_picture(tmp_path / "target" / f"{i}.png", Picture(255 - photo))
    changes = (f"pairs.path={tmp_path}", "pairs.val_share=0", "pairs.test_share=0")
    data = open_training_data(experiment(*changes))
    assert len(data.entries) == 6
    content, target = data.read_pair(data.entries[2])
    assert target is not None
    np.testing.assert_array_equal(target, 255 - content)
    alone = open_training_data(experiment(*changes, *ALONE))
    content_alone, no_target = alone.read_pair(alone.entries[2])
    np.testing.assert_array_equal(content_alone, content)
    assert no_target is None


def test_all_styles_of_a_pair_set(experiment: Experiment, three_shades: Path) -> None:
    config = experiment(f"pairs.path={three_shades}", "model.styles=3")
    data, train = open_training_data(config), config.train
    assert data.style_names == ("shade 0", "shade 100", "shade 200")
    assert {entry.style for entry in data.entries} == {0, 1, 2}
    decoded = decode_to_memory(data, data.entries, train.augment)
    assert len(decoded.pixels) == len(data.entries) * 4 // 3 * 40 * 40  # each photo once, and three targets
    stream = CropStream(data, train.augment, 0, decoded)
    steps = list(load_batches(stream, train, start=0, device=torch.device("cpu")))
    for (batch,) in steps:
        assert batch.style is not None
        assert batch.target is not None
        assert batch.style.shape == (4, 3)
        levels = (batch.target.mean(dim=(1, 2, 3)) * 127.5 + 127.5).round()
        assert torch.equal(batch.style @ torch.tensor([0.0, 100.0, 200.0]), levels)
    positions = [range(first, first + 4) for first in range(0, train.images, 4)]
    for (batch,), other in zip(steps, crop_on_device(stream, train, torch.device("cpu"), positions), strict=True):
        assert other.style is not None
        assert torch.equal(batch.style, other.style)


def test_one_style_of_a_pair_set(experiment: Experiment, three_shades: Path) -> None:
    data = open_training_data(experiment(f"pairs.path={three_shades}", "pairs.learn_style=1"))
    assert data.style_names == ("shade 100",)
    _, target = data.read_pair(data.entries[0])
    assert target is not None
    assert (target == 100).all()


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (("model.styles=2",), r"\[model -> styles\] is 2, but the pair set has 3 \(shade 0, shade 100, shade 200\)"),
        (("model.styles=3", "pairs.learn_style=0"), r"\[pairs -> learn_style\] 0 is one style, but model\.styles=3"),
        ((), r"\[pairs -> learn_style\] the pair set holds the styles"),
        (("pairs.path=null",), r"\[pairs -> path\] is not set"),
        ((*ALONE, "model.styles=2"), r"\[model -> styles\] is 2, but pairs\.styles names 0 paintings"),
        ((*ALONE, "pairs.path=null"), r"\[train -> unpaired\] names no photos"),
        (("pairs.learn_style=0", "train.augment.crop=41"), r"41 is larger than the smallest pair, 40x40"),
    ],
)
def test_errors_name_what_does_not_fit(
    experiment: Experiment, three_shades: Path, changes: tuple[str, ...], message: str
) -> None:
    with pytest.raises(ConfigError, match=message):
        open_training_data(experiment(f"pairs.path={three_shades}", *changes))


def test_photos_of_a_pair_set_without_targets(experiment: Experiment, three_shades: Path) -> None:
    data = open_training_data(experiment(f"pairs.path={three_shades}", *ALONE))
    assert not data.paired
    assert len(data.entries) == len({entry.sha256 for entry in data.entries})
    assert len(data.entries) * 3 == len(PairReader(three_shades).entries("train"))
    stream = CropStream(data, experiment().train.augment, 0)
    (batch,) = next(load_batches(stream, experiment().train, start=0, device=torch.device("cpu")))
    assert batch.target is None
    assert batch.style is None


def test_photos_are_cropped_and_split_like_make_pairs_does(
    experiment: Experiment, three_shades: Path, photo_folder: Path
) -> None:
    shares = ("pairs.size=40", "pairs.val_share=0.2", "pairs.test_share=0.2", "pairs.path=null")
    alone = open_training_data(experiment(*ALONE, *shares, f"pairs.content=[{photo_folder}]"))
    paired = open_training_data(experiment(f"pairs.path={three_shades}", "pairs.learn_style=0"))
    for mine, theirs in ((alone.entries, paired.entries), (alone.held_out, paired.held_out)):
        assert [entry.sha256 for entry in mine] == [entry.sha256 for entry in theirs]
        for one, other in zip(mine, theirs, strict=True):
            np.testing.assert_array_equal(alone.read_pair(one)[0], paired.read_pair(other)[0])
    larger = open_training_data(experiment(*ALONE, *shares, f"pairs.content=[{photo_folder}]", "pairs.size=44"))
    assert alone.digest != larger.digest


def test_a_damaged_photo_is_left_out_with_a_note(
    experiment: Experiment, tmp_path: Path, photos, capsys: pytest.CaptureFixture[str]
) -> None:
    for i, photo in enumerate(photos(3, 40, 40)):
        write_picture(tmp_path / f"{i}.png", Picture(photo))
    (tmp_path / "torn.png").write_bytes((tmp_path / "0.png").read_bytes()[:200])
    shares = ("pairs.size=40", "pairs.val_share=0", "pairs.test_share=0", "pairs.path=null")
    config = experiment(*ALONE, *shares, f"pairs.content=[{tmp_path}]")
    data = open_training_data(config)
    assert [entry.source for entry in data.entries] == ["0.png", "1.png", "2.png"]
    assert "torn.png: left out: damaged or cut off" in capsys.readouterr().err
    write_picture(tmp_path / "1.png", Picture(photos(9, 40, 40)[8]))
    with pytest.raises(DataError, match=r"1\.png: can no longer be used \(changed"):
        data.read_pair(data.entries[1])


def test_many_damaged_photos_are_counted(
    experiment: Experiment, tmp_path: Path, photos, capsys: pytest.CaptureFixture[str]
) -> None:
    write_picture(tmp_path / "good.png", Picture(photos(1, 40, 40)[0]))
    for i in range(23):
        (tmp_path / f"torn{i:02d}.png").write_bytes(b"torn %d" % i)
    shares = ("pairs.size=40", "pairs.val_share=0", "pairs.test_share=0", "pairs.path=null")
    open_training_data(experiment(*ALONE, *shares, f"pairs.content=[{tmp_path}]"))
    err = capsys.readouterr().err
    assert err.count(": left out: ") == 20
    assert "note: and 3 more files left out" in err


def test_each_photo_is_used_once_for_each_painting(
    experiment: Experiment, three_shades: Path, tmp_path: Path, photos
) -> None:
    for i, photo in enumerate(photos(2, 40, 40)):
        write_picture(tmp_path / f"{i}.png", Picture(photo))
    styles = f"pairs.styles=[{{paintings: [{tmp_path}/0.png]}}, {{paintings: [{tmp_path}/1.png], name: other}}]"
    config = experiment(f"pairs.path={three_shades}", *ALONE, styles, "model.styles=2")
    data, train = open_training_data(config), config.train
    assert data.style_names == ("painting:0.png", "painting:other")
    assert data.teachers[1].style_sha256 == (sha256_file(tmp_path / "1.png"),)
    ids = [entry.style for entry in data.entries]
    assert ids == [0, 1] * (len(ids) // 2)
    decoded = decode_to_memory(data, data.entries, train.augment)
    assert len(decoded.pixels) == len(ids) // 2 * 40 * 40
    cached, plain = (CropStream(data, train.augment, 0, cache) for cache in (decoded, None))
    for position in range(len(ids)):
        np.testing.assert_array_equal(cached[position][0], plain[position][0])
