"""The command `pix2style eval`, for people and for scripts."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest

from pix2style.cli import main
from pix2style.images import Image8, encode_png, read_picture

torch = pytest.importorskip("torch")

SAMPLES = Path(__file__).parents[2] / "pix2style" / "samples" / "photos"


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    path = tmp_path / "photos"
    path.mkdir()
    for i, photo in enumerate(photos(2, 40, 56)):
        (path / f"{i}.png").write_bytes(encode_png(photo))
    return path


@pytest.fixture
def filter_file(tmp_path: Path) -> Path:
    """A filter file with random weights."""
    from pix2style.export.export_filter import export_filter
    from pix2style.nets.lite import Lite
    from pix2style.spec import GeneratorSpec, Provenance

    generator = Lite(channels=8, blocks=1, scale=4).eval()
    spec = GeneratorSpec(
        name="small",
        architecture=generator.architecture,
        parameters=sum(p.numel() for p in generator.parameters()),
        size_multiple=generator.size_multiple,
        receptive_field_px=generator.receptive_field_px,
        global_context=generator.global_context,
        trained_at_px=64,
        licence="",
        pix2style_version="0",
        provenance=Provenance("0" * 64, "watercolor", "0" * 64, (), "0" * 64, 1, 1),
    )
    export_filter(generator, spec, tmp_path / "small.onnx")
    return tmp_path / "small.onnx"


@dataclass(frozen=True)
class Done:
    returncode: int
    stdout: str
    stderr: str


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Callable[..., Done]:
    """Run the program in this process: importing torch in a new process for every command would take minutes."""

    def call(*arguments: object) -> Done:
        monkeypatch.setattr(sys, "argv", ["pix2style", "eval", *map(str, arguments)])
        with pytest.raises(SystemExit) as left:
            main()
        captured = capsys.readouterr()
        return Done(int(left.value.code or 0), captured.out, captured.err)

    return call


def test_stdout_of_a_process_holds_only_json(folder: Path, filter_file: Path, tmp_path: Path) -> None:
    (folder / "broken.png").write_bytes(b"noise")
    arguments = ["watercolor", filter_file, "--photos", folder, "--json", "--sheet", tmp_path / "out" / "sheet.png"]
    command = [sys.executable, "-m", "pix2style", "eval", *map(str, arguments)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 1, done.stderr  # one photo could not be read
    report = json.loads(done.stdout)
    assert [row["name"] for row in report["stylizers"]] == ["watercolor", "small.onnx", "photo"]
    assert report["stylizers"][1]["bytes"] == filter_file.stat().st_size
    assert report["stylizers"][1]["parameters"] > 0
    assert report["stylizers"][0]["bytes"] is None
    assert report["reference"]["name"] == "watercolor"
    assert [failure["name"] for failure in report["failures"]] == ["broken.png"]
    assert read_picture(tmp_path / "out" / "sheet.png").rgb.shape[1] == 4 * 56 + 5 * 8


def test_the_table_is_printed_on_stdout(folder: Path, run: Callable[..., Done]) -> None:
    done = run("watercolor", "--photos", folder, "--teacher", "watercolor", "--features", "none", "--limit", 1)
    assert done.returncode == 0, done.stderr
    assert "watercolor" in done.stdout
    assert "1 photo (" in done.stdout
    assert "note: style was not measured (--features none)" in done.stdout


def test_tell_apart_needs_photos_and_its_result_is_printed(
    folder: Path, run: Callable[..., Done], photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.evaluation import two_sample_test

    arguments = ["watercolor", "--photos", folder, "--teacher", "watercolor", "--features", "none", "--tell-apart"]
    refused = run(*arguments)
    assert refused.returncode == 3
    assert "--tell-apart: needs at least 8 photos, and there are 2" in refused.stderr
    for i, photo in enumerate(photos(8, 40, 56)):
        (folder / f"{i}.png").write_bytes(encode_png(photo))
    monkeypatch.setattr(two_sample_test.TellApart.__init__, "__defaults__", (1, 20))
    done = run(*arguments, "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["stylizers"]
    assert rows[0]["told_apart"]["full_size"]["accuracy"] == 0.5
    assert rows[0]["told_apart"]["half_size"]["patch_px"] == 16
    assert rows[1]["told_apart"] is None
    table = run(*arguments).stdout
    assert "told apart at half size" in table
    assert "50.0 % (50.0 % to 50.0 %)" in table
    (folder / "7.png").write_bytes(b"damaged")
    fewer = run(*arguments)
    assert (fewer.returncode, "PSNR" in fewer.stdout) == (1, True)
    assert "not told apart: --tell-apart: needs at least 8 photos, and there are 7" in fewer.stdout


def test_a_configuration_can_name_the_photos(folder: Path, tmp_path: Path, run: Callable[..., Done]) -> None:
    config = tmp_path / "config.yaml"
    config.write_text(f"eval:\n  photos: [{json.dumps(str(folder))}]\n  max_side: 32\n")
    done = run("watercolor", "--teacher", "watercolor", "--config", config, "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["material"]["max_side_px"] == 32


@pytest.mark.parametrize(
    ("arguments", "code", "words"),
    [
        (["watercolor"], 2, "--pairs DIR"),
        (["watercolor", "--photos", "FOLDER"], 2, "nothing to compare it with"),
        (["watercolor", "watercolor", "--photos", "FOLDER"], 2, "named twice"),
        (["watercolor", "nowhere.onnx", "--photos", "FOLDER"], 4, "nowhere.onnx"),
        (["watercolor", "--photos", "FOLDER/missing", "--teacher", "watercolor"], 3, "missing"),
        (["watercolor", "--pairs", "FOLDER", "--teacher", "watercolor"], 2, "already"),
        (["watercolor", "--pairs", "FOLDER"], 3, "make-pairs"),
        (["watercolor", "--pairs", "FOLDER", "--photos", "FOLDER"], 2, "one of them"),
        (["watercolor", "--photos", "FOLDER", "--max-side", "3"], 2, "max_side"),
        (["watercolor", "--pairs", "FOLDER", "--max-side", "64"], 2, "--max-side: is for --photos only"),
        (["watercolor", "--photos", "FOLDER", "--module", "full"], 2, "--module: is for magenta:PAINTING and gatys"),
        (["watercolor", "--steady", "--photos", "FOLDER", "--module", "full"], 2, "--module: is for"),
        (["magenta:no.jpg:1,watercolor:1", "--photos", "FOLDER", "--module", "full"], 2, "nothing to compare it with"),
        (["watercolor", "--photos", "FOLDER", "--sheet", "sheet.jpg"], 2, "PNG"),
        (["watercolor", "--photos", "FOLDER", "--teacher", "magenta:nowhere.jpg"], 3, "nowhere.jpg"),
        (["watercolor", "--photos", "FOLDER", "--teacher", "watercolor", "--features", "no.safetensors"], 4, "no.safe"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(
    folder: Path, run: Callable[..., Done], arguments: list[str], code: int, words: str
) -> None:
    done = run(*(argument.replace("FOLDER", str(folder)) for argument in arguments))
    assert done.returncode == code, done.stderr
    assert done.stdout == ""
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_steadiness_is_printed_as_a_table_and_as_json(
    filter_file: Path, tmp_path: Path, photos: Callable[..., list[Image8]], run: Callable[..., Done]
) -> None:
    (tmp_path / "photo.png").write_bytes(encode_png(photos(1, 72, 80)[0]))
    arguments = [filter_file, "--photos", tmp_path / "photo.png", "--steady"]
    done = run(*arguments, "--mode", "off", "--mode", "lock", "--json")
    assert done.returncode == 0, done.stderr
    rows = json.loads(done.stdout)["stylizers"]
    assert [(row["name"], row["mode"]) for row in rows] == [("small.onnx", "off"), ("small.onnx", "lock")]
    assert rows[0]["shifts"]["2"] > 0
    assert rows[0]["clip"] is None
    table = run(*arguments)
    assert "too small for a rendered clip" in table.stdout
    assert "1 photo" in table.stdout


def test_steadiness_on_a_rendered_clip_is_in_the_json(
    filter_file: Path, lite_file: Callable[..., Path], tmp_path: Path, run: Callable[..., Done]
) -> None:
    sample = read_picture(min(SAMPLES.glob("*.jpg"))).rgb
    (tmp_path / "photo.png").write_bytes(encode_png(sample[:190, :224]))
    arguments = [filter_file, lite_file(), "--photos", tmp_path / "photo.png", "--steady"]
    done = run(*arguments, "--mode", "off", "--mode", "full", "--json")
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    rows = report["stylizers"]
    assert [(row["name"], row["mode"]) for row in rows] == [
        (name, mode) for name in ("small.onnx", lite_file().name) for mode in ("off", "full")
    ]
    assert report["clips"] == 1
    assert list(report["photo_change"]) == ["0.25", "0.5"]
    assert all(change > 1 for change in report["photo_change"].values())
    assert report["photo_clip"]["warping_error"] < 3
    assert report["photo_clip"]["flicker"] < 0.3
    for row in rows:
        assert list(row["shifts"]) == ["1", "2", "3", "4"]
        assert list(row["partial_shifts"]) == ["0.25", "0.5"]
        assert row["clip"].keys() == {"warping_error", "flicker"}
        assert all(value > 0 for value in row["clip"].values())
    _, _, off, full = rows
    assert off["shifts"]["1"] > full["shifts"]["1"] == 0
    assert off["shifts"]["4"] < 1, "the grid of this filter has 4 pixels"
    assert off["noise_gain"] > full["noise_gain"] > 0
    assert off["clip"]["warping_error"] > full["clip"]["warping_error"]


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["watercolor", "--photos", "FOLDER", "--steady", "--teacher", "watercolor"], "--teacher"),
        (["watercolor", "--photos", "FOLDER", "--steady", "--mode", "lock", "--mode", "lock"], "twice"),
        (["watercolor", "--steady"], "--photos DIR"),
        (["watercolor", "--photos", "FOLDER", "--steady", "--tell-apart"], "--tell-apart"),
        (["watercolor", "--photos", "FOLDER", "--steady", "--no-perceptual"], "--perceptual"),
        (["watercolor", "--photos", "FOLDER", "--steady", "--html", "FOLDER/report.html"], "--html"),
        (["watercolor", "--photos", "FOLDER", "--mode", "lock"], "--steady"),
    ],
)
def test_options_that_do_not_fit_steadiness(
    folder: Path, run: Callable[..., Done], arguments: list[str], words: str
) -> None:
    done = run(*(argument.replace("FOLDER", str(folder)) for argument in arguments))
    assert done.returncode == 2, done.stderr
    assert words in done.stderr
