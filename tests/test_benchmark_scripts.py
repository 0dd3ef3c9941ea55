"""What benchmarks do when they are repeated with other settings, or with photos that do not fit."""

from __future__ import annotations

import json
import runpy
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pytest

BENCHMARKS = Path(__file__).parents[1] / "benchmarks"


@pytest.fixture(autouse=True)
def _benchmarks_are_found() -> Iterator[None]:
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(str(BENCHMARKS))
        yield


def _script(name: str) -> dict[str, Any]:
    return runpy.run_path(str(BENCHMARKS / name))


def test_kept_results_are_refused_under_other_settings(tmp_path: Path) -> None:
    check = _script("kept_settings.py")["check_settings"]
    for _ in range(2):
        check(tmp_path / "out", {"minutes": 1.0, "photos": Path("photos")})
    with pytest.raises(SystemExit, match=r"out: holds results with minutes 1\.0 and not 2\.0: name another folder"):
        check(tmp_path / "out", {"minutes": 2.0, "photos": Path("photos")})
    (tmp_path / "older").mkdir()
    (tmp_path / "older" / "done.json").touch()
    with pytest.raises(SystemExit, match="older: holds results that do not say their settings"):
        check(tmp_path / "older", {"minutes": 1.0})


@pytest.mark.parametrize(
    ("name", "arguments"),
    [
        ("styles.py", "--teacher M S.jpg --photos P --features F --shown X.jpg --out OUT"),
        ("painting_weight.py", "--tuned S.jpg --photos P --module M --vgg V --images 9 --out OUT"),
    ],
)
def test_settings_that_change_the_figures_are_kept(
    name: str, arguments: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The folder has a finished result of another --limit, which must not be shown under this one."""
    (tmp_path / "S").mkdir()
    script = _script(name)
    earlier = script["_parser"]().parse_args([*arguments.split(), "--limit", "3"])
    styles = ("M", Path("S.jpg")) if name == "styles.py" else (Path("S.jpg"),)
    (tmp_path / "S" / "settings.json").write_text(json.dumps(script["settings_of"](*styles, earlier), default=str))
    words = [name, *arguments.replace("OUT", str(tmp_path)).split(), "--limit", "7"]
    monkeypatch.setattr("sys.argv", words)
    with pytest.raises(SystemExit, match="holds results with limit 3 and not 7"):
        script["main"]()


def test_the_minutes_of_a_recipe_are_those_of_all_its_sessions(tmp_path: Path) -> None:
    described = {"images": 1200, "report": {"seconds": 60.0, "elapsed_s": 600.0}}
    (tmp_path / "run.json").write_text(json.dumps(described))
    assert _script("quality.py")["_seen"](tmp_path / "run") == "10.0 | 1,200"


def test_the_target_of_another_photo_is_one_of_the_same_shape_if_there_is_one() -> None:
    script = _script("evidence.py")
    wide, high = np.zeros((8, 12, 3), np.uint8), np.zeros((12, 8, 3), np.uint8)
    others = script["_of_other_photos"]([wide, high, wide + 1, wide + 2])
    assert {index: int(image[0, 0, 0]) for index, image in others.items()} == {0: 1, 2: 2, 3: 0}
    assert script["_of_other_photos"]([wide]) == {}


def test_a_report_of_one_photo_has_no_errors() -> None:
    estimate = _script("evidence.py")["_estimate"]
    assert estimate({"mean": 0.25, "standard_error": None, "n": 1}) == "0.250"
    assert estimate({"mean": 0.25, "standard_error": 0.01, "n": 9}) == "0.250 ±0.010"
    assert estimate(None) == ""


def test_a_filter_that_is_too_slow_for_the_large_size_is_not_compared_there() -> None:
    pytest.importorskip("openvino")
    script = _script("peers.py")
    small, large = script["SIZES"]
    way = script["Way"]
    own = way("a.onnx", "x", "y", open, {small: [300.0], large: []})
    peer = way("peer", "x", "y", open, {small: [100.0], large: [400.0]})
    assert script["_ratios"](own, [own, peer], large) == []
    assert len(script["_ratios"](own, [own, peer], small)) == 1
