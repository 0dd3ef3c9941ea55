"""Programs that are killed, interrupted or find the disk full lose nothing, and go on to the same bytes."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import av
import numpy as np
import pytest
from clips import grey_frames, write_clip

from pix2style.video.work_folder import work_folder_path

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="Windows has neither SIGKILL nor limits of resources")
PROGRAM = Path(__file__).with_name("run_stylize_clip.py")


def run(clip: Path, out: Path, frame: int, event: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, str(PROGRAM), str(clip), str(out), str(frame), event]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=100)


def frame_count(path: Path) -> int:
    with av.open(str(path)) as container:
        return sum(1 for _ in container.decode(video=0))


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip that pans, so that the state of the motion matters."""
    wide = np.random.default_rng(0).integers(0, 256, (9, 40, 3), np.uint8).repeat(8, 0).repeat(8, 1)
    frames = [frame // 4 + wide[:, 2 * i : 2 * i + 128] // 2 for i, frame in enumerate(grey_frames(50, 72, 128))]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


@pytest.fixture(scope="module")
def whole(clip: Path, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    out = tmp_path_factory.mktemp("whole") / "out.mp4"
    assert run(clip, out, 0, "nothing").returncode == 0
    return out.read_bytes()


def test_killed_twice(clip: Path, whole: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"before")
    for frame in (30, 20):
        assert run(clip, out, frame, "kill").returncode == -9
        assert out.read_bytes() == b"before"
        assert sorted(path.name for path in tmp_path.iterdir()) == [work_folder_path(out).name, "out.mp4"]
    done = run(clip, out, 0, "nothing")
    assert int(done.stdout) >= 24
    assert out.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_interrupted(clip: Path, whole: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    stopped = run(clip, out, 30, "interrupt")
    assert "ClipInterrupted" in stopped.stderr
    assert frame_count(tmp_path / "out.partial.mp4") in (30, 31)
    assert not out.exists()
    assert run(clip, out, 0, "nothing").stdout == "24\n"
    assert out.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]


def test_full_disk(clip: Path, whole: bytes, tmp_path: Path) -> None:
    out = tmp_path / "out.mp4"
    out.write_bytes(b"before")
    full = run(clip, out, 30, "full")
    assert full.returncode == 1
    assert len(full.stderr.splitlines()) == 1
    assert full.stderr.startswith(f"{out}: cannot be written (File too large): free disk space there")
    assert out.read_bytes() == b"before"
    assert int(run(clip, out, 0, "nothing").stdout) >= 12
    assert out.read_bytes() == whole
    assert [path.name for path in tmp_path.iterdir()] == ["out.mp4"]
