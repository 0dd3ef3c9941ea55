"""Each shard holds pairs of one split, so a program that reads plain WebDataset can leave out held-out pairs."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import DataError
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.check.overview import summarize_pairs
from pix2style.pairs.check.verify import verify_pairs
from pix2style.pairs.exchange.exporting import export_pairs
from pix2style.pairs.exchange.importing import ImportSettings, import_pairs
from pix2style.pairs.exchange.layouts import open_pair_source
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import SPLITS

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


def splits_of_tars(folder: Path) -> list[set[str]]:
    """Return the splits in each shard, as a plain reader of tar files sees them."""
    found = []
    for path in sorted((folder / "shards").glob("*.tar")):
        with tarfile.open(path) as tar:
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
    assert f"  shards      train shard-{{00000..{train - 1:05d}}}.tar" in "\n".join(summarize_pairs(reader).lines())


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
    names = [path.name for path in sorted((tmp_path / "back" / "shards").iterdir())]
    assert names == [f"{record.name}{suffix}" for record in reader.manifest.shards for suffix in (".json", ".tar")]


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
