"""`pix2style infer` with a clip, as a process of its own, on a file system that really becomes full."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

pytest.importorskip("av")

from plain_filters import write_filter
from written import write_source

FRAMES = 800  # 250 in each segment
BEFORE = b"an output of before"

pytestmark = pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can make such a disk")


@pytest.fixture(scope="module")
def job(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path, bytes]:
    """A filter, a clip of four segments with sound, and the output where there is room."""
    folder = tmp_path_factory.mktemp("job")
    filter_file = write_filter(folder / "negative.onnx")
    clip = write_source(folder / "clip.mp4", frames=FRAMES, size=(32, 32))
    code, said = infer(filter_file, clip, folder / "whole.mp4")
    assert code == 0, said
    return filter_file, clip, (folder / "whole.mp4").read_bytes()


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Path]:
    """A file system in memory, large until it is made smaller."""
    folder = tmp_path / "disk"
    folder.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "tmpfs", folder], capture_output=True, check=False).returncode:
        pytest.skip("no disk can be made here")
    yield folder
    subprocess.run(["umount", folder], check=True)


def resize(disk: Path, size_kb: int) -> None:
    subprocess.run(["mount", "-o", f"remount,size={size_kb}k", disk], check=True)


def infer(*arguments: object) -> tuple[int, str]:
    command = [sys.executable, "-m", "pix2style", "infer", *map(str, arguments[:2]), "-o", str(arguments[2])]
    done = subprocess.run([*command, "--overwrite"], capture_output=True, text=True, timeout=300, check=False)
    return done.returncode, done.stdout + done.stderr


@pytest.mark.parametrize(
    ("room_kb", "kept_frames"),
    [
        pytest.param(100, 250, id="while a segment is encoded"),
        pytest.param(280, 800, id="while segments and sound are joined"),
    ],
)
def test_the_output_of_before_stays_and_the_same_command_goes_on(
    job: tuple[Path, Path, bytes], disk: Path, room_kb: int, kept_frames: int
) -> None:
    filter_file, clip, whole = job
    out = disk / "out.mp4"
    out.write_bytes(BEFORE)
    resize(disk, room_kb)
    code, said = infer(filter_file, clip, out)
    assert code == 1, said
    assert "No space left on device" in said
    assert "run the same command again" in said
    assert out.read_bytes() == BEFORE
    assert not list(disk.glob("*.partial*"))

    resize(disk, 20_000)
    code, said = infer(filter_file, clip, out)
    assert code == 0, said
    assert f"{kept_frames} of them by an earlier call" in said
    assert out.read_bytes() == whole
    assert [path.name for path in disk.iterdir()] == [out.name]


def test_a_disk_without_any_room(job: tuple[Path, Path, bytes], disk: Path) -> None:
    filter_file, clip, _ = job
    out = disk / "out.mp4"
    out.write_bytes(BEFORE)
    resize(disk, 8)
    (disk / "filling").write_bytes(bytes(4096))
    code, said = infer(filter_file, clip, out)
    assert code == 3, said
    assert "No space left on device" in said
    assert "Traceback" not in said
    assert out.read_bytes() == BEFORE
    assert sorted(path.name for path in disk.iterdir()) == ["filling", "out.mp4"]
