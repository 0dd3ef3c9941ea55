"""Each shard holds pairs of one split and is named after it, so `train-*.tar` has no held-out pairs."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.pairs.build.make_pairs import Slice, make_pairs, make_slice
from pix2style.pairs.check.overview import summarize_pairs
from pix2style.pairs.check.verify import verify_pairs
from pix2style.pairs.exchange.exporting import export_pairs
from pix2style.pairs.exchange.importing import ImportSettings, import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS
from pix2style.pairs.format.shard_names import name_of_shard_file, shard_names, sort_shard_names

from sets import Negative, detailed_photo  # isort: skip
from tint import tree, write_photos  # isort: skip


@pytest.fixture
def settings(tmp_path: Path) -> PairsConfig:
    content = write_photos(tmp_path / "photos", [detailed_photo(index, 64, 64) for index in range(20)])
    return PairsConfig(content=(content,), size=32, pairs_per_shard=3, val_share=0.2, test_share=0.2)


def make_old(config: PairsConfig, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Make a set of schema version 2 or 3, whose shards mix splits."""
    with monkeypatch.context() as patch:
        patch.setattr("pix2style.pairs.build.make_pairs._splits_apart", lambda _: False)
        make_pairs(config, Negative(), out)


def shard_names_of(folder: Path) -> list[str]:
    return [record.name for record in PairReader(folder).manifest.shards]


def splits_of_tars(folder: Path) -> list[set[str]]:
    """Return the splits in each shard, as a plain reader of tar files sees them."""
    found = []
    for name in shard_names_of(folder):
        with tarfile.open(folder / "shards" / f"{name}.tar") as tar:
            documents = [tar.extractfile(member) for member in tar if member.name.endswith(".json")]
            found.append({json.loads(document.read())["split"] for document in documents if document})
    return found


@pytest.mark.parametrize("variants", [0, 2])
def test_each_shard_holds_one_split(settings: PairsConfig, tmp_path: Path, variants: int) -> None:
    make_pairs(settings.model_copy(update={"variants": variants}), Negative(), tmp_path / "set")
    reader = PairReader(tmp_path / "set")
    stated = [record.split for record in reader.manifest.shards]
    assert splits_of_tars(tmp_path / "set") == [{split} for split in stated]
    assert stated == sorted(stated, key=SPLITS.index)  # type: ignore[arg-type]
    assert set(stated) == set(SPLITS)
    assert reader.manifest.schema_version == 4
    assert verify_pairs(tmp_path / "set").damage == ()
    train = stated.count("train")
    assert f"  shards      shards/train-{{00000..{train - 1:05d}}}.tar" in "\n".join(summarize_pairs(reader).lines())


@pytest.mark.parametrize("variants", [0, 2])
def test_file_names_say_the_split(settings: PairsConfig, tmp_path: Path, variants: int) -> None:
    make_pairs(settings.model_copy(update={"variants": variants}), Negative(), tmp_path / "set")
    manifest = PairReader(tmp_path / "set").manifest
    expected = [
        f"{split}-{number:05d}"
        for split in SPLITS
        for number in range([record.split for record in manifest.shards].count(split))
    ]
    assert shard_names_of(tmp_path / "set") == expected
    for folder, suffixes in (("shards", ("json", "tar")), ("timing", ("json",))):
        files = sorted(path.name for path in (tmp_path / "set" / folder).iterdir())
        assert files == sorted(f"{name}.{suffix}" for name in expected for suffix in suffixes)
    seen = 0
    for path in (tmp_path / "set" / "shards").glob("train-*.tar"):
        with tarfile.open(path) as tar:
            documents = [tar.extractfile(member) for member in tar if member.name.endswith(".json")]
            assert {json.loads(document.read())["split"] for document in documents if document} == {"train"}
            seen += len(documents)
    assert seen == manifest.pairs.train


def test_names_of_one_shard_and_of_none() -> None:
    assert shard_names([]) == []
    assert shard_names(["train", "train", "test"]) == ["train-00000", "train-00001", "test-00000"]
    assert shard_names([None, None]) == ["shard-00000", "shard-00001"]
    assert sort_shard_names(["test-00000", "train-00001", "val-00000", "train-00000"]) == [
        "train-00000",
        "train-00001",
        "val-00000",
        "test-00000",
    ]
    for name in ("shard-0.tar", "photo-00000.tar", "train-00000.tar.partial", "train-00000\n.tar", "Train-00000.tar"):
        assert name_of_shard_file(name) is None
    assert name_of_shard_file("val-00012.json") == "val-00012"


@pytest.mark.parametrize("old", [False, True])
def test_an_unfinished_set_is_verified_and_continued_under_its_names(
    settings: PairsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, old: bool
) -> None:
    out = tmp_path / "set"
    if old:
        make_old(settings, out, monkeypatch)
    else:
        make_pairs(settings, Negative(), out)
    before, names = tree(out), shard_names_of(out)
    (out / "manifest.json").unlink()
    (out / "shards" / f"{names[1]}.json").unlink()
    tar = out / "shards" / f"{names[1]}.tar"
    tar.rename(tar.with_suffix(".tar.partial"))
    tar.with_suffix(".tar.partial").write_bytes(before[f"shards/{names[1]}.tar"][:4000])
    report = verify_pairs(out)
    assert [damage.file for damage in report.damage] == ["manifest.json"]
    assert f"({len(names) - 1} of {len(names)} shards are)" in str(report.damage[0])
    assert report.pairs.total == 17
    assert [note.split(":")[0] for note in report.notes] == [f"shards/{names[1]}.tar.partial"]
    plan = (out / "plan.json").rename(tmp_path / "plan.json")
    assert verify_pairs(out).pairs.total == 17  # even without the plan
    plan.rename(out / "plan.json")
    for number in (1, 2, 3):
        make_slice(settings, Negative(), out, Slice(number, 3))
    assert tree(out) == before


def test_a_shard_whose_name_says_another_split_is_refused(settings: PairsConfig, tmp_path: Path) -> None:
    out = tmp_path / "set"
    make_pairs(settings, Negative(), out)
    manifest = json.loads((out / "manifest.json").read_bytes())
    [*_, last] = manifest["shards"]
    for suffix in (".tar", ".json"):
        (out / "shards" / f"{last['name']}{suffix}").rename(out / "shards" / f"train-00099{suffix}")
    old_name, last["name"] = last["name"], "train-00099"
    (out / "manifest.json").write_text(json.dumps(manifest))
    with pytest.raises(DataError, match=rf"names a shard train-00099 that should be named {old_name}: copy the pair"):
        PairReader(out)
    assert any("names a shard train-00099" in str(damage) for damage in verify_pairs(out).damage)


def test_a_set_of_no_usable_photo_leaves_no_shard(tmp_path: Path) -> None:
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "empty.png").write_bytes(b"")
    (tmp_path / "photos" / "text.png").write_bytes(b"none")
    with pytest.raises(DataError, match="none of the 2 files can be used"):
        make_pairs(PairsConfig(content=(tmp_path / "photos",), size=32), Negative(), tmp_path / "set")
    assert tree(tmp_path / "set") == {}


def test_an_import_divides_its_shards_too(settings: PairsConfig, tmp_path: Path) -> None:
    make_pairs(settings, Negative(), tmp_path / "set")
    export_pairs(PairReader(tmp_path / "set"), tmp_path / "out", "folders")
    for name in ("pairs.json", "pairs.jsonl"):
        (tmp_path / "out" / name).unlink()
    import_pairs(open_pair_source(tmp_path / "out"), tmp_path / "back", ImportSettings(pairs_per_shard=2))
    reader = PairReader(tmp_path / "back")
    assert splits_of_tars(tmp_path / "back") == [{record.split} for record in reader.manifest.shards]
    assert reader.manifest.pairs == PairReader(tmp_path / "set").manifest.pairs
    assert verify_pairs(tmp_path / "back").damage == ()
    names = sorted(path.name for path in (tmp_path / "back" / "shards").iterdir())
    stated = shard_names([record.split for record in reader.manifest.shards])
    assert names == sorted(f"{name}{suffix}" for name in stated for suffix in (".json", ".tar"))
    assert stated == [record.name for record in reader.manifest.shards]


@pytest.mark.parametrize("variants", [0, 2])
def test_older_sets_are_read_verified_and_continued_as_they_are(
    settings: PairsConfig, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, variants: int
) -> None:
    config = settings.model_copy(update={"variants": variants})
    make_old(config, tmp_path / "old", monkeypatch)
    make_pairs(config, Negative(), tmp_path / "new")
    assert max(len(splits) for splits in splits_of_tars(tmp_path / "old")) > 1
    old, new = PairReader(tmp_path / "old"), PairReader(tmp_path / "new")
    assert old.manifest.schema_version == (3 if variants else 2)
    assert "split" not in json.loads((tmp_path / "old" / "manifest.json").read_bytes())["shards"][0]
    for split in SPLITS:  # the same pairs in the same order
        pairs = [[(entry.key, reader.read_bytes(entry)) for entry in reader.entries(split)] for reader in (old, new)]
        assert pairs[0] == pairs[1]
    assert verify_pairs(tmp_path / "old").damage == ()
    assert "mix the splits" in "\n".join(summarize_pairs(old).lines())
    before = tree(tmp_path / "old")
    assert shard_names_of(tmp_path / "old") == [f"shard-{i:05d}" for i in range(len(old.manifest.shards))]
    assert make_pairs(config, Negative(), tmp_path / "old").already_finished
    for name in ("manifest.json", "shards/shard-00001.tar", "shards/shard-00001.json"):
        (tmp_path / "old" / name).unlink()
    make_pairs(config, Negative(), tmp_path / "old")
    assert tree(tmp_path / "old") == before


def test_a_shard_of_another_split_than_the_manifest_says_is_refused(settings: PairsConfig, tmp_path: Path) -> None:
    make_pairs(settings, Negative(), tmp_path / "set")
    path = tmp_path / "set" / "manifest.json"
    manifest = json.loads(path.read_bytes())
    manifest["shards"][0]["split"] = "test"
    path.write_text(json.dumps(manifest))
    with pytest.raises(DataError, match="is not of the split test"):
        PairReader(tmp_path / "set")
    assert any("its shard holds test" in str(damage) for damage in verify_pairs(tmp_path / "set").damage)
