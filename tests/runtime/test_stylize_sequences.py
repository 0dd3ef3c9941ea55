"""Every frame of an animation and every page of a document is stylized and written as such, or the file is refused."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image, ImageSequence

from pix2style.errors import ImageError
from pix2style.images import Image8, read_picture
from pix2style.images.sequence import PictureSequence, open_images
from pix2style.images.write_sequence import write_sequence
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import FilesReport, stylize_files

Negative = Callable[[Image8], Image8]
SIZE = (24, 16)


@pytest.fixture
def frames(photos: Callable[..., list[Image8]]) -> list[Image.Image]:
    return [Image.fromarray(photo) for photo in photos(4, SIZE[1], SIZE[0])]


def save(path: Path, frames: list[Image.Image], **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frames[0].save(path, save_all=True, append_images=frames[1:], **options)
    return path


def stylized(stylizer: OnnxStylizer, source: Path, **options: Any) -> tuple[Path, FilesReport]:
    report = stylize_files(stylizer, [source], source.parent / "out", **options)
    assert report.failures == []
    return report.written[0], report


def shown(path: Path, mode: str = "RGB") -> list[Image8]:
    with Image.open(path) as image:
        return [np.array(frame.convert(mode)) for frame in ImageSequence.Iterator(image)]


def durations(path: Path) -> list[int]:
    found = []
    with Image.open(path) as image:
        for number in range(image.n_frames):
            image.seek(number)
            image.load()
            found.append(round(image.info["duration"]))
    return found


@pytest.mark.parametrize(
    ("name", "options", "output"),
    [
        ("a.gif", {"duration": [100, 250, 70, 100], "loop": 0}, "a.png"),
        ("a.png", {"duration": [100, 250, 70, 100], "loop": 0}, "a.png"),
        ("a.apng", {"duration": [100, 250, 70, 100], "loop": 0}, "a.apng"),
        ("a.webp", {"duration": [100, 250, 70, 100], "loop": 0, "lossless": True}, "a.webp"),
    ],
)
def test_animations_without_loss(  # noqa: PLR0917
    stylizer: OnnxStylizer,
    red_negative: Negative,
    frames: list[Image.Image],
    tmp_path: Path,
    name: str,
    options: dict[str, Any],
    output: str,
) -> None:
    source = save(tmp_path / name, frames, **({"format": "PNG"} if name == "a.apng" else {}), **options)
    path, report = stylized(stylizer, source)
    assert path.name == output
    expected = [red_negative(frame) for frame in shown(source)]
    assert np.array_equal(shown(path), expected)
    assert durations(path) == [100, 250, 70, 100]
    assert (report.sequences, report.frames, len(report.written)) == (1, 4, 1)
    with Image.open(path) as image:
        assert image.info["loop"] == 0


@pytest.mark.parametrize("name", ["a.webp", "a.avif", "a.avifs"])
def test_animations_with_loss(
    stylizer: OnnxStylizer, red_negative: Negative, frames: list[Image.Image], tmp_path: Path, name: str
) -> None:
    source = save(tmp_path / name, frames, duration=[100, 250, 70, 100], quality=95)
    path, _ = stylized(stylizer, source)
    assert path.name == name
    expected = [red_negative(frame) for frame in shown(source)]
    assert np.abs(np.subtract(shown(path), expected, dtype=float)).mean() < 12
    assert durations(path) == durations(source)


def test_a_gif_that_is_played_once_or_three_times(
    stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path
) -> None:
    for loop, plays in ((None, 1), (2, 3)):
        source = save(tmp_path / f"{plays}.gif", frames, duration=100, **({} if loop is None else {"loop": loop}))
        path, _ = stylized(stylizer, source)
        with Image.open(path) as image:
            assert image.info["loop"] == plays


def test_transparent_frames(stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path) -> None:
    holes = []
    for number, frame in enumerate(frames):
        alpha = Image.new("L", SIZE, 255)
        alpha.paste(0, (4 * number, 0, 4 * number + 8, 8))
        holes.append(Image.merge("RGBA", (*frame.split(), alpha)))
    for name in ("a.png", "b.gif", "c.webp"):
        source = save(tmp_path / name, holes, duration=80, disposal=2, **({"lossless": True} if "webp" in name else {}))
        path, _ = stylized(stylizer, source)
        before, after = (np.array(shown(file, "RGBA"))[..., 3] for file in (source, path))
        assert np.array_equal(before, after)
        assert (after == 0).sum() == 4 * 64


def test_a_picture_for_programs_that_cannot_play_is_kept(
    stylizer: OnnxStylizer, red_negative: Negative, frames: list[Image.Image], tmp_path: Path
) -> None:
    source = save(tmp_path / "a.png", frames, duration=80, default_image=True)
    path, _ = stylized(stylizer, source)
    with Image.open(path) as image:
        assert image.default_image
        assert image.n_frames == 4
    assert np.array_equal(shown(path), [red_negative(np.array(frame)) for frame in frames])


@pytest.mark.parametrize("suffix", [".webp", ".avif"])
def test_a_picture_for_programs_that_cannot_play_becomes_no_frame(
    stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path, suffix: str
) -> None:
    source = save(tmp_path / "a.png", frames, duration=80, default_image=True)
    report = stylize_files(stylizer, [source], tmp_path / "out", suffix=suffix)
    with Image.open(report.written[0]) as image:
        assert image.n_frames == len(frames) - 1


@pytest.mark.parametrize("name", ["a.tif", "a.TIFF"])
def test_pages(stylizer: OnnxStylizer, red_negative: Negative, tmp_path: Path, name: str) -> None:
    pages = [Image.effect_noise((20 + 8 * i, 30 - 4 * i), 60).convert(mode) for i, mode in enumerate(["L", "RGB", "1"])]
    source = save(tmp_path / name, pages)
    path, report = stylized(stylizer, source)
    assert path.name == name
    assert [page.shape for page in shown(path)] == [(30, 20, 3), (26, 28, 3), (22, 36, 3)]
    for before, after in zip(shown(source), shown(path), strict=True):
        assert np.array_equal(after, red_negative(before))
    assert (report.sequences, report.frames) == (1, 3)


def test_a_smaller_version_is_no_page(
    stylizer: OnnxStylizer, red_negative: Negative, frames: list[Image.Image], tmp_path: Path
) -> None:
    from PIL import TiffImagePlugin

    with TiffImagePlugin.AppendingTiffWriter(str(tmp_path / "a.tif"), new=True) as writer:
        for image, kind in ((frames[0], 0), (frames[0].resize((12, 8)), 1)):
            image.save(writer, "TIFF", tiffinfo={254: kind})
            writer.newFrame()
    path, report = stylized(stylizer, tmp_path / "a.tif")
    assert np.array_equal(shown(path), [red_negative(np.array(frames[0]))])
    assert report.sequences == 0
    assert read_picture(tmp_path / "a.tif").rgb.shape == (16, 24, 3)


def test_further_pictures_of_a_camera_are_no_pages(
    stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path
) -> None:
    path, report = stylized(stylizer, save(tmp_path / "a.mpo", frames[:2]))
    assert (path.name, report.sequences) == ("a.png", 0)
    assert [note.text for note in report.notes] == ["holds 2 pictures: only the main one is used"]


# --- refused with a word ----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "suffix", "words"),
    [
        ("a.gif", ".jpg", "it would hold only one of 4 frames: write it as .png or .webp or .avif"),
        ("a.tif", ".png", "it would hold only one of 4 pages: write it as .tif"),
        ("a.tif", ".webp", "it would hold only one of 4 pages: write it as .tif"),
    ],
)
def test_formats_that_hold_one_picture(  # noqa: PLR0917
    stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path, name: str, suffix: str, words: str
) -> None:
    save(tmp_path / "in" / name, frames)
    frames[0].save(tmp_path / "in" / "b.png")
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=suffix)
    assert [path.stem for path in report.written] == ["b"]
    [failure] = report.failures
    assert failure.path == tmp_path / "in" / name
    assert words in failure.reason
    assert len(list((tmp_path / "out").iterdir())) == 1


@pytest.mark.parametrize(("name", "noun"), [("a.gif", "frames"), ("a.webp", "frames"), ("a.tif", "pages")])
def test_who_needs_one_picture_refuses_several(frames: list[Image.Image], tmp_path: Path, name: str, noun: str) -> None:
    with pytest.raises(ImageError, match=f"holds 4 {noun}, not one picture: save one of them as a file"):
        read_picture(save(tmp_path / name, frames))


def test_damaged_frames(stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path) -> None:
    """Whatever is cut off, no half animation is written and nothing else stops."""
    for name in ("a.gif", "a.png", "a.webp", "a.tif"):
        data = save(tmp_path / "whole" / name, frames).read_bytes()
        for part in (4, 2, 1.3, 1.1):
            path = tmp_path / "in" / f"{part}-{name}"
            path.parent.mkdir(exist_ok=True)
            path.write_bytes(data[: int(len(data) / part)])
    report = stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out")
    assert len(report.failures) + len(report.written) == 16
    assert len(report.failures) >= 12
    for path in report.written:
        assert len(shown(path)) in (1, 2, 3)


def test_animations_have_a_limit(
    stylizer: OnnxStylizer, frames: list[Image.Image], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("pix2style.images.sequence.MAX_PIXELS", 4 * 24 * 16 - 1)
    report = stylize_files(stylizer, [save(tmp_path / "a.gif", frames)], tmp_path / "out")
    assert "4 frames of 24x16 are more than 1535 pixels in all" in report.failures[0].reason


@pytest.mark.parametrize("suffix", [".png", ".webp"])
def test_later_frames_may_be_larger(frames: list[Image.Image], tmp_path: Path, suffix: str) -> None:
    """Some GIF files draw beyond their canvas, which then grows."""
    frames[0].save(tmp_path / "a.gif", save_all=True, append_images=frames[1:])
    sequence = open_images(tmp_path / "a.gif")
    assert isinstance(sequence, PictureSequence)
    first, *others = sequence.frames()
    height, width, _ = first.picture.rgb.shape
    small = replace(first, picture=replace(first.picture, rgb=first.picture.rgb[:-3, :-5]))
    write_sequence(tmp_path / f"b{suffix}", [small, *others], sequence)
    with Image.open(tmp_path / f"b{suffix}") as written:
        assert written.size == (width, height)
        shown = [np.asarray(frame.convert("RGBA")) for frame in ImageSequence.Iterator(written)]
    assert len(shown) == len(frames)
    assert not shown[0][-3:, :, 3].any()
    assert np.array_equal(shown[0][:-3, :-5, :3], small.picture.rgb)
    assert np.array_equal(shown[1][..., :3], others[0].picture.rgb)
