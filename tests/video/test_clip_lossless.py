"""Clips without loss, and what they keep of the tags of their originals."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from clips import numbered_frames, write_clip
from negative_stylizer import Negative
from written import facts

from pix2style.errors import ConfigError
from pix2style.images import Image8
from pix2style.video import stylize_clip
from pix2style.video.encoders import choose_settings

TAGS = {
    "title": "Title",
    "artist": "Ann",
    "copyright": "(c) Ann",
    "creation_time": "2026-05-01T12:00:00Z",
    "com.apple.quicktime.make": "Maker",
    "com.apple.quicktime.location.ISO6709": "+52.5000+013.4000/",
    "software": "17.1",
}


@pytest.fixture(scope="module")
def clip(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A clip in exact RGB, with the tags of a phone."""
    folder = tmp_path_factory.mktemp("clip")
    write_clip(folder / "plain.mov", numbered_frames(3), codec="qtrle", pix_fmt="rgb24")
    tagged = folder / "clip.mov"
    options = {"movflags": "use_metadata_tags"}
    with av.open(str(folder / "plain.mov")) as plain, av.open(str(tagged), "w", container_options=options) as output:
        output.metadata.update(TAGS)
        stream = output.add_stream_from_template(plain.streams.video[0])
        for packet in plain.demux():
            if packet.dts is not None:
                packet.stream = stream
                output.mux(packet)
    return tagged


def read(path: Path) -> tuple[list[Image8], dict[str, str]]:
    with av.open(str(path)) as container:
        frames: list[Any] = [frame.to_ndarray(format="rgb24") for frame in container.decode(video=0)]
        return frames, {name.lower(): text for name, text in container.metadata.items()}


@pytest.mark.parametrize(("suffix", "most"), [(".mkv", 0), (".mov", 0), (".mp4", 2), (".webm", 2)])
def test_nothing_is_lost(clip: Path, tmp_path: Path, suffix: str, most: int) -> None:
    report = stylize_clip(Negative(), clip, tmp_path / f"out{suffix}", steady="off", lossless=True)
    before, after = read(clip)[0], read(tmp_path / f"out{suffix}")[0]
    assert len(after) == 3
    assert max(np.abs(255 - a.astype(int) - b).max() for a, b in zip(before, after, strict=True)) <= most
    assert any(".mkv (FFV1) is exact" in note for note in report.notes) == bool(most)


@pytest.mark.parametrize(
    ("keep", "kept"),
    [
        ("none", {"title"}),
        ("safe", {"title", "artist", "copyright", "creation_time", "make"}),
        ("all", {"title", "artist", "copyright", "creation_time", "make", "software", "location"}),
    ],
)
def test_tags(clip: Path, tmp_path: Path, keep: str, kept: set[str]) -> None:
    stylize_clip(Negative(), clip, tmp_path / "out.mkv", steady="off", lossless=True, metadata=keep)
    tags = read(tmp_path / "out.mkv")[1]
    assert set(tags) - {"encoder", "comment"} == kept
    assert tags["comment"].startswith("pix2style ")


@pytest.mark.parametrize(
    ("out", "options", "message"),
    [
        ("o.mp4", {"crf": 20}, "--crf 20: --lossless has no quality: leave out one of them"),
        ("o.mp4", {"codec": "hevc"}, "--codec hevc: is not written without loss: take ffv1 in .mkv or qtrle in .mov"),
        ("o.mp4", {"codec": "ffv1"}, "--codec ffv1 does not fit o.mp4"),
    ],
)
def test_contradictions(out: str, options: dict[str, Any], message: str) -> None:
    with pytest.raises(ConfigError) as error:
        choose_settings(facts(Path("in.mp4")), Path(out), lossless=True, **options)
    assert message in str(error.value)


def test_transparency_without_loss() -> None:
    transparent = replace(facts(Path("in.mov")), has_alpha=True)
    for suffix in (".mkv", ".mov"):
        assert choose_settings(transparent, Path(f"o{suffix}"), lossless=True)[0].has_alpha
    with pytest.raises(ConfigError, match=r"\.webm holds no transparency without loss: let OUT end in \.mov or \.mkv"):
        choose_settings(transparent, Path("o.webm"), lossless=True)


def test_wrong_words(clip: Path, tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="metadata is 'some': give one of none, safe, all"):
        stylize_clip(Negative(), clip, tmp_path / "out.mkv", metadata="some")
