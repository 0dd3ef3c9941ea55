"""Which files are clips, and what is said about those that are not."""

from __future__ import annotations

import os
import socket
import sys
import wave
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("av")

import av
from clips import numbered_frames, write_clip

from pix2style.errors import ClipError, DataError, MissingExtraError
from pix2style.images import Picture, write_picture
from pix2style.video.facts import read_facts
from pix2style.video.find import is_clip
from pix2style.video.read import read_frames

_CONTAINERS = {
    "mp4": "libx264",
    "mov": "mjpeg",
    "mkv": "ffv1",
    "webm": "libvpx-vp9",
    "avi": "mpeg4",
    "ts": "mpeg2video",
    "mpg": "mpeg1video",
    "flv": "flv",
    "asf": "wmv2",
    "ogv": "libtheora",
    "mxf": "mpeg2video",
    "nut": "ffv1",
    "ivf": "libvpx",
    "y4m": "wrapped_avframe",
    "3gp": "mpeg4",
}


@pytest.mark.parametrize("suffix", _CONTAINERS)
def test_clips_are_told_by_their_content(tmp_path: Path, suffix: str) -> None:
    codec = _CONTAINERS[suffix]
    try:
        av.Codec(codec, "w")
    except ValueError:
        pytest.skip(f"this FFmpeg has no {codec}")
    pix_fmt = "yuvj420p" if codec == "mjpeg" else "yuv420p"
    clip = write_clip(tmp_path / f"a.{suffix}", numbered_frames(12), codec=codec, pix_fmt=pix_fmt)
    plain = tmp_path / "without_suffix"
    plain.write_bytes(clip.read_bytes())
    assert is_clip(plain)
    assert len(list(read_frames(read_facts(plain)))) == 12
    misnamed = tmp_path / "photo.jpg"
    misnamed.write_bytes(clip.read_bytes())
    assert is_clip(misnamed)


def _picture(path: Path) -> Path:
    suffix = path.suffix
    real = path.with_suffix({".mp4": ".jpg", ".mov": ".png", ".webm": ".webp"}[suffix])
    write_picture(real, Picture(np.full((48, 64, 3), 90, np.uint8)))
    return real.rename(path)


def _reason(path: Path) -> str:
    with pytest.raises(ClipError) as caught:
        read_facts(path)
    assert isinstance(caught.value, DataError)
    assert str(caught.value) == f"{path}: {caught.value.reason}"
    return caught.value.reason


def test_other_files_with_the_names_of_clips(tmp_path: Path) -> None:
    texts = {
        "empty.mp4": b"",
        "notes.mp4": b"Remember to buy milk.\n" * 20,
        "zeros.mov": bytes(100_000),
        "random.mkv": np.random.default_rng(0).bytes(100_000),
        "short.mp4": b"\x00\x00",
    }
    reasons = {}
    for name, data in texts.items():
        path = tmp_path / name
        path.write_bytes(data)
        assert is_clip(path)
        reasons[name] = _reason(path)
    assert reasons == {
        "empty.mp4": "the file is empty",
        "notes.mp4": "a text file, not a video",
        "zeros.mov": "holds zero bytes only: copy it again from where it came",
        "random.mkv": "damaged, or no video (Invalid data found when processing input)",
        "short.mp4": "holds zero bytes only: copy it again from where it came",
    }


@pytest.mark.parametrize(("name", "kind"), [("a.mp4", "JPEG"), ("a.mov", "PNG"), ("a.webm", "WebP")])
def test_pictures_with_the_names_of_clips(tmp_path: Path, name: str, kind: str) -> None:
    path = _picture(tmp_path / name)
    assert is_clip(path)
    suffix = {"JPEG": ".jpg", "PNG": ".png", "WebP": ".webp"}[kind]
    assert _reason(path) == f"a picture ({kind}), not a video: rename it to {suffix}"


def test_pictures_and_other_files_are_no_clips(tmp_path: Path) -> None:
    photo = tmp_path / "a.jpg"
    write_picture(photo, Picture(np.full((48, 64, 3), 90, np.uint8)))
    text = tmp_path / "a.txt"
    text.write_text("hello")
    folder = tmp_path / "folder.mp4"
    folder.mkdir()
    for path in (photo, text, folder, tmp_path / "absent"):
        assert not is_clip(path)
    assert "directory" in _reason(folder)
    # Reading what has the name of a clip says what is wrong with it.
    assert is_clip(tmp_path / "absent.mkv")
    assert "No such file" in _reason(tmp_path / "absent.mkv")


def _sound(path: Path) -> Path:
    with wave.open(str(path.with_suffix(".wav")), "wb") as out:
        out.setnchannels(1)
        out.setsampwidth(2)
        out.setframerate(8000)
        out.writeframes(bytes(16_000))
    return path.with_suffix(".wav")


def test_files_with_sound_only(tmp_path: Path) -> None:
    wav = _sound(tmp_path / "a")
    assert not is_clip(wav)
    mp4 = wav.rename(tmp_path / "a.mp4")
    assert is_clip(mp4)
    assert _reason(mp4) == "holds sound only, no video"
    song = tmp_path / "song.m4a"
    with av.open(str(song), "w", format="mp4") as out:
        stream = out.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.sample_rate = 8000
        out.mux(stream.encode(frame))
        out.mux(stream.encode())
    assert _reason(song) == "holds sound only, no video"


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("list.m3u8", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{clip}\n#EXT-X-ENDLIST\n"),
        ("list.mp4", "#EXTM3U\n#EXT-X-TARGETDURATION:10\n#EXTINF:10,\n{url}\n#EXT-X-ENDLIST\n"),
        ("list.ffconcat", "ffconcat version 1.0\nfile {clip}\n"),
        ("stream.sdp", "v=0\no=- 0 0 IN IP4 127.0.0.1\nc=IN IP4 127.0.0.1\nm=video {port} RTP/AVP 96\n"),
        ("list.mpd", '<?xml version="1.0"?><MPD><Period><BaseURL>{url}</BaseURL></Period></MPD>'),
    ],
)
def test_nothing_else_is_opened(tmp_path: Path, name: str, text: str) -> None:
    """Playlists and descriptions must neither open other files nor addresses."""
    clip = write_clip(tmp_path / "clip.mp4", numbered_frames(2))
    with socket.create_server(("127.0.0.1", 0)) as server:
        server.settimeout(0.2)
        port = server.getsockname()[1]
        path = tmp_path / name
        path.write_text(text.format(clip=clip, url=f"http://127.0.0.1:{port}/a.ts", port=port))
        assert _reason(path) == "a playlist or description, not a video: give the clip itself"
        # The same where the first bytes hide it.
        path.write_text("\n" * 5000 + text.format(clip=clip, url=f"http://127.0.0.1:{port}/a.ts", port=port))
        assert "video" in _reason(path)
        with pytest.raises(TimeoutError):
            server.accept()


@pytest.mark.parametrize("name", ["concat:a.mp4|b.mp4", "http:", "pipe:0", "-", "%03d.mp4", "crypto:a.mp4", "ä ö.mp4"])
@pytest.mark.skipif(sys.platform == "win32", reason="such names do not exist there")
def test_names_that_ffmpeg_would_take_for_addresses(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.chdir(tmp_path)
    clip = write_clip(tmp_path / "a.mp4", numbered_frames(2))
    path = clip.rename(name)
    assert is_clip(path)
    assert len(list(read_frames(read_facts(path)))) == 2


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="has no pipes")
def test_pipes_do_not_block(tmp_path: Path) -> None:
    pipe = tmp_path / "a.mp4"
    os.mkfifo(pipe)
    assert _reason(pipe) == "not a regular file"


def _exp_golomb(number: int) -> str:
    bits = f"{number + 1:b}"
    return "0" * (len(bits) - 1) + bits


def _nal_unit(kind: int, bits: str) -> bytes:
    bits += "1" + "0" * (-(len(bits) + 1) % 8)
    return b"\x00\x00\x00\x01" + bytes([kind]) + int(bits, 2).to_bytes(len(bits) // 8, "big")


def test_absurd_sizes_are_refused_before_decoding(tmp_path: Path) -> None:
    """A few bytes of H.264 that claim 14400x14400 pixels: parameter sets, and the beginning of a frame."""
    ue = _exp_golomb
    macroblocks = ue(14_400 // 16 - 1)
    sequence = f"{66:08b}{0:08b}{52:08b}" + ue(0) + ue(0) + ue(2) + ue(1) + "0" + 2 * macroblocks + "1000"
    picture = ue(0) + ue(0) + "00" + ue(0) + ue(0) + ue(0) + "000" + ue(0) + ue(0) + ue(0) + "000"
    units = _nal_unit(0x67, sequence) + _nal_unit(0x68, picture) + _nal_unit(0x65, ue(0) + ue(7) + ue(0) + "0" * 800)
    clip = tmp_path / "a.h264"
    clip.write_bytes(4 * units)
    assert _reason(clip) == "14400x14400 is more than 178000000 pixels: make it smaller first"


def test_unknown_codecs(tmp_path: Path) -> None:
    clip = write_clip(tmp_path / "a.mp4", numbered_frames(2))
    clip.write_bytes(clip.read_bytes().replace(b"avc1", b"zzzz").replace(b"avcC", b"zzzC"))
    assert _reason(clip) == "its video is in a codec that FFmpeg does not decode, or the file is cut off"


def test_missing_package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    clip = write_clip(tmp_path / "a.mp4", numbered_frames(2))
    monkeypatch.setitem(sys.modules, "av", None)
    assert is_clip(clip)
    with pytest.raises(MissingExtraError, match="extra video"):
        read_facts(clip)
