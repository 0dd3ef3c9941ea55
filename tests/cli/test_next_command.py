"""The command that a command names as the next one works as it is printed."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style import progress
from pix2style.images import Image8, Picture, write_picture

Pix2Style = Callable[..., tuple[int, str, str]]
SMALL = (
    "model.generator=lite",
    "model.lite={channels: 8, blocks: 1}",
    "model.start_from=null",
    "losses.adversarial.weight=0",
    "losses.style.weight=0",
    "train={images: 8, batch: 2, workers: 0, device: cpu, augment: {crop: 32}}",
)


def next_command(stderr: str) -> list[str]:
    [line] = [line for line in stderr.splitlines() if line.startswith("next: ")]
    program, *arguments = shlex.split(line.removeprefix("next: "))
    assert program == "pix2style"
    return arguments


@pytest.fixture
def folder(tmp_path: Path, photos: Callable[..., list[Image8]], monkeypatch: pytest.MonkeyPatch) -> Path:
    """A working folder with a folder `my photos`."""
    for number, photo in enumerate(photos(6, 104, 136)):
        write_picture(tmp_path / "my photos" / f"{number}.png", Picture(photo))
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.mark.usefixtures("folder")
def test_each_command_names_one_that_runs(pix2style: Pix2Style) -> None:
    shares = ("pairs.val_share=0", "pairs.test_share=0.2")
    code, _, errors = pix2style("make-pairs", "--content", "my photos", "--size", 96, "--out", "my pairs", *shares)
    assert code == 0, errors
    assert next_command(errors) == ["train", "--config", "finetune", "--pairs", "my pairs"]
    code, _, errors = pix2style("train-features", "--pairs", "my pairs", "--out", "my.safetensors", "--steps", 1)
    assert code == 0, errors
    command = next_command(errors)
    assert command[:3] == ["train", "--pairs", "my pairs"]
    code, _, errors = pix2style(*command, *SMALL)
    assert code == 0, errors
    command = next_command(errors)
    assert command == ["export", "runs/run"]
    code, _, errors = pix2style(*command)
    assert code == 0, errors
    assert next_command(errors) == ["infer", "runs/run/run.onnx", "PHOTOS", "-o", "OUT"]


@pytest.mark.usefixtures("folder")
def test_train_features_on_photos_leaves_the_pair_set_to_be_filled_in(pix2style: Pix2Style) -> None:
    code, _, errors = pix2style("train-features", "--content", "my photos", "--out", "f.safetensors", "--steps", 1)
    assert code == 0, errors
    assert next_command(errors)[:3] == ["train", "--pairs", "PAIRS"]


def test_an_imported_set_can_be_trained_on(
    pix2style: Pix2Style, folder: Path, photos: Callable[..., list[Image8]]
) -> None:
    for number, photo in enumerate(photos(12, 64, 64)):
        side = ("content", "target")[number % 2]
        write_picture(folder / "own" / side / f"{number // 2}.png", Picture(photo))
    code, _, errors = pix2style("pairs", "import", "own", "-o", "my pairs")
    assert code == 0, errors
    assert next_command(errors) == ["train", "--config", "finetune", "--pairs", "my pairs"]


@pytest.mark.usefixtures("folder")
def test_a_report_as_json_is_for_programs(pix2style: Pix2Style) -> None:
    code, _, errors = pix2style("make-pairs", "--content", "my photos", "--size", 32, "--out", "pairs", "--json")
    assert code == 0
    assert "next:" not in errors


def test_windows_gets_quotes_that_its_shell_strips(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(progress.sys, "platform", "win32")
    progress.print_next("pix2style", "train", "--pairs", "my pairs")
    assert capsys.readouterr().err == 'next: pix2style train --pairs "my pairs"\n'
