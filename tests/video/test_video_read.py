"""Reading clips."""

from __future__ import annotations

from pathlib import Path

import pytest

pytest.importorskip("av")

from clips import grey_frames, write_clip

from pix2style.video.facts import read_facts
from pix2style.video.read import read_frames


def test_all_frames_come_with_their_times(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", grey_frames(12))
    facts = read_facts(clip)
    assert (facts.width_px, facts.height_px, facts.frames, float(facts.frame_rate)) == (64, 48, 12, 25)
    frames = list(read_frames(facts))
    assert [frame.index for frame in frames] == list(range(12))
    assert [frame.time * facts.time_base_s * 25 for frame in frames] == list(range(12))
    for i, frame in enumerate(frames):
        assert abs(frame.rgb[:, :28].mean() - 40 - 3 * i) < 3
