"""Frames that are in work at the same time give the bytes of frames one after another."""

from __future__ import annotations

import pickle
import shutil
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from clips import write_clip

import pix2style
from pix2style import file_session
from pix2style.effects.preserve_color import PreserveColor
from pix2style.errors import ArtifactError
from pix2style.file_session import FileSession
from pix2style.onnx_session import LOAD_ERRORS
from pix2style.openvino_session import OPENVINO
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer
from pix2style.video import painter, stylize_clip
from pix2style.video.clip_settings import clip_settings
from pix2style.video.facts import read_facts
from pix2style.video.painter import BusyTime, Painter


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A pan over noise with a cut."""
    scene = np.random.default_rng(0).integers(0, 255, (2, 80, 200, 3), np.uint8)
    frames = [scene[number // 14, 4:68, 3 * number : 3 * number + 96] for number in range(26)]
    return write_clip(tmp_path_factory.mktemp("clip") / "clip.mp4", frames)


@pytest.fixture(scope="module")
def filter_file(lite_file: Callable[..., Path]) -> Path:
    return lite_file(norm="instance")


def at_once(stylizer: Stylizer, clip: Path, **options: Any) -> int:
    return Painter(stylizer, read_facts(clip), clip_settings(steady="lock", **options))._at_once


@pytest.mark.parametrize("steady", ["off", "lock", "full"])
def test_the_bytes_do_not_depend_on_frames_at_once(
    clip: Path, filter_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, steady: str
) -> None:
    made = []
    for count in (1, 2, 3):
        monkeypatch.setattr(painter, "_FRAMES_AT_ONCE", count)
        stylizer = OnnxStylizer(filter_file, threads=3)
        assert at_once(stylizer, clip) == count
        out = tmp_path / f"{count}.mp4"
        stylize_clip(stylizer, clip, out, steady=steady, segment_frames=7)
        made.append(out.read_bytes())
    assert made[0] == made[1] == made[2]


def test_how_many_frames_are_in_work(clip: Path, filter_file: Path, tmp_path: Path) -> None:
    assert at_once(OnnxStylizer(filter_file, threads=1), clip) == 1
    two = OnnxStylizer(filter_file, threads=2)
    assert at_once(two, clip) == 2
    assert at_once(PreserveColor(two), clip) == 2
    assert at_once(pix2style.load_stylizer("watercolor"), clip) == 1
    large = write_clip(tmp_path / "large.mp4", [np.zeros((1440, 2560, 3), np.uint8)])
    assert at_once(two, large) == 1
    assert at_once(two, large, max_side_px=1280) == 2


def test_threads_of_the_copy_for_clips(filter_file: Path) -> None:
    stylizer = OnnxStylizer(filter_file, threads=4)
    assert [stylizer.copy_for_clips(count).max_frames_at_once for count in (1, 2, 4)] == [4, 3, 1]


def test_all_clips_share_what_is_opened_for_them(filter_file: Path, tmp_path: Path) -> None:
    path = Path(shutil.copy(filter_file, tmp_path))
    from_command = OnnxStylizer(path, threads=2, spinning="never")
    assert from_command.copy_for_clips()._session is from_command._session
    for_two = from_command.copy_for_clips(2)._session
    assert for_two is not from_command._session
    path.unlink()
    assert from_command.copy_for_clips(2)._session is for_two
    copied = pickle.loads(pickle.dumps(from_command))
    with pytest.raises(ArtifactError, match="cannot be opened a second time: No such file"):
        copied.copy_for_clips(2)


def test_what_spins_is_opened_again_for_clips_once(filter_file: Path) -> None:
    spinning = OnnxStylizer(filter_file, threads=2)
    for_clips = spinning.copy_for_clips()._session
    assert for_clips is not spinning._session
    assert spinning.copy_for_clips()._session is for_clips


@pytest.mark.parametrize("provider", ["CUDAExecutionProvider", OPENVINO])
def test_other_devices_keep_their_session(filter_file: Path, monkeypatch: pytest.MonkeyPatch, provider: str) -> None:
    monkeypatch.setattr(FileSession, "_open", lambda *_: object())
    session = FileSession(filter_file, filter_file.read_bytes(), providers=[provider])
    assert session.threads == 1
    assert session.for_clips("never", 1) is session


def test_a_second_session_that_cannot_be_opened_is_a_clear_error(
    filter_file: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise LOAD_ERRORS[0]("no memory\nis left")

    stylizer = OnnxStylizer(filter_file, threads=2)
    monkeypatch.setattr(file_session, "open_session", refuse)
    with pytest.raises(ArtifactError, match=r"\.onnx: cannot be opened a second time: no memory is left"):
        stylizer.copy_for_clips(2)


def test_time_of_two_frames_at_once_counts_once() -> None:
    busy = BusyTime()
    both = threading.Barrier(2, timeout=60)

    def work() -> None:
        with busy.measure():
            both.wait()
            time.sleep(0.1)

    started = time.perf_counter()
    thread = threading.Thread(target=work)
    thread.start()
    work()
    thread.join()
    assert 0.1 <= busy.seconds <= time.perf_counter() - started
    at_rest = busy.seconds
    time.sleep(1)
    with busy.measure():
        pass
    assert busy.seconds - at_rest < 0.9
