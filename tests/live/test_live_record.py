"""Recordings: times, sizes, and what is left when something goes wrong."""

from __future__ import annotations

import errno
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from live_parts import read_clip

from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.live import record
from pix2style.live.output_files import free_stem
from pix2style.live.record import Recording


def record_frames(folder: Path, frames: list[Image8], times: list[float], height: int = 48, width: int = 64) -> Path:
    recording = Recording(folder, height, width)
    for frame, time_s in zip(frames, times, strict=True):
        recording.add(frame, time_s)
    path = recording.finish()
    assert path is not None
    return path


def test_frames_keep_their_times_and_colours(tmp_path: Path) -> None:
    # Several hundred seconds since the machine started, in steps that vary, as cameras send frames.
    times = [500.0, 500.033, 500.1, 500.11, 500.9, 501.0]
    colours = [(250, 20, 20), (20, 250, 20), (20, 20, 250), (0, 0, 0), (255, 255, 255), (128, 128, 128)]
    path = record_frames(tmp_path, [np.full((48, 64, 3), colour, np.uint8) for colour in colours], times)
    frames, read_times = read_clip(path)
    assert read_times == pytest.approx([time_s - 500 for time_s in times], abs=1e-4)
    for frame, colour in zip(frames, colours, strict=True):
        assert np.abs(frame.reshape(-1, 3).mean(axis=0) - colour).max() < 6
    assert [entry.name for entry in tmp_path.iterdir()] == [path.name]


def test_times_that_repeat_or_go_back_still_make_a_clip(tmp_path: Path) -> None:
    frames = [np.full((48, 64, 3), 40 * number, np.uint8) for number in range(4)]
    times = read_clip(record_frames(tmp_path, frames, [1.0, 1.0, 0.5, 1.2]))[1]
    assert times == sorted(set(times))
    assert len(times) == 4


def test_the_clip_is_plain_h264_that_players_can_seek_in(tmp_path: Path) -> None:
    import av

    path = record_frames(tmp_path, [np.zeros((48, 64, 3), np.uint8)] * 5, [0, 0.1, 0.2, 0.3, 0.4])
    data = path.read_bytes()
    assert data.index(b"moov") < data.index(b"mdat")
    assert b"moof" not in data
    with av.open(str(path)) as container:
        [stream] = container.streams
        assert (stream.codec_context.name, stream.codec_context.pix_fmt) == ("h264", "yuv420p")
        assert (stream.codec_context.colorspace, stream.codec_context.color_range) == (1, 1)
        assert stream.duration * stream.time_base == pytest.approx(0.5, abs=0.02)


@pytest.mark.parametrize(("height", "width", "expected"), [(49, 65, (48, 64)), (17, 16, (16, 16)), (50, 66, (50, 66))])
def test_odd_sizes_lose_a_row_or_column(
    tmp_path: Path, photos: Callable[..., list[Image8]], height: int, width: int, expected: tuple[int, int]
) -> None:
    [photo] = photos(1, height, width)
    frames, _ = read_clip(record_frames(tmp_path, [photo], [0.0], height, width))
    assert frames[0].shape[:2] == expected
    assert np.abs(frames[0].astype(int) - photo[: expected[0], : expected[1]]).mean() < 20


def test_frames_of_other_sizes_are_resized(tmp_path: Path) -> None:
    frames = [np.full((24, 32, 3), 200, np.uint8), np.full((480, 640, 3), 100, np.uint8)]
    assert [frame.shape for frame in read_clip(record_frames(tmp_path, frames, [0.0, 0.1]))[0]] == [(48, 64, 3)] * 2


def test_a_recording_without_frames_leaves_nothing(tmp_path: Path) -> None:
    recording = Recording(tmp_path, 48, 64)
    assert [entry.suffixes for entry in tmp_path.iterdir()] == [[".partial", ".mp4"]]
    assert recording.finish() is None
    assert list(tmp_path.iterdir()) == []


def test_what_was_recorded_can_be_played_before_it_is_finished(tmp_path: Path) -> None:
    recording = Recording(tmp_path, 48, 64)
    for number in range(200):
        recording.add(np.full((48, 64, 3), number, np.uint8), number / 30)
        while recording.frames < number - 8:  # so that none is dropped
            time.sleep(0.001)
    while recording.frames < 200:
        time.sleep(0.001)
    frames, _ = read_clip(recording.partial)  # as it is after a kill -9
    assert len(frames) >= 120
    assert not recording.path.exists()
    assert recording.finish() == recording.path
    assert len(read_clip(recording.path)[0]) == 200


@pytest.mark.parametrize("rate", [3, 5, 15])
def test_at_most_one_second_is_lost_at_any_rate(tmp_path: Path, rate: int) -> None:
    recording = Recording(tmp_path, 48, 64)
    for number in range(5 * rate + 1):
        recording.add(np.full((48, 64, 3), number, np.uint8), number / rate)
        while recording.frames <= number:
            time.sleep(0.001)
    assert read_clip(recording.partial)[1][-1] >= 4  # as it is after a kill -9
    recording.finish()


def test_frames_that_come_too_fast_are_dropped_and_counted(tmp_path: Path) -> None:
    recording = Recording(tmp_path, 480, 640)
    frame = np.random.default_rng(0).integers(0, 255, (480, 640, 3), dtype=np.uint8)
    for number in range(100):
        recording.add(frame, number / 30)
    path = recording.finish()
    assert path is not None
    assert recording.dropped
    assert len(read_clip(path)[0]) == recording.frames == 100 - recording.dropped


def test_a_full_disk_keeps_what_was_recorded_under_the_partial_name(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(record, "_copy_packets", fail)
    recording = Recording(tmp_path, 48, 64)
    recording.add(np.zeros((48, 64, 3), np.uint8), 0.0)
    with pytest.raises(DataError, match=r"No space left on device\); what was recorded is in .*\.partial") as caught:
        recording.finish()
    assert str(caught.value).startswith(f"{recording.path}: cannot be written")
    assert [entry.name for entry in tmp_path.iterdir()] == [recording.partial.name]
    assert len(read_clip(recording.partial)[0]) == 1


def test_an_encoder_that_fails_is_reported_and_never_blocks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(record._Encoder, "add", fail)
    recording = Recording(tmp_path, 48, 64)
    for number in range(100):
        recording.add(np.zeros((48, 64, 3), np.uint8), number)
    with pytest.raises(DataError, match="No space left on device"):
        recording.finish()
    assert recording.has_failed
    assert list(tmp_path.iterdir()) == []


def test_two_recordings_of_one_second_have_two_names(tmp_path: Path) -> None:
    recordings = [Recording(tmp_path, 48, 64) for _ in range(3)]
    for recording in recordings:
        recording.add(np.zeros((48, 64, 3), np.uint8), 0.0)
    assert len({recording.finish() for recording in recordings}) == 3
    assert len(list(tmp_path.iterdir())) == 3


def test_a_name_is_free_only_if_none_of_its_files_exists(tmp_path: Path) -> None:
    import datetime

    now = datetime.datetime(2026, 11, 29, 12, 0, 5, tzinfo=datetime.UTC)
    assert free_stem(tmp_path, ("-a.png", "-b.png"), now).name == "live-20261129-120005"
    (tmp_path / "live-20261129-120005-b.png").touch()
    (tmp_path / "live-20261129-120005-2-a.png").touch()
    assert free_stem(tmp_path, ("-a.png", "-b.png"), now).name == "live-20261129-120005-3"
