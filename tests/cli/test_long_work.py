"""Every long command says how far it is where stderr is no terminal."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style import progress
from pix2style.images import Image8, Picture, write_picture

Pix2Style = Callable[..., tuple[int, str, str]]
SMALL = ("model.generator=lite", "model.lite={channels: 8, blocks: 1}", "losses.adversarial.weight=0")
TRAIN = "train={images: 8, batch: 2, workers: 0, device: cpu, augment: {crop: 32}}"


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with photos, where a line is due at once."""
    for number, photo in enumerate(photos(9, 104, 136)):
        write_picture(tmp_path / "photos" / f"{number}.png", Picture(photo))
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(progress, "LINE_EVERY_S", 0.0)
    monkeypatch.setattr(progress.LiveStatus.__init__, "__defaults__", (0.0,))
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_lines_of_every_command(
    pix2style: Pix2Style, lite_file: Callable[..., Path], vgg_to_conv3_1: Path, tmp_path: Path
) -> None:
    def lines(*arguments: object) -> str:
        code, _, errors = pix2style(*arguments)
        assert code == 0, errors
        return str(errors)

    shares = ("pairs.val_share=0.3", "pairs.test_share=0.3")
    assert re.search(
        r"^\S.*: 9 of 9 done",
        lines("make-pairs", "--content", "photos", "--out", "p", "--size", 96, *shares),
        re.MULTILINE,
    )
    assert re.search(
        r"^photos: 2 of 9 done, \d+ s left$", lines("infer", lite_file(), "photos", "-o", "out"), re.MULTILINE
    )
    features = lines("train-features", "--content", "photos", "--out", "f.safetensors", "--steps", 2)
    assert re.search(r"^steps: 1 of 2 done, \d+ s left, loss [\d.]+$", features, re.MULTILINE)
    training = lines("train", "--pairs", "p", *SMALL, "losses.perceptual.weight=0", TRAIN)
    assert re.search(r"^training: 50% done, \d+ s left, loss [\d.]+", training, re.MULTILINE)
    exported = lines("export", "runs/run", "--precision", "int8", "--pairs", "p")
    assert re.search(r"^photos for calibration: 1 of \d+ done", exported, re.MULTILINE)
    code, opencv, errors = pix2style("export", "runs/run", "--for", "opencv", "--pairs", "p", "-o", "cv.onnx")
    assert (code, opencv.partition(",")[0]) == (0, "cv.onnx: int8"), errors
    assert re.search(r"^held-out photos: 1 of \d+ done", exported, re.MULTILINE)
    assert re.search(
        r"^photos: 1 of \d+ done", lines("eval", lite_file(), "--pairs", "p", "--features", "none"), re.MULTILINE
    )
    optimised = lines(
        "stylize",
        "photos/0.png",
        "photos/1.png",
        "-o",
        "s.png",
        "--preset",
        "shallow",
        "--steps",
        2,
        "--max-side",
        64,
        "--weights",
        vgg_to_conv3_1,
    )
    assert re.search(r"^steps: \d+ of \d+ done.*loss ", optimised, re.MULTILINE)
