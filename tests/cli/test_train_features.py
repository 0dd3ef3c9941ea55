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


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    path = tmp_path_factory.mktemp("photos")
    for i, photo in enumerate(photos(6, 120, 160)):
        write_picture(path / f"{i}.png", Picture(photo))
    return path


def run(*arguments: str, cwd: Path | None = None) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "pix2style", "train-features", *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, cwd=cwd)


def test_the_file_can_be_loaded_and_the_same_seed_gives_the_same_bytes(tmp_path: Path, folder: Path) -> None:
    files = [tmp_path / f"{name}.safetensors" for name in ("first", "again", "other")]
    for file, seed in zip(files, ("3", "3", "4"), strict=True):
        done = run("--content", str(folder), "--out", str(file), "--steps", "3", "--seed", seed, "--json")
        assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert (report["steps"], report["pictures"], report["failures"]) == (3, 6, [])
    assert 1.2e6 < report["encoder_bytes"] < 1.6e6
    first, again, other = (file.read_bytes() for file in files)
    assert first == again != other
    assert load_autoencoder(["enc1", "enc4"], files[0]).layers == ("enc1", "enc4")


def test_unreadable_photos_are_listed_and_left_out(tmp_path: Path, folder: Path) -> None:
    bad = tmp_path / "bad.png"
    bad.write_bytes(b"no picture")
    done = run("--content", str(folder), "--content", str(bad), "--out", str(tmp_path / "f.safetensors"), "--steps=1")
    assert done.returncode == 1
    assert "bad.png" in done.stderr
    assert "6 images, 1 step" in done.stdout


def test_a_pair_set_provides_photos_and_targets(tmp_path: Path, folder: Path) -> None:
    def make(*arguments: str) -> None:
        subprocess.run([sys.executable, "-m", "pix2style", *arguments], check=True, capture_output=True)

    options = ["--teacher", "watercolor", "--size", "96", "pairs.val_share=0", "pairs.test_share=0"]
    make("make-pairs", "--content", str(folder), "--out", str(tmp_path / "pairs"), *options)
    done = run("--pairs", str(tmp_path / "pairs"), "--out", str(tmp_path / "f.safetensors"), "--steps", "1", "--json")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["pictures"] == 12


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
def test_errors_are_one_message_and_an_exit_code(
    folder: Path, tmp_path: Path, arguments: list[str], code: int, message: str
) -> None:
    done = run(*(argument.format(folder=folder) for argument in arguments), cwd=tmp_path)
    assert done.returncode == code, done.stderr
    assert message in done.stderr
    assert "Traceback" not in done.stderr
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
