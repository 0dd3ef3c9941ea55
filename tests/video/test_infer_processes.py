"""`pix2style infer` with a clip as a process of its own: its sound, and signals that end it in the middle."""

from __future__ import annotations

import re
import shlex
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

pytest.importorskip("av")

from plain_filters import write_filter
from written import decoded, packet_digests, packet_times_s, write_source

from pix2style.video.work_folder import work_folder_path

FRAMES = 800  # 250 in each segment
WAIT_S = 300


@pytest.fixture(scope="module")
def filter_file(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_filter(tmp_path_factory.mktemp("filter") / "negative.onnx")


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip of several segments with AAC sound."""
    return write_source(tmp_path_factory.mktemp("clip") / "clip.mp4", frames=FRAMES, size=(32, 32))


def start(*arguments: object) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "pix2style", *map(str, arguments)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """Return the exit code and what was printed on stderr."""
    try:
        _, errors = process.communicate(timeout=WAIT_S)
    finally:
        process.kill()
    return process.returncode, errors


@pytest.fixture(scope="module")
def whole(filter_file: Path, clip: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The output of a call that nothing interrupts."""
    out = tmp_path_factory.mktemp("whole") / "out.mp4"
    code, errors = finish(start("infer", filter_file, clip, "-o", out))
    assert code == 0, errors
    return out


def test_the_sound_is_the_same(clip: Path, whole: Path) -> None:
    [sound] = packet_digests(whole)
    assert len(sound) > 1000
    assert [sound] == packet_digests(clip)
    assert packet_times_s(whole) == packet_times_s(clip)
    assert sorted(packet_times_s(whole, "video")[0]) == sorted(packet_times_s(clip, "video")[0])


@pytest.mark.skipif(sys.platform == "win32", reason="Windows sends no signals")
@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_a_signal_leaves_a_playable_file_and_the_command_that_goes_on(
    filter_file: Path, clip: Path, whole: Path, tmp_path: Path, number: signal.Signals
) -> None:
    out, partial = tmp_path / "my out.mp4", tmp_path / "my out.partial.mp4"
    process = start("infer", filter_file, clip, "-o", out)
    deadline = time.monotonic() + WAIT_S
    while not list(work_folder_path(out).glob("0*.segment")):
        assert process.poll() is None, process.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)
    process.send_signal(number)
    code, errors = finish(process)
    assert code == 130, errors
    assert not out.exists(), "the clip was done before the signal came"
    said = re.search(
        r"interrupted; (\d+) frames are in (.*); the same command goes on after frame (\d+): pix2style (.*)\n", errors
    )
    assert said, errors
    frames, path, kept, arguments = said.groups()
    assert path == str(partial)
    assert 250 <= int(kept) <= int(frames) < FRAMES
    _, times = decoded(partial)
    assert times == decoded(clip)[1][: int(frames)]
    [sound], [original] = packet_digests(partial), packet_digests(clip)
    assert sound == original[: len(sound)]
    assert abs(packet_times_s(partial)[0][-1] - times[-1]) < 0.1

    assert shlex.split(arguments) == ["infer", str(filter_file), str(clip), "-o", str(out)]
    process = start(*shlex.split(arguments), "--json")
    report, errors = process.communicate(timeout=WAIT_S)
    assert process.returncode == 0, errors
    assert f'"resumed_frames": {kept}' in report
    assert out.read_bytes() == whole.read_bytes()
    assert [entry.name for entry in tmp_path.iterdir()] == [out.name]
