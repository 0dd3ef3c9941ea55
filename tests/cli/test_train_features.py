"""The command `pix2style train-features`."""

from __future__ import annotations

import json
import signal
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.images import Image8, Picture, write_picture
from pix2style.nets.autoencoder import load_autoencoder

Pix2Style = Callable[..., tuple[int, str, str]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    path = tmp_path_factory.mktemp("photos")
    for i, photo in enumerate(photos(6, 120, 160)):
        write_picture(path / f"{i}.png", Picture(photo))
    return path


def test_the_file_can_be_loaded_and_the_same_seed_gives_the_same_bytes(
    pix2style: Pix2Style, tmp_path: Path, folder: Path
) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in ("first", "again", "other")]
    for file, seed in zip(files, ("3", "3", "4"), strict=True):
        options = ["--content", folder, "--out", file, "--steps", "3", "--seed", seed, "--json"]
        code, stdout, stderr = pix2style("train-features", *options)
        assert code == 0, stderr
    report = json.loads(stdout)
    assert (report["steps"], report["pictures"], report["failures"]) == (3, 6, [])
    assert 1.2e6 < report["encoder_bytes"] < 1.6e6
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other
    assert load_autoencoder(["enc1", "enc4"], files[0]).layers == ("enc1", "enc4")


def test_unreadable_photos_are_listed_and_left_out(pix2style: Pix2Style, tmp_path: Path, folder: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    options = ["--content", folder, "--content", bad, "--out", tmp_path / "f.safetensors", "--steps=1"]
    code, stdout, stderr = pix2style("train-features", *options)
    assert code == 1
    assert "bad.png" in stderr
    assert "6 images, 1 step" in stdout


def test_a_pair_set_provides_photos_and_targets(pix2style: Pix2Style, tmp_path: Path, folder: Path) -> None:
    options = ["--teacher", "watercolor", "--size", "96", "pairs.val_share=0", "pairs.test_share=0"]
    assert pix2style("make-pairs", "--content", folder, "--out", tmp_path / "pairs", *options)[0] == 0
    options = ["--pairs", tmp_path / "pairs", "--out", tmp_path / "f.safetensors", "--steps", "1", "--json"]
    code, stdout, stderr = pix2style("train-features", *options)
    assert code == 0, stderr
    assert json.loads(stdout)["pictures"] == 12


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        ([], 2, "--content"),
        (["--content", "{folder}", "--pairs", "x"], 2, "one of the two"),
        (["--content", "{folder}", "--out", "features.pt"], 2, "ends in .safetensors"),
        (["--content", "{folder}", "--out", "{folder}/0.png/f.safetensors"], 2, "cannot be written (Not a directory)"),
        (["--content", "nowhere"], 3, "nowhere"),
        (["--pairs", "nowhere"], 3, "nowhere"),
    ],
)
def test_errors_are_one_message_and_an_exit_code(  # noqa: PLR0917 (the parameters are named by pytest)
    pix2style: Pix2Style,
    folder: Path,
    tmp_path: Path,
    arguments: list[str],
    code: int,
    message: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.chdir(tmp_path)
    exit_code, _, stderr = pix2style("train-features", *(argument.format(folder=folder) for argument in arguments))
    assert exit_code == code, stderr
    assert message in stderr
    assert "Traceback" not in stderr
    assert not list(tmp_path.iterdir())


def test_ctrl_c_leaves_no_partial_file(tmp_path: Path, folder: Path) -> None:
    """The program reports every step here, so that Ctrl-C comes during the training, however slow the machine is."""
    program = "from pix2style import cli, progress; progress.LINE_EVERY_S = 0; cli.main()"
    options = ["--content", str(folder), "--out", str(tmp_path / "f.safetensors"), "--steps", "1000000"]
    command = [sys.executable, "-c", program, "train-features", *options]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        try:
            assert process.stderr is not None
            assert any(line.startswith("steps: ") for line in process.stderr), "it ended before the first step"
            process.send_signal(signal.SIGINT)
            stderr = process.stderr.read()
        finally:
            process.kill()
    assert process.returncode == 130
    assert "interrupted" in stderr
    assert not list(tmp_path.iterdir())
