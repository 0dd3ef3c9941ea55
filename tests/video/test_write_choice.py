"""Tests of the choice of container, codec and encoder."""

from __future__ import annotations

import itertools
import os
import sys
from fractions import Fraction
from pathlib import Path

import pytest
from written import clip_frames, facts

from pix2style.errors import ConfigError, DataError
from pix2style.system.scheduling import real_time_threads
from pix2style.video import codecs
from pix2style.video.codecs import ENCODERS, working_encoders
from pix2style.video.encoders import choose_settings
from pix2style.video.open_encoder import open_encoder
from pix2style.video.segments import encode_segment

CLIP = facts(Path("in.mp4"))


def test_h264_by_x264_is_the_default() -> None:
    settings, notes = choose_settings(CLIP, Path("out.MP4"))
    assert (settings.codec, settings.encoder, settings.pixel_format) == ("h264", "libx264", "yuv420p")
    assert dict(settings.options) == {"crf": "23", "preset": "veryfast"}
    assert notes == []


@pytest.mark.parametrize(
    ("name", "codec", "encoder"),
    [("libx265", "hevc", "libx265"), ("H265", "hevc", "libx265"), ("av1", "av1", "libsvtav1")],
)
def test_codecs_by_name(name: str, codec: str, encoder: str) -> None:
    settings, _ = choose_settings(CLIP, Path("out.mp4"), codec=name)
    assert (settings.codec, settings.encoder) == (codec, encoder)


@pytest.mark.parametrize(
    ("out", "message"),
    [("out.avi", "out.avi: .avi files are not written"), ("out", "out: its name has no suffix")],
)
def test_unknown_suffixes_are_refused(out: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose_settings(CLIP, Path(out))
    assert str(error.value) == f"{message}: let the name of a clip end in .mp4, .m4v, .mov, .mkv or .webm"


@pytest.mark.parametrize(
    ("out", "codec", "message"),
    [
        ("o.webm", "h264", "does not fit o.webm: .webm holds vp9 and av1, and .mp4, .m4v, .mov or .mkv hold h264"),
        ("o.mp4", "ffv1", "does not fit o.mp4: .mp4 holds h264, hevc, av1, vp9 and mpeg4, and .mkv holds ffv1"),
    ],
)
def test_codecs_that_do_not_fit_are_refused(out: str, codec: str, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose_settings(CLIP, Path(out), codec=codec)
    assert str(error.value) == f"--codec {codec} {message}"


def test_unknown_codecs_are_refused() -> None:
    with pytest.raises(ConfigError, match="--codec theora: is not among those that clips are written with"):
        choose_settings(CLIP, Path("o.mp4"), codec="theora")


@pytest.mark.parametrize(
    ("out", "codec", "crf", "message"),
    [
        ("o.mp4", None, 52, "--crf 52: is out of range: h264 takes 0 (best) to 51"),
        ("o.mp4", "av1", 0, "--crf 0: is out of range: av1 takes 1 (best) to 63"),
        ("o.webm", None, -1, "--crf -1: is out of range: vp9 takes 0 (best) to 63"),
        ("o.mkv", "ffv1", 3, "--crf 3: ffv1 has no such setting: leave it out"),
    ],
)
def test_qualities_that_do_not_fit_are_refused(out: str, codec: str | None, crf: int, message: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose_settings(CLIP, Path(out), codec=codec, crf=crf)
    assert str(error.value) == message


@pytest.mark.parametrize(
    ("missing", "note", "codec"),
    [
        ({"libx264"}, "is written as H.264 by libopenh264, because this computer's FFmpeg lacks libx264", "h264"),
        (
            {encoder.name for encoder in ENCODERS["h264"]},
            "is written as HEVC by libx265, because this computer's FFmpeg lacks libx264",
            "hevc",
        ),
    ],
)
def test_missing_encoders_are_replaced(
    monkeypatch: pytest.MonkeyPatch, missing: set[str], note: str, codec: str
) -> None:
    has = {encoder.name for encoders in ENCODERS.values() for encoder in encoders if not encoder.is_device}
    monkeypatch.setattr(codecs, "has_encoder", lambda name: name in has - missing)
    settings, notes = choose_settings(CLIP, Path("out.mp4"))
    assert (settings.codec, notes) == (codec, [note])
    with pytest.raises(ConfigError, match=r"--codec libx264: this computer's FFmpeg cannot encode it: take "):
        choose_settings(CLIP, Path("out.mp4"), codec="libx264")


def test_encoders_without_a_quality_get_a_bit_rate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of devices and libopenh264: here FFmpeg's MPEG-4 stands for them."""
    plain = codecs.VideoEncoder("mpeg4", is_full_range_possible=False)
    monkeypatch.setitem(ENCODERS, "h264", (plain,))
    settings, _ = choose_settings(CLIP, tmp_path / "out.mp4")
    segment = encode_segment(clip_frames([512 * i for i in range(10)]), tmp_path / "segment", settings)
    assert len(segment.times) == 10
    with pytest.raises(ConfigError, match="--crf 20: mpeg4 has no such setting"):
        choose_settings(CLIP, tmp_path / "out.mp4", crf=20)


def test_no_encoder_leaves_an_option_unused() -> None:
    """FFmpeg's libraries pass over options that an encoder does not have, and so would a quality be lost."""
    unused = {}
    for codec in ENCODERS:
        out = Path("out.mkv" if codec != "qtrle" else "out.mov")
        for encoder in working_encoders(codec):
            settings, _ = choose_settings(CLIP, out, codec=encoder.name)
            unused[encoder.name] = dict(open_encoder(settings, 64, 48).options)
    assert unused == {name: {} for name in unused}


def test_mpeg4_follows_its_quality(tmp_path: Path) -> None:
    sizes = []
    for crf in (1, None, 8, 31):
        settings, _ = choose_settings(CLIP, tmp_path / "out.mp4", codec="mpeg4", crf=crf)
        encode_segment(clip_frames([512 * i for i in range(10)], 320, 240), tmp_path / "segment", settings)
        sizes.append((tmp_path / "segment").stat().st_size)
    assert all(better > 1.2 * worse for better, worse in itertools.pairwise(sizes)), sizes


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux says how threads are scheduled")
def test_no_encoder_makes_this_process_a_real_time_one() -> None:
    """SVT-AV1 does so where it may, which root may."""
    before = os.sched_getscheduler(0), real_time_threads()
    settings, _ = choose_settings(CLIP, Path("out.mp4"), codec="av1")
    encoder = open_encoder(settings, 64, 48)
    assert (os.sched_getscheduler(0), real_time_threads()) == before
    del encoder


@pytest.mark.parametrize(("codec", "size"), [("hevc", (48, 48)), ("av1", (16, 16))])
def test_frames_too_small_for_an_encoder_are_refused(tmp_path: Path, codec: str, size: tuple[int, int]) -> None:
    """These encoders would write beyond their memory."""
    settings, _ = choose_settings(CLIP, tmp_path / "out.mp4", codec=codec)
    with pytest.raises(DataError, match=f"{size[0]}x{size[1]}, and lib.* needs at least .* choose another --codec"):
        encode_segment(clip_frames([0, 512], *size), tmp_path / "segment", settings)
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize("codec", ["h264", "mpeg4", "av1"])
@pytest.mark.parametrize(
    "rate", [Fraction(1, 1000), Fraction(123456789, 4111111), Fraction(90000), Fraction(30000, 1001)]
)
def test_any_frame_rate_can_be_stated(tmp_path: Path, codec: str, rate: Fraction) -> None:
    clip = facts(Path("in.mp4"), frame_rate=rate)
    settings, _ = choose_settings(clip, tmp_path / "out.mp4", codec=codec)
    assert len(encode_segment(clip_frames([0, 512]), tmp_path / "segment", settings).times) == 2
    assert rate != Fraction(30000, 1001) or settings.frame_rate == rate
