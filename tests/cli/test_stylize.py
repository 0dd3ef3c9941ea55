"""The command `pix2style stylize`, for people and for scripts."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest

from pix2style.cli import main
from pix2style.files import sha256_file
from pix2style.images import Image8, Picture, encode_png, read_picture, resize, write_picture
from pix2style.teachers.color import preserve_color


@dataclass(frozen=True)
class Done:
    code: int
    out: str
    err: str


@dataclass(frozen=True)
class Inputs:
    folder: Path
    weights: Path

    def arguments(self, *more: object, preset: str = "shallow") -> list[str]:
        photo, painting = self.folder / "photo.png", self.folder / "painting.png"
        arguments = ("stylize", photo, painting, "--weights", self.weights, "--preset", preset, *more)
        return [str(argument) for argument in arguments]


@pytest.fixture
def inputs(tmp_path: Path, vgg_to_conv3_1: Path, photos: Callable[..., list[Image8]]) -> Inputs:
    photo, painting, other = photos(3, 47, 61)
    for name, picture in (("photo", photo), ("painting", painting), ("other", other)):
        (tmp_path / f"{name}.png").write_bytes(encode_png(picture))
    return Inputs(tmp_path, vgg_to_conv3_1)


@pytest.fixture
def run(monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]) -> Callable[[list[str]], Done]:
    def call(arguments: list[str]) -> Done:
        monkeypatch.setattr("sys.argv", ["pix2style", *arguments])
        with pytest.raises(SystemExit) as left:
            main()
        printed = capfd.readouterr()
        return Done(int(left.value.code or 0), printed.out, printed.err)

    return call


def test_one_photo_is_stylized(inputs: Inputs, run: Callable[[list[str]], Done]) -> None:
    out = inputs.folder / "new" / "out.png"
    done = run(inputs.arguments("-o", out, "--steps", 3))
    assert (done.code, done.err) == (0, "")
    assert done.out.startswith(f"{out}: 61x47, 3 steps in ")
    output, photo = read_picture(out).rgb, read_picture(inputs.folder / "photo.png").rgb
    assert output.shape == photo.shape
    assert not np.array_equal(output, photo)
    assert [path.name for path in out.parent.iterdir()] == ["out.png"]
    # The same command gives the same bytes.
    before = sha256_file(out)
    assert run(inputs.arguments("-o", out, "--steps", 3)).code == 0
    assert sha256_file(out) == before


def test_json_reports_every_setting_and_options_override_the_preset(
    inputs: Inputs, run: Callable[[list[str]], Done]
) -> None:
    more = ("--steps", 2, "--fine-steps", 1, "--coarse-side", 40, "--optimizer", "adam", "--style-weight", 5e3)
    layers = ("--content-layer", "conv1_2=0.5", "--content-layer", "relu2_1=2", "--style-layers", "conv1_1,conv2_1")
    blend = (inputs.folder / "other.png", "--blend", "3,1", "--strength", 0.5, "--pooling", "average", "--tv-weight", 0)
    out = inputs.folder / "out.png"
    done = run([*inputs.arguments("-o", out, "--json", *more, *layers), *map(str, blend)])
    assert (done.code, done.err) == (0, "")
    report = json.loads(done.out)
    assert (report["width_px"], report["height_px"], report["levels"], report["steps"]) == (61, 47, 2, 3)
    assert report["variation_loss"] == 0 < report["style_loss"]
    settings = report["identity"]["settings"]
    expected = {
        "content_layers": "conv1_2=0.5,relu2_1=2.0",
        "style_layers": "conv1_1=0.5,conv2_1=0.5",
        "style_weight": 5e3,
        "optimizer": "adam",
        "learning_rate": 0.02,
        "pooling": "average",
        "shares": "0.75,0.25",
        "strength": 0.5,
        "normalization": "mean",
    }
    assert {key: settings[key] for key in expected} == expected
    digests = [sha256_file(inputs.folder / name) for name in ("painting.png", "other.png")]
    assert report["identity"]["style_sha256"] == digests


def test_start_seed_and_intermediate_images(inputs: Inputs, run: Callable[[list[str]], Done]) -> None:
    slow = ("--steps", 5, "--optimizer", "adam", "--learning-rate", 1e-6)
    steps, made = inputs.folder / "steps", {}
    for start in ("content", "noise", str(inputs.folder / "other.png")):
        out = inputs.folder / "out.png"
        saving = ("--intermediate", steps, "--save-every", 2)
        assert run(inputs.arguments("-o", out, *slow, "--start", start, *saving)).code == 0
        made[start] = read_picture(out).rgb.astype(int)
        assert sorted(path.name for path in steps.iterdir()) == ["step-000002.png", "step-000004.png"]
        assert np.abs(read_picture(steps / "step-000004.png").rgb - made[start]).max() <= 1
    for name, picture in (("content", "photo"), (str(inputs.folder / "other.png"), "other")):
        assert np.abs(made[name] - read_picture(inputs.folder / f"{picture}.png").rgb).max() <= 1
    assert made["noise"].std() > 60
    assert run(inputs.arguments("-o", out, *slow, "--start", "noise", "--seed", 1)).code == 0
    assert np.abs(read_picture(out).rgb - made["noise"]).mean() > 40


def test_the_default_starts_from_the_photo_and_presets_as_published(
    inputs: Inputs, run: Callable[[list[str]], Done]
) -> None:
    shallow = ("--content-layer", "conv2_1", "--style-layers", "conv1_1", "--steps", 1, "--json")
    starts = {}
    for preset, given in ((None, ()), ("gatys-2015", ()), ("adam-7000", ()), ("shallow", ()), (None, ("noise",))):
        arguments = inputs.arguments("-o", inputs.folder / "out.png", *shallow, preset=preset or "shallow")
        if preset is None:
            at = arguments.index("--preset")
            del arguments[at : at + 2]
        done = run([*arguments, *(f"--start={start}" for start in given)])
        assert done.code == 0, done.err
        settings = json.loads(done.out)["identity"]["settings"]
        starts[preset, given] = settings["start"]
        assert preset is not None or settings["style_weight"] == 1e3  # that of gatys-2015
    assert list(starts.values()) == ["content", "noise", "content", "content", "noise"]


def test_the_report_names_the_weights(inputs: Inputs, run: Callable[[list[str]], Done]) -> None:
    done = run(inputs.arguments("-o", inputs.folder / "out.png", "--steps", 1, "--json"))
    report = json.loads(done.out)
    assert report["weights"] == {"name": inputs.weights.name, "sha256": sha256_file(inputs.weights)}


def test_colors_size_and_transparency(inputs: Inputs, run: Callable[[list[str]], Done]) -> None:
    photo = read_picture(inputs.folder / "photo.png").rgb
    alpha = np.tile(np.linspace(0, 255, 61).astype(np.uint8), (47, 1))
    write_picture(inputs.folder / "photo.png", Picture(photo, alpha))
    plain, kept = inputs.folder / "plain.png", inputs.folder / "kept.png"
    assert run(inputs.arguments("-o", plain, "--steps", 3, "--max-side", 30)).code == 0
    assert run(inputs.arguments("-o", kept, "--steps", 3, "--max-side", 30, "--keep-colors")).code == 0
    small = resize(read_picture(inputs.folder / "photo.png").rgb, 23, 30)
    picture = read_picture(kept)
    assert picture.rgb.shape == (23, 30, 3)
    assert picture.alpha is not None
    assert (picture.alpha[:, 0].max(), picture.alpha[:, -1].min()) < (30, 255)
    visible = picture.alpha > 0
    expected = preserve_color(small, read_picture(plain).rgb)
    assert np.array_equal(picture.rgb[visible], expected[visible])
    assert not np.array_equal(picture.rgb, read_picture(plain).rgb)


@pytest.mark.parametrize(
    ("more", "code", "message"),
    [
        (("--preset", "gatys-2015"), 4, "--content-layer conv3_1 --style-layers conv1_1,conv2_1,conv3_1"),
        (("--weights", "nowhere.safetensors"), 4, "nowhere.safetensors: there is no such weights file"),
        (("--content-layer", "conv1_7"), 2, "did you mean"),
        (("--style-layers", ""), 2, "at least one layer"),
        (("--save-every", 5), 2, "--intermediate DIR"),
        (("--blend", "1,2"), 2, "2 weights for 1 painting"),
        (("--blend", "half"), 2, "expected one number for each painting"),
        (("--strength", 2), 2, "between 0 and 1"),
        (("--steps", 0), 2, "steps"),
        (("--start", "nowhere.png"), 3, "nowhere.png"),
        (("-o", "out.gif"), 3, "out.gif: cannot write that format"),
        (("--tv-weight", 1e45), 3, "became infinite or no number at step 0"),
        (("--tv-weight", "inf"), 2, "variation_weight"),
    ],
)
def test_errors_are_one_line_and_an_exit_code(
    more: tuple[object, ...], code: int, message: str, inputs: Inputs, run: Callable[[list[str]], Done]
) -> None:
    out = inputs.folder / "out.png"
    done = run(inputs.arguments("-o", out, "--steps", 1, *more))
    assert done.code == code, done.err
    assert message in done.err
    assert len(done.err.splitlines()) == 1
    assert not out.exists()


def test_input_files_are_never_overwritten(inputs: Inputs, run: Callable[[list[str]], Done]) -> None:
    before = sha256_file(inputs.folder / "photo.png")
    done = run(inputs.arguments("-o", inputs.folder / "sub" / ".." / "photo.png", "--steps", 1))
    assert (done.code, "would overwrite an input" in done.err) == (3, True)
    assert sha256_file(inputs.folder / "photo.png") == before


def test_ctrl_c_keeps_the_intermediate_pictures(inputs: Inputs) -> None:
    out, steps = inputs.folder / "out.png", inputs.folder / "steps"
    more = ("-o", out, "--steps", 100000, "--intermediate", steps, "--save-every", 2, "--optimizer", "adam")
    command = [sys.executable, "-m", "pix2style", *inputs.arguments(*more)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        deadline = time.monotonic() + 120
        while not list(steps.glob("step-*.png")) and process.poll() is None and time.monotonic() < deadline:
            time.sleep(0.05)
        process.send_signal(signal.SIGINT)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 130
    assert stdout == ""
    assert "Traceback" not in stderr
    assert not out.exists()
    saved = sorted(steps.iterdir())
    assert {path.suffix for path in saved} == {".png"}
    assert read_picture(saved[-1]).rgb.shape == (47, 61, 3)
    assert f"out.png was not written; to continue from the last intermediate image, add --start {saved[-1]}" in stderr


def test_help_needs_no_torch(inputs: Inputs) -> None:
    program = (
        "import sys; sys.argv = ['pix2style', 'stylize', '--help']\n"
        "from pix2style.cli import main\n"
        "try:\n    main()\nexcept SystemExit:\n    print('LOADED', 'torch' in sys.modules, 'cv2' in sys.modules)\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.splitlines()[-1] == "LOADED False False"
