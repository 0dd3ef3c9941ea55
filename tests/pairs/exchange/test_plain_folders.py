from __future__ import annotations

import json
import pickle
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError
from pix2style.images import Image8, encode_jpeg, encode_png
from pix2style.pairs.exchange.plain_folders import PlainFolderReader, open_pairs
from pix2style.pairs.format.photo_hash import assign_split
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS

from sets import Negative, detailed_photo, make_set  # isort: skip


def write_own(folder: Path, count: int = 10, side: int = 96) -> list[tuple[Image8, Image8]]:
    photos = [detailed_photo(i, side, side) for i in range(count)]
    pairs = list(zip(photos, Negative().stylize(photos), strict=True))
    for i, (content, target) in enumerate(pairs):
        write(folder / "content" / f"{i:02d}.png", content)
        write(folder / "target" / f"{i:02d}.png", target)
    return pairs


def write(path: Path, rgb: Image8) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(encode_png(rgb))


def test_own_pairs_read_like_a_set(tmp_path: Path) -> None:
    pairs = write_own(tmp_path)
    reader = open_pairs(tmp_path, val_share=0.2, test_share=0.2)
    assert isinstance(reader, PlainFolderReader)
    found = {entry.source: entry for split in SPLITS for entry in reader.entries(split)}
    assert sorted(found) == [f"{i:02d}.png" for i in range(10)]
    for name, entry in found.items():
        assert entry.split == assign_split(entry.sha256, val_share=0.2, test_share=0.2)
        assert (entry.height_px, entry.width_px) == (96, 96)
        expected = pairs[int(Path(name).stem)]
        assert all(np.array_equal(a, b) for a, b in zip(reader.read(entry), expected, strict=True))
    manifest = reader.manifest
    assert (manifest.size, manifest.fit, manifest.pairs.total) == (96, "crop", 10)
    assert (manifest.teacher.name, manifest.teacher.sha256) == ("own pairs", reader.digest)
    assert reader.suspicions == ()
    again = pickle.loads(pickle.dumps(reader))
    entry = found["03.png"]
    assert np.array_equal(again.read(entry)[1], pairs[3][1])


def test_the_digest_is_of_all_that_counts(tmp_path: Path) -> None:
    write_own(tmp_path, 4)
    first = PlainFolderReader(tmp_path).digest
    assert PlainFolderReader(tmp_path).digest == first
    assert PlainFolderReader(tmp_path, val_share=0.9).digest != first
    write(tmp_path / "target" / "02.png", detailed_photo(77, 96, 96))
    assert PlainFolderReader(tmp_path).digest != first


def test_names_match_without_suffix_and_subfolders_are_splits(tmp_path: Path) -> None:
    for i, split in enumerate(("train", "train", "val", "test")):
        content = detailed_photo(i, 80, 80 + 8 * i)
        (tmp_path / "content" / split).mkdir(parents=True, exist_ok=True)
        (tmp_path / "content" / split / f"{i}.jpg").write_bytes(encode_jpeg(content))
        write(tmp_path / "target" / split / f"{i}.png", Negative().stylize([content])[0])
    reader = PlainFolderReader(tmp_path)
    assert [len(reader.entries(split)) for split in SPLITS] == [2, 1, 1]
    assert (reader.manifest.fit, reader.manifest.size) == ("keep", 104)
    assert reader.manifest.val_share == 0


def test_what_does_not_fit_is_named(tmp_path: Path) -> None:
    write_own(tmp_path, 5)
    write(tmp_path / "content" / "lonely.png", detailed_photo(20))
    (tmp_path / "content" / "00.jpg").write_bytes(encode_jpeg(detailed_photo(0)))
    with pytest.raises(DataError, match=r"lonely\.png: there is no target/lonely") as error:
        PlainFolderReader(tmp_path)
    assert "has the name of content/00" in str(error.value)
    (tmp_path / "content" / "lonely.png").unlink()
    (tmp_path / "content" / "00.jpg").unlink()
    write(tmp_path / "target" / "01.png", detailed_photo(1, 96, 64))
    (tmp_path / "target" / "02.png").write_bytes(b"text")
    with pytest.raises(DataError, match="2 pairs cannot be used") as error:
        PlainFolderReader(tmp_path)
    assert "01.png: is 64x96 px, but its content is 96x96" in str(error.value)
    assert "02.png: not a picture" in str(error.value)


def test_a_file_that_changes_is_not_learned(tmp_path: Path) -> None:
    write_own(tmp_path, 3)
    reader = PlainFolderReader(tmp_path, val_share=0, test_share=0)
    write(tmp_path / "target" / "01.png", detailed_photo(50, 96, 96))
    with pytest.raises(DataError, match=r"01.png: has changed since"):
        reader.read(reader.entries("train")[1])


def test_a_mirrored_target_is_noticed(tmp_path: Path) -> None:
    pairs = write_own(tmp_path, 9)
    write(tmp_path / "target" / "04.png", np.ascontiguousarray(pairs[4][1][:, ::-1]))
    [found] = PlainFolderReader(tmp_path).suspicions
    assert (found.source, found.kind) == ("04.png", "mirrored")


def test_a_pair_set_is_still_a_pair_set(tmp_path: Path) -> None:
    folder = make_set(tmp_path, 5)
    (folder / "content").mkdir()
    (folder / "target").mkdir()
    assert type(open_pairs(folder)) is PairReader
    with pytest.raises(DataError, match="there is no pair set in it"):
        open_pairs(tmp_path)
    for role in ("content", "target"):
        (tmp_path / "new" / role).mkdir(parents=True)
    with pytest.raises(DataError, match="hold no images"):
        open_pairs(tmp_path / "new")


def test_they_can_be_measured_on(tmp_path: Path) -> None:
    from pix2style.evaluation.dataset import PairDataset

    pairs = write_own(tmp_path, 6)
    material = PairDataset(open_pairs(tmp_path, val_share=0.0, test_share=0.99))
    sample = material.load(2)
    assert sample.name == "02.png"
    assert np.array_equal(sample.photo, pairs[2][0])
    assert sample.target is not None
    assert np.array_equal(sample.target, pairs[2][1])


def test_training_takes_them(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    from pix2style.config import parse_config
    from pix2style.runs.folder import RunFolder
    from pix2style.training.run.train import train

    pairs = write_own(tmp_path / "own", 9)
    write(tmp_path / "own" / "target" / "04.png", np.ascontiguousarray(pairs[4][1][:, ::-1]))
    settings = {
        "pairs": {"path": str(tmp_path / "own"), "val_share": 0.2, "test_share": 0.0},
        "model": {"generator": "lite", "lite": {"channels": 8, "blocks": 1, "scale": 2}},
        "losses": {"l1": 10, "perceptual": {"weight": 0}},
        "train": {"images": 4, "batch": 2, "workers": 0, "device": "cpu", "augment": {"crop": 64}},
    }
    config = parse_config(settings)
    report = train(config, tmp_path / "run")
    assert report.images_seen == 4
    assert "note: 04.png" in capsys.readouterr().err
    meta = json.loads((RunFolder(tmp_path / "run").checkpoint() / "meta.json").read_text())
    assert meta["teacher"] == "own pairs"
    assert meta["pairs_sha256"] == PlainFolderReader(tmp_path / "own", val_share=0.2, test_share=0.0).digest
