"""The commands `pix2style pairs`, for people and for scripts."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import pytest

from pix2style.images import read_picture
from pix2style.pairs.format.reader import PairReader

sys.path.append(str(Path(__file__).parents[1] / "pairs"))
from sets import change_byte, make_set


@pytest.fixture
def made(tmp_path: Path) -> Path:
    return make_set(tmp_path / "made", 9)


def test_verify(pix2style, made: Path) -> None:
    code, out, err = pix2style("pairs", "verify", made)
    assert (code, err) == (0, "")
    assert ": undamaged: 9 pairs" in out
    entry = PairReader(made).entries("train")[0]
    tar = made / "shards" / f"train-{entry.shard:05d}.tar"
    change_byte(tar, entry.target.offset + 9)
    code, out, err = pix2style("pairs", "verify", made, "--fast")
    assert code == 3
    assert f"pair {entry.key} ({entry.source}): its target is damaged" in out
    assert f"to do: delete train-{entry.shard:05d}.tar" in out
    assert "1 problem was found" in err
    code, out, _ = pix2style("pairs", "verify", made, "--json")
    report = json.loads(out)
    assert (code, report["whole"]) == (3, False)
    assert report["damage"][0]["offset"] == entry.target.offset
    assert report["suspicious"] == []


def test_following_the_advice_of_verify_repairs_the_set(pix2style, made: Path) -> None:
    from sets import Negative

    from pix2style.config.pairs import PairsConfig
    from pix2style.pairs.build.make_pairs import make_pairs

    before = (made / "manifest.json").read_bytes()
    shards = sorted((made / "shards").glob("*.tar"))
    change_byte(shards[0], 700)
    assert pix2style("pairs", "verify", made)[0] == 3
    for path in (shards[0], shards[0].with_suffix(".json")):
        path.unlink()
    config = PairsConfig(content=(made.parent / "photos",), size=96, pairs_per_shard=5, val_share=0.2, test_share=0.2)
    make_pairs(config, Negative(), made)
    assert pix2style("pairs", "verify", made)[0] == 0
    assert (made / "manifest.json").read_bytes() == before


def test_show(pix2style, made: Path, tmp_path: Path) -> None:
    code, out, _ = pix2style("pairs", "show", made, "-o", tmp_path / "sheet.jpg", "--count", 5, "--suspicious")
    assert code == 0
    assert "9 pairs (train" in out
    assert "negative-30: 9 pairs" in out
    assert "96x96 (9)" in out
    assert "suspicious  0" in out
    height, width = read_picture(tmp_path / "sheet.jpg").rgb.shape[:2]
    assert (height, width) > (2 * 192, 6 * 192)
    code, out, _ = pix2style("pairs", "show", made, "--json")
    report = json.loads(out)
    assert (report["sizes"], report["suspicious"], report["sha256"]) == ({"96x96": 9}, None, PairReader(made).digest)
    same = [tmp_path / "a.png", tmp_path / "b.png", tmp_path / "c.png"]
    for path, seed in zip(same, (1, 1, 2), strict=True):
        pix2style("pairs", "show", made, "-o", path, "--count", 3, "--seed", seed)
    assert same[0].read_bytes() == same[1].read_bytes() != same[2].read_bytes()
    assert pix2style("pairs", "show", made, "-o", tmp_path / "sheet.txt")[0] == 2


@pytest.mark.parametrize("layout", ["folders", "side-by-side", "parquet"])
def test_export_and_import(pix2style, made: Path, tmp_path: Path, layout: str) -> None:
    code, out, _ = pix2style("pairs", "export", made, "-o", tmp_path / "out", "--as", layout)
    assert code == 0
    assert f"exported 9 pairs as {layout}" in out
    code, out, err = pix2style("pairs", "import", tmp_path / "out", "-o", tmp_path / "back", "--json")
    report = json.loads(out)
    assert (code, report["kind"], sum(report["pairs"].values())) == (0, layout, 9), err
    assert PairReader(tmp_path / "back").manifest.pairs == PairReader(made).manifest.pairs
    assert pix2style("pairs", "verify", tmp_path / "back")[0] == 0
    assert pix2style("pairs", "export", made, "-o", tmp_path / "out", "--as", layout)[0] == 3


def test_pairs_that_cannot_be_imported_are_listed(pix2style, made: Path, tmp_path: Path) -> None:
    pix2style("pairs", "export", made, "-o", tmp_path / "out", "--as", "folders")
    broken = next((tmp_path / "out" / "target" / "train").iterdir())
    broken.write_bytes(broken.read_bytes()[:300])
    code, out, err = pix2style("pairs", "import", tmp_path / "out", "-o", tmp_path / "back")
    assert code == 1
    assert "imported 8 pairs from folders" in out
    assert "failed: album" in err
    assert "target: damaged or cut off" in err
    code, _, err = pix2style("pairs", "import", tmp_path / "out", "-o", tmp_path / "strict", "--strict")
    assert code == 3
    assert "nothing was imported" in err
    assert not (tmp_path / "strict").exists()
