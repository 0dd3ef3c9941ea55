"""The recipe behind `pix2style eval` as a plain function."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from pix2style import load_stylizer
from pix2style.config import Config, parse_config
from pix2style.errors import ConfigError
from pix2style.images import Image8, encode_png, read_picture
from pix2style.recipes import evaluate
from pix2style.recipes.evaluate import EvaluationOptions, check_evaluation, evaluate_stylizers
from pix2style.stylizer import Stylizer


@pytest.fixture
def config(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Config:
    """A configuration that evaluates on two photos."""
    (tmp_path / "photos").mkdir()
    for i, photo in enumerate(photos(2, 40, 56)):
        (tmp_path / "photos" / f"{i}.png").write_bytes(encode_png(photo))
    return parse_config({"eval": {"photos": [str(tmp_path / "photos")]}})


def test_the_first_stylizer_is_the_reference_and_names_are_short(
    config: Config, red_filter: Path, tmp_path: Path
) -> None:
    options = EvaluationOptions(["watercolor", str(red_filter)], features="none", sheet=tmp_path / "sheet.png")
    report = evaluate_stylizers(config, options)
    assert [row.name for row in report.stylizers] == ["watercolor", red_filter.name, "photo"]
    assert report.reference.name == "watercolor"
    assert report.stylizers[0].equal_pictures == 2
    assert read_picture(tmp_path / "sheet.png").rgb.shape[1] == 4 * 56 + 5 * 8


def test_files_of_the_same_name_keep_their_folders(config: Config, red_filter: Path, tmp_path: Path) -> None:
    copies = [tmp_path / folder / "filter.onnx" for folder in ("a", "b")]
    for copy in copies:
        copy.parent.mkdir()
        shutil.copy(red_filter, copy)
    options = EvaluationOptions([str(copy) for copy in copies], teacher="watercolor", features="none", limit=1)
    report = evaluate_stylizers(config, options)
    assert [row.name for row in report.stylizers] == [*map(str, copies), "photo"]
    assert (report.reference.name, report.material.photos) == ("watercolor", 1)


def test_the_reference_runs_on_the_chosen_device_unless_it_is_a_teacher_of_pairs(
    config: Config, red_filter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    loaded: dict[str, str | None] = {}

    def remember(source: str, **settings: Any) -> Stylizer:
        loaded[Path(source).name] = settings["device"]
        return load_stylizer(source)

    monkeypatch.setattr(evaluate, "load_stylizer", remember)
    other = shutil.copy(red_filter, tmp_path / "other.onnx")
    for teacher in (str(other), "watercolor"):
        options = EvaluationOptions([str(red_filter)], teacher=teacher, features="none", device="cuda")
        evaluate_stylizers(config, options)
    assert loaded == {red_filter.name: "cuda", "other.onnx": "cuda", "watercolor": None}


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (EvaluationOptions(["watercolor"]), "nothing to compare it with"),
        (EvaluationOptions(["watercolor", "watercolor"]), "named twice"),
        (EvaluationOptions(["a", "b"], sheet=Path("sheet.jpg")), "PNG"),
    ],
)
def test_contradicting_options_are_refused(config: Config, options: EvaluationOptions, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        check_evaluation(config, options)


def test_photos_or_pairs_are_needed() -> None:
    with pytest.raises(ConfigError, match="there are no photos to evaluate on"):
        check_evaluation(Config(), EvaluationOptions(["watercolor"]))
