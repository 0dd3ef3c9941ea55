"""Tests of what is left when writing fails: full disks, encoders that fail, programs that are killed."""

from __future__ import annotations

import errno
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import av
import pytest
from written import clip_frames, decoded, facts, segments_of, write, write_source

from pix2style.errors import ClipError, DataError
from pix2style.video import join, segments
from pix2style.video.clip import ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.join import join_segments
from pix2style.video.segments import encode_segment

TIMES = [512 * i for i in range(30)]
FULL = OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_source(tmp_path_factory.mktemp("source") / "in.mp4")


@pytest.fixture
def out(tmp_path: Path) -> Path:
    path = tmp_path / "folder" / "out.mp4"
    path.parent.mkdir()
    path.write_bytes(b"before")
    return path


def left_in(path: Path) -> list[str]:
    return sorted(entry.name for entry in path.parent.iterdir())


class FullDisk:
    """A file on a disk that becomes full after some bytes."""

    def __init__(self, stream: Any, room: int) -> None:
        self._stream, self._room = stream, room

    def __enter__(self) -> FullDisk:
        return self

    def __exit__(self, *_: object) -> None:
        self._stream.close()

    def write(self, data: bytes) -> int:
        self._room -= len(data)
        if self._room < 0:
            raise FULL
        return int(self._stream.write(data))


@pytest.mark.parametrize("share", [0, 0.5, 0.95])
def test_full_disk_while_a_segment_is_encoded(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, share: float) -> None:
    settings, _ = choose_settings(facts(tmp_path), tmp_path / "out.mp4")
    done = encode_segment(clip_frames(TIMES[:10]), tmp_path / "0", settings)
    real, room = Path.open, round(share * (tmp_path / "0").stat().st_size)
    with monkeypatch.context() as patch:
        patch.setattr(
            Path, "open", lambda self, mode="r": FullDisk(real(self, mode), room) if mode == "wb" else real(self, mode)
        )
        with pytest.raises(DataError) as error:
            encode_segment(clip_frames(TIMES[10:20]), tmp_path / "1", settings)
    assert str(error.value) == (
        f"{tmp_path / '1'}: cannot be written (No space left on device): free disk space there or remove the cause,"
        " and run the same command again, which keeps the finished parts of the clip"
    )
    assert [path.name for path in tmp_path.iterdir()] == ["0"]
    assert segments.read_segment(tmp_path / "0").times.tolist() == done.times.tolist()


def test_full_disk_while_segments_are_joined(source: Path, out: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    parts = segments_of(facts(source), out, clip_frames(TIMES))
    settings, _ = choose_settings(facts(source), out)
    real, calls = join.muxer_options, 0

    def small(*args: Any) -> dict[str, str]:
        return {**real(*args), "fflags": "+bitexact+flush_packets"}

    def full(*_args: Any) -> Iterator[Any]:
        nonlocal calls
        for packet in real_packets(*_args):
            calls += 1
            if calls > 20:
                raise FULL
            yield packet

    real_packets = join.copied_packets
    monkeypatch.setattr(join, "muxer_options", small)
    monkeypatch.setattr(join, "copied_packets", full)
    with pytest.raises(DataError, match=r"out.mp4: cannot be written \(No space left on device\): free disk space"):
        join_segments(parts, facts(source), out, settings)
    assert out.read_bytes() == b"before"
    assert left_in(out) == ["out.mp4", *sorted(path.name for path in parts)]


@pytest.mark.skipif(sys.platform != "linux" or os.geteuid() != 0, reason="only root can make such a disk")
@pytest.mark.parametrize("suffix", [".mp4", ".mkv"])
def test_join_on_a_disk_that_is_really_full(source: Path, tmp_path: Path, suffix: str) -> None:
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "tmpfs", disk], capture_output=True, check=False)
    if mounted.returncode:
        pytest.skip("no disk can be made here")
    try:
        (disk / f"out{suffix}").write_bytes(b"before")
        settings, _ = choose_settings(facts(source), tmp_path / f"out{suffix}")
        parts = segments_of(facts(source), tmp_path / f"out{suffix}", clip_frames(TIMES))
        with pytest.raises(DataError, match=r"cannot be written \(No space left on device\): free disk space"):
            join_segments(parts, facts(source), disk / f"out{suffix}", settings)
        assert [path.name for path in disk.iterdir()] == [f"out{suffix}"]
        assert (disk / f"out{suffix}").read_bytes() == b"before"
    finally:
        subprocess.run(["umount", disk], check=True)


def test_encoder_that_fails(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Failing:
        extradata = b""

        def encode(self, _image: object) -> list[Any]:
            raise av.error.ExternalError(1, "Generic error in an external library")

    monkeypatch.setattr(segments, "open_encoder", lambda *_: Failing())
    settings, _ = choose_settings(facts(tmp_path), tmp_path / "out.mp4")
    with pytest.raises(DataError) as error:
        encode_segment(clip_frames(TIMES), tmp_path / "segment", settings)
    assert str(error.value) == (
        f"{tmp_path / 'segment'}: libx264 cannot encode frames of 64x48 pixels (Generic error in an external library):"
        " choose another --codec or size"
    )
    assert not list(tmp_path.iterdir())


def test_errors_of_the_frames_stay_as_they_are(tmp_path: Path) -> None:
    def frames() -> Iterator[ClipFrame]:
        yield from clip_frames(TIMES[:3])
        raise OSError(errno.EIO, "cannot read", "clip.mp4")

    settings, _ = choose_settings(facts(tmp_path), tmp_path / "out.mp4")
    with pytest.raises(OSError, match=r"cannot read: 'clip.mp4'"):
        encode_segment(frames(), tmp_path / "segment", settings)
    with pytest.raises(DataError, match="there is no frame to encode"):
        encode_segment([], tmp_path / "segment", settings)
    with pytest.raises(DataError, match="frame 3 has 32x32 pixels, others have"):
        encode_segment([*clip_frames(TIMES[:3]), *clip_frames(TIMES[:4], 32, 32)[3:]], tmp_path / "segment", settings)
    assert not list(tmp_path.iterdir())


def test_source_that_is_gone(source: Path, out: Path) -> None:
    parts = segments_of(facts(source), out, clip_frames(TIMES))
    settings, _ = choose_settings(facts(source), out)
    with pytest.raises(ClipError, match=r"gone.mp4: No such file or directory"):
        join_segments(parts, facts(out.with_name("gone.mp4")), out, settings)
    assert out.read_bytes() == b"before"


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGKILL")
def test_killed_while_segments_are_joined(source: Path, out: Path) -> None:
    """The output stays as it was, and joining again gives what an undisturbed call gives."""
    program = (
        "import os, sys; sys.path[:0] = sys.argv[4].split(os.pathsep); from pathlib import Path\n"
        "from written import clip_frames, facts, write\n"
        "from pix2style.video import join\n"
        "real = join.copied_packets\n"
        "def killed(*args):\n"
        "    for number, packet in enumerate(real(*args)):\n"
        "        if number == 20: os.kill(os.getpid(), 9)\n"
        "        yield packet\n"
        "if sys.argv[3] == 'kill': join.copied_packets = killed\n"
        "write(facts(Path(sys.argv[1])), Path(sys.argv[2]), clip_frames([512 * i for i in range(30)]))\n"
    )
    paths = os.pathsep.join(sys.path)
    call = [sys.executable, "-c", program, str(source), str(out)]
    assert subprocess.run([*call, "kill", paths], check=False).returncode == -9
    assert out.read_bytes() == b"before"
    assert len(decoded(source)[0]) == 30
    subprocess.run([*call, "go on", paths], check=True)
    write(facts(source), out.with_name("other.mp4"), clip_frames(TIMES))
    assert out.read_bytes() == out.with_name("other.mp4").read_bytes()


def test_ffmpeg_prints_nothing(source: Path, tmp_path: Path) -> None:
    """In a process of its own: SVT-AV1 decides at its first use whether it prints, which may be another test's."""
    program = (
        "import os, sys; sys.path[:0] = sys.argv[3].split(os.pathsep); from pathlib import Path\n"
        "from written import clip_frames, facts, write\n"
        "for suffix, codec in (('mp4', 'h264'), ('mp4', 'hevc'), ('mp4', 'av1'), ('webm', 'vp9'), ('mov', 'prores')):\n"
        "    out = Path(sys.argv[2], f'out.{suffix}')\n"
        "    write(facts(Path(sys.argv[1])), out, clip_frames([512 * i for i in range(12)]), codec=codec)\n"
    )
    environment = {name: value for name, value in os.environ.items() if name != "SVT_LOG"}
    call = [sys.executable, "-c", program, str(source), str(tmp_path), os.pathsep.join(sys.path)]
    done = subprocess.run(call, capture_output=True, text=True, check=True, env=environment)
    assert (done.stdout, done.stderr) == ("", "")
