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
from pix2style.evaluation import two_sample_test
from pix2style.evaluation.report import EvalReport
from pix2style.images import Image8, encode_png, read_picture
from pix2style.progress import print_note
from pix2style.recipes import evaluate
from pix2style.recipes.evaluate import EvaluationOptions, check_evaluation, evaluate_stylizers
from pix2style.runs.folder import CheckpointMeta, RunFolder
from pix2style.stylizer import Stylizer
from pix2style.training.run.train import train


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


def test_a_blend_is_read_before_its_names_and_paintings_are(
    config: Config, red_filter: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    painting = tmp_path / "a.jpg"
    shutil.copy(tmp_path / "photos" / "0.png", painting)
    loaded: dict[str, str | None] = {}

    def remember(source: str, **settings: Any) -> Stylizer:
        loaded[source] = settings["device"]
        return load_stylizer("watercolor")

    monkeypatch.setattr(evaluate, "load_stylizer", remember)
    blend, equal = f"magenta:{painting}:0.7,{red_filter}:0.3", f"{red_filter},watercolor"
    options = EvaluationOptions([str(red_filter), equal], teacher=blend, features="none", device="cuda")
    report = evaluate_stylizers(config, options)
    assert [row.name for row in report.stylizers] == [red_filter.name, f"{red_filter.name},watercolor", "photo"]
    assert [one.name for one in report.paintings] == ["a.jpg"]
    assert loaded == {str(red_filter): "cuda", equal: "cuda", blend: None}
    report = evaluate_stylizers(config, EvaluationOptions([blend, "watercolor"], features="none"))
    assert report.stylizers[0].name == f"magenta:a.jpg:0.7,{red_filter.name}:0.3"


def test_the_report_says_the_device_and_what_stands_in_for_a_filter(
    config: Config, red_filter: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def load(source: str, **_: Any) -> Stylizer:
        print_note(f"{source}: cuda does not compute in 8 bits: its float16 version red.fp16.onnx is used")
        return load_stylizer(source)

    monkeypatch.setattr(evaluate, "load_stylizer", load)
    monkeypatch.setenv("PIX2STYLE_QUIET", "1")  # the report says it all the same
    options = EvaluationOptions([str(red_filter)], teacher="watercolor", features="none", device="cuda")
    report = evaluate_stylizers(config, options)
    assert [note.split(": ", 1)[0] for note in report.notes[:2]] == [str(red_filter), "watercolor"]
    assert "float16 version red.fp16.onnx" in report.notes[0]
    assert report.machine["device"] == "cuda"
    print_note("not in the report")
    assert "not in the report" not in report.notes


def test_plain_folders_are_divided_as_the_run_divided_them(
    tmp_path: Path, photos: Callable[..., list[Image8]], experiment: Callable[..., Config]
) -> None:
    """With other shares, photos of the training would be in the test split."""
    for i, photo in enumerate(photos(24, 48, 48)):
        for role, image in (("content", photo), ("target", 255 - photo)):
            (tmp_path / "pairs" / role).mkdir(parents=True, exist_ok=True)
            (tmp_path / "pairs" / role / f"{i}.png").write_bytes(encode_png(image))
    pairs = str(tmp_path / "pairs")
    for name, share in (("a", 0.3), ("b", 0.4)):
        changes = (f"pairs.path={pairs}", f"pairs.val_share={share}", f"pairs.test_share={share}", f"name={name}")
        train(experiment("train.images=4", *changes), tmp_path / name)
    a, b = (str(tmp_path / name) for name in ("a", "b"))
    alone = parse_config({"pairs": {"path": pairs}})

    def measure(config: Config, *runs: str) -> EvalReport:
        return evaluate_stylizers(config, EvaluationOptions(runs, features="none"))

    def trained_on(name: str) -> str:
        run = RunFolder(tmp_path / name)
        return CheckpointMeta.read(run.checkpoint() / "meta.json").pairs_sha256

    for name, run in (("a", a), ("b", b)):
        report = measure(alone, run)
        assert report.material.sha256 == trained_on(name)
        assert not any("was trained on other pairs" in note for note in report.notes)
    both = measure(alone, a, b)
    assert both.material.sha256 == trained_on("a")
    assert [note for note in both.notes if note.startswith(f"{b} was trained on other pairs than {pairs}")]
    assert not any(note.startswith(f"{a} ") for note in both.notes)
    named = measure(parse_config({"pairs": {"path": pairs, "val_share": 0.4, "test_share": 0.4}}), a)
    assert named.material.sha256 == trained_on("b")
    assert any(note.startswith(f"{a} was trained on other pairs") for note in named.notes)


def test_other_figures_are_kept_if_there_is_too_little_memory_for_telling_apart(
    config: Config, tmp_path: Path, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    for i, photo in enumerate(photos(8, 40, 56)):
        (tmp_path / "photos" / f"{i}.png").write_bytes(encode_png(photo))

    def measure(error: Exception) -> EvalReport:
        def fail(*_: Any, **__: Any) -> None:
            raise error

        monkeypatch.setattr(two_sample_test, "train_classifier", fail)
        options = EvaluationOptions(["watercolor"], teacher="watercolor", features="none", tell_apart=True)
        return evaluate_stylizers(config, options)

    for error in (MemoryError(), RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried 9 bytes")):
        report = measure(error)
        assert any(note.startswith("not told apart: there is too little memory") for note in report.notes)
        assert report.stylizers[0].equal_pictures == 8
    with pytest.raises(RuntimeError, match="a fault"):
        measure(RuntimeError("a fault of the program"))


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
