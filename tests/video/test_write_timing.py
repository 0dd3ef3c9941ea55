"""Tests of the decode times of packets."""

from __future__ import annotations

import numpy as np
import pytest

from pix2style.video.timing import packet_times


def random_order(rng: np.random.Generator, count: int) -> list[int]:
    """Return places of frames in the order of decoding: now and then, one comes before up to three earlier ones."""
    places = [0]
    while len(places) < count:
        length = min(int(rng.integers(1, 5)), count - len(places))
        begin = len(places)
        places += [begin + length - 1, *range(begin, begin + length - 1)]
    return places


@pytest.mark.parametrize("longest", [3, 50])
def test_any_order_of_frames(longest: int) -> None:
    rng = np.random.default_rng(longest)
    for _ in range(200):
        count = int(rng.integers(1, 40))
        times = np.cumsum(rng.integers(1, longest, count)) + rng.integers(0, 50)
        found = packet_times(times, np.array(random_order(rng, count)), 7)
        assert np.all(np.diff(found.decoded) > 0)
        assert np.all(found.decoded <= found.shown)
        assert sorted(found.shown) == times.tolist()
        assert (found.first, found.end) == (times[0], times[-1] + 7)
        assert found.durations.sum() == found.end - found.first
        span = found.decoded[-1] - found.decoded[0] + found.durations[-1]
        assert abs(span - (found.end - found.first)) <= 1, "MP4 computes the duration of the track from decode times"


def test_regular_frames_are_decoded_regularly() -> None:
    found = packet_times(np.arange(8) * 512, np.array([0, 4, 2, 1, 3, 7, 5, 6]), 512)
    assert found.decoded.tolist() == [512 * i for i in range(-2, 6)]


def test_equal_times_are_moved_apart() -> None:
    assert packet_times(np.array([5, 5, 4, 9]), np.arange(4), 3).shown.tolist() == [5, 6, 7, 9]
