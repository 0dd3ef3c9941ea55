"""Sets with several styles, with images that are not square, and with photos for which the teacher fails."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, ConfigError, DataError, PhotoError
from pix2style.images import Image8, encode_png, read_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader, choose_style
from pix2style.pairs.format.records import PairEntry

from tint import TintTeacher, tree, write_photos  # isort: skip

TINTS = (10, 40, 90)
TEACHERS = [TintTeacher(tint) for tint in TINTS]


def all_entries(reader: PairReader) -> list[PairEntry]:
    return [entry for split in ("train", "val", "test") for entry in reader.entries(split)]


def test_every_photo_in_every_style_and_its_id_in_the_pair(config: PairsConfig, tmp_path: Path) -> None:
    report = make_pairs(config, TEACHERS, tmp_path / "out")
    assert report.manifest.pairs.total == 36
    assert [teacher.settings["tint"] for teacher in report.manifest.teachers] == list(TINTS)
    reader = PairReader(tmp_path / "out")
    entries = all_entries(reader)
    assert len({entry.key for entry in entries}) == 36
    assert Counter(entry.style for entry in entries) == {0: 12, 1: 12, 2: 12}
    for entry in entries:
        content, target = reader.read(entry)
        np.testing.assert_array_equal(target, TEACHERS[entry.style](content))
    # All styles of a photo are in one split; otherwise a network would be evaluated on photos from its training.
    assert all(len({e.split for e in entries if e.sha256 == entry.sha256}) == 1 for entry in entries)
    assert {entry.style for entry in reader.entries("train", 1)} == {1}


def test_a_share_of_the_styles_for_each_photo(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    content = write_photos(tmp_path / "content", photos(40, 32, 32))
    config = PairsConfig(content=(content,), size=32, styles_per_photo=1, pairs_per_shard=9)
    make_pairs(config, TEACHERS, tmp_path / "out")
    entries = all_entries(PairReader(tmp_path / "out"))
    styles = {entry.sha256: entry.style for entry in entries}
    assert len(entries) == len(styles) == 40
    assert min(Counter(styles.values()).values()) >= 5
    few = write_photos(tmp_path / "few", photos(10, 32, 32))
    make_pairs(config.model_copy(update={"content": (few,)}), TEACHERS, tmp_path / "few-pairs")
    # The styles of a photo follow from its file only, not from other photos.
    assert all(styles[entry.sha256] == entry.style for entry in all_entries(PairReader(tmp_path / "few-pairs")))


def test_a_set_of_several_styles_says_so_to_who_learns_one(config: PairsConfig, tmp_path: Path) -> None:
    manifest = make_pairs(config, TEACHERS, tmp_path / "out").manifest
    assert choose_style(manifest, 2) == 2
    with pytest.raises(ConfigError, match=r"holds the styles 0 \(tint\), 1 \(tint\), 2 \(tint\)"):
        choose_style(manifest, None)
    with pytest.raises(ConfigError, match="learn_style"):
        choose_style(manifest, 3)
    with pytest.raises(DataError, match="3 styles there, 2 now"):
        make_pairs(config, TEACHERS[:2], tmp_path / "out")


@pytest.mark.parametrize(("fit", "shape"), [("crop", (40, 40)), ("fit", (30, 40)), ("keep", (48, 64))])
def test_cut_shrunk_or_kept(config: PairsConfig, tmp_path: Path, fit: str, shape: tuple[int, int]) -> None:
    config = config.model_copy(update={"size": 40, "fit": fit})
    make_pairs(config, TintTeacher(), tmp_path / "out")
    reader = PairReader(tmp_path / "out")
    for entry in all_entries(reader):
        content, target = reader.read(entry)
        assert content.shape == target.shape == (*shape, 3)
        assert (entry.height_px, entry.width_px) == shape
        np.testing.assert_array_equal(target, TintTeacher()(content))
        if fit == "keep":
            np.testing.assert_array_equal(content, read_picture(config.content[0] / entry.source).rgb)


def test_fit_does_not_enlarge(config: PairsConfig, tmp_path: Path) -> None:
    make_pairs(config.model_copy(update={"size": 99, "fit": "fit"}), TintTeacher(), tmp_path / "out")
    assert {(e.height_px, e.width_px) for e in all_entries(PairReader(tmp_path / "out"))} == {(48, 64)}


class PickyTeacher(TintTeacher):
    """A teacher that fails for photos with certain first bytes."""

    def __init__(self, refused: set[int], stop_after: int | None = None) -> None:
        super().__init__()
        self.refused, self.calls, self.stop_after = refused, 0, stop_after

    def stylize(self, images):
        self.calls += 1
        if self.calls == self.stop_after:
            raise KeyboardInterrupt
        for image in images:
            if int(image[0, 0, 0]) in self.refused:
                raise PhotoError(f"took {int(image[0, 0, 0])} for a wall (exit code 1)")
        return super().stylize(images)


def first_bytes(config: PairsConfig, out: Path) -> dict[str, int]:
    make_pairs(config, TintTeacher(), out)
    reader = PairReader(out)
    return {entry.source: int(reader.read(entry)[0][0, 0, 0]) for entry in all_entries(reader)}


def test_a_photo_that_the_teacher_refuses_is_listed_and_the_rest_is_done(config: PairsConfig, tmp_path: Path) -> None:
    bytes_of = first_bytes(config, tmp_path / "all")
    refused = set(sorted(bytes_of.values())[:3])
    names = {source for source, value in bytes_of.items() if value in refused}
    report = make_pairs(config, PickyTeacher(refused), tmp_path / "out")
    assert {failure.source for failure in report.manifest.failures} == names
    assert all(failure.style == 0 and "for a wall" in failure.reason for failure in report.manifest.failures)
    assert report.manifest.pairs.total == 12 - len(names)
    assert report.manifest.statistics.failures_by_reason == {"took for a wall": len(names)}
    assert make_pairs(config, PickyTeacher(refused), tmp_path / "out").already_finished


def test_refusals_do_not_change_what_a_resumed_set_comes_to(config: PairsConfig, tmp_path: Path) -> None:
    refused = set(sorted(first_bytes(config, tmp_path / "all").values())[::3])
    teacher = PickyTeacher(refused)
    make_pairs(config, teacher, tmp_path / "whole")
    for stop in range(1, teacher.calls + 1):
        with pytest.raises(KeyboardInterrupt):
            make_pairs(config, PickyTeacher(refused, stop), tmp_path / f"out{stop}")
        make_pairs(config, PickyTeacher(refused), tmp_path / f"out{stop}")
        assert tree(tmp_path / f"out{stop}") == tree(tmp_path / "whole")


def test_many_refused_photos_do_not_keep_a_set_from_being_resumed(
    tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    """Photos that failed before are asked for again, which says nothing about a teacher that has made pairs."""
    content = write_photos(tmp_path / "content", photos(60, 32, 32))
    config = PairsConfig(content=(content,), size=32, val_share=0, test_share=0, batch=4, pairs_per_shard=100)
    refused = set(first_bytes(config, tmp_path / "all").values()) - {
        min(first_bytes(config, tmp_path / "all").values())
    }
    refused = {value for value in refused if value % 3}
    whole = make_pairs(config, PickyTeacher(refused), tmp_path / "whole")
    assert len(whole.manifest.failures) > 32
    with pytest.raises(KeyboardInterrupt):
        make_pairs(config, PickyTeacher(refused, 45), tmp_path / "out")
    make_pairs(config, PickyTeacher(refused), tmp_path / "out")
    assert tree(tmp_path / "out") == tree(tmp_path / "whole")


def test_a_teacher_that_refuses_everything_is_broken(tmp_path: Path, photos: Callable[..., list[Image8]]) -> None:
    content = write_photos(tmp_path / "content", photos(20, 32, 32))
    config = PairsConfig(content=(content,), size=32)
    with pytest.raises(ArtifactError, match=r"failed on each of the first 16 photos; the last time: took"):
        make_pairs(config, PickyTeacher(set(range(256))), tmp_path / "out")
    few = config.model_copy(update={"content": tuple(sorted(content.rglob("*.png"))[:3])})
    with pytest.raises(DataError, match="could not stylize any of the 3 photos"):
        make_pairs(few, PickyTeacher(set(range(256))), tmp_path / "few")


def test_a_single_pixel_is_a_photo(tmp_path: Path) -> None:
    (tmp_path / "one.png").write_bytes(encode_png(np.full((1, 1, 3), 77, np.uint8)))
    config = PairsConfig(content=(tmp_path,), size=32, fit="keep", val_share=0, test_share=0)
    make_pairs(config, TintTeacher(), tmp_path / "out")
    reader = PairReader(tmp_path / "out")
    assert [reader.read(entry)[0].tolist() for entry in all_entries(reader)] == [[[[77, 77, 77]]]]
