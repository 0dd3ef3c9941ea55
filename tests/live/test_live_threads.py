"""What runs between the threads: the newest frame, and the size that keeps the frame rate."""

from __future__ import annotations

import threading

import pytest

from pix2style.live.newest import Newest
from pix2style.live.work_size import WorkSize


def test_a_newer_item_replaces_one_that_was_not_taken() -> None:
    newest: Newest[int] = Newest()
    for number in range(5):
        newest.put(number)
    assert (newest.take(0), newest.take(0), newest.dropped) == (4, None, 4)


def test_the_last_item_can_be_taken_after_closing_and_then_the_error_comes() -> None:
    newest: Newest[int] = Newest()
    newest.put(1)
    newest.close(ValueError("camera"))
    newest.close()  # the first reason counts
    assert not newest.is_finished
    assert newest.take() == 1
    assert newest.is_finished
    with pytest.raises(ValueError, match="camera"):
        newest.take()


def test_take_waits_for_an_item_or_the_end() -> None:
    newest: Newest[int] = Newest()
    threading.Timer(0.05, newest.put, [3]).start()
    assert newest.take() == 3
    threading.Timer(0.05, newest.close).start()
    assert newest.take() is None


def run(work_size: WorkSize, count: int, seconds_per_megapixel: float) -> list[int]:
    """Widths at which frames of 1280x720 are stylized one after another."""
    widths = []
    for _ in range(count):
        height, width = work_size.size(720, 1280)
        widths.append(width)
        work_size.add(seconds_per_megapixel * height * width / 1e6)
    return widths


def test_frames_shrink_until_the_frame_rate_is_kept_and_stay_there() -> None:
    widths = run(WorkSize(), 400, 0.2)  # 720p takes 184 ms, 640x360 takes 46 ms
    assert widths[0] == 1280
    assert widths[20] == 640
    assert set(widths[20:]) == {640}


def test_frames_grow_again_when_there_is_time() -> None:
    work_size = WorkSize()
    assert run(work_size, 30, 0.2)[-1] == 640
    assert run(work_size, 300, 0.02)[-1] == 1280


def test_the_size_does_not_swing_between_two_levels() -> None:
    # At 960x540 a frame takes 62 ms, which is in time, but too close to it to come back from 640x360.
    assert len(set(run(WorkSize(), 1000, 0.12)[100:])) == 1


def test_a_very_slow_stylizer_ends_at_the_smallest_size() -> None:
    assert run(WorkSize(), 30, 100.0)[-1] == 320
    small = WorkSize()
    for _ in range(30):
        assert max(small.size(48, 64)) == 64
        small.add(9.0)


def test_one_slow_frame_changes_nothing() -> None:
    work_size = WorkSize()
    run(work_size, 10, 0.02)
    work_size.add(5.0)
    assert run(work_size, 10, 0.02) == [1280] * 10


def test_a_fixed_size_stays() -> None:
    assert set(run(WorkSize(320), 50, 10.0)) == {320}
    assert WorkSize(4000).size(720, 1280) == (720, 1280)
