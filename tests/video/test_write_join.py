"""Tests of joining segments into a clip with the sound of its source."""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("av")

import av
from written import clip_frames, decoded, facts, packet_digests, write_source

from pix2style.video.clip import ClipFacts, ClipFrame
from pix2style.video.encoders import choose_settings
from pix2style.video.join import join_segments
from pix2style.video.segments import encode_segment


def write(source: ClipFacts, out: Path, frames: Sequence[ClipFrame], *, size: int = 10, **cut: Any) -> list[str]:
    """Encode frames in segments of a size, and join them."""
    settings, notes = choose_settings(source, out)
    segments = []
    for begin in range(0, len(frames), size):
        path = out.with_name(f"{out.name}.{begin}.segment")
        encode_segment(frames[begin : begin + size], path, settings)
        segments.append(path)
    return notes + join_segments(segments, source, out, settings, **cut)


def test_segments_become_one_clip_with_the_same_sound(tmp_path: Path) -> None:
    source = write_source(tmp_path / "in.mp4", sounds=("aac", "aac"))
    frames = clip_frames([512 * i for i in range(30)])
    out = tmp_path / "out.mp4"
    assert write(facts(source), out, frames) == []
    images, times = decoded(out)
    assert times == [Fraction(i, 25) for i in range(30)]
    assert all(abs(image.astype(int) - frame.rgb).mean() < 8 for image, frame in zip(images, frames, strict=True))
    assert packet_digests(out) == packet_digests(source)
    assert out.read_bytes()[:200].find(b"moov") > 0, "the index lies at the front"


def test_decode_times_ascend_over_the_borders_of_segments(tmp_path: Path) -> None:
    source = write_source(tmp_path / "in.mp4", sounds=())
    write(facts(source), tmp_path / "out.mp4", clip_frames([512 * i for i in range(30)]))
    with av.open(tmp_path / "out.mp4") as container:
        packets = [packet for packet in container.demux(video=0) if packet.size]
    decode = [packet.dts for packet in packets]
    assert all(a < b for a, b in itertools.pairwise(decode) if a is not None and b is not None)
    assert any(packet.pts != packet.dts for packet in packets), "x264 has used frames that refer to later ones"
    assert all(packet.pts >= packet.dts for packet in packets if packet.pts is not None and packet.dts is not None)
