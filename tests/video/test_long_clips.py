"""Long clips from file to file: times do not drift."""

from __future__ import annotations

from fractions import Fraction
from pathlib import Path

import pytest

pytest.importorskip("av")

from negative_stylizer import Negative
from written import packet_digests, packet_times_s, write_source

from pix2style.video import stylize_clip


def test_ten_minutes_at_a_variable_rate_stay_in_step(tmp_path: Path) -> None:
    """The last frame and the last packet of the sound have the times that they have in the source."""
    times = [30030 * i + i * 7919 % 15013 for i in range(1200)]  # no two frames last equally long
    clip = write_source(
        tmp_path / "clip.mp4", size=(16, 16), rate=8000, seconds=600, times=times, time_base=Fraction(1, 60000)
    )
    out = tmp_path / "out.mp4"
    report = stylize_clip(Negative(), clip, out, steady="off")
    assert (report.frames, report.notes) == (1200, [])
    frames, original = (sorted(packet_times_s(path, "video")[0]) for path in (out, clip))
    assert original[-1] - original[0] == Fraction(times[-1], 60000) > 600
    assert frames == original
    [sound], [original] = packet_times_s(out), packet_times_s(clip)
    assert original[-1] > 599
    assert sound == original
    assert packet_digests(out) == packet_digests(clip)
