"""make_pairs stylizes every kind of photo as viewers show it, or lists it with a reason."""

from __future__ import annotations

import os
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from pix2style.config.pairs import PairsConfig
from pix2style.images import Image8, encode_jpeg, encode_png
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.pairs.format.reader import PairReader

from pictures import encoded, grey_ink_profile  # isort: skip
from tint import TintTeacher  # isort: skip

TEACHER = TintTeacher()


@dataclass
class Made:
    """The result of make_pairs for some files: contents, reasons of failures and duplicates by name."""

    contents: dict[str, Image8] = field(default_factory=dict)
    reasons: dict[str, str] = field(default_factory=dict)
    duplicates: dict[str, str] = field(default_factory=dict)


def make(tmp_path: Path, files: dict[str, bytes], **settings: object) -> Made:
    """Write the files, make pairs of them in their own size (`fit=keep`), and read all pairs."""
    content = tmp_path / "content"
    content.mkdir(exist_ok=True)
    for name, data in files.items():
        (content / name).write_bytes(data)
    wanted = {"fit": "keep", "size": 32, "val_share": 0.0, "test_share": 0.0, **settings}
    report = make_pairs(PairsConfig(content=(content,), **wanted), TEACHER, tmp_path / "out")  # type: ignore[arg-type]
    made, reader = Made(), PairReader(tmp_path / "out")
    for entry in reader.entries("train"):
        made.contents[entry.source], target = reader.read(entry)
        off = np.abs(target.astype(int) - TEACHER(made.contents[entry.source]))
        assert off.mean() <= (12 if wanted.get("format") == "jpeg" else 0), entry.source
    made.reasons = {failure.source: failure.reason for failure in report.manifest.failures}
    made.duplicates = {duplicate.source: duplicate.of for duplicate in report.manifest.duplicates}
    return made


@pytest.fixture
def photo(photos) -> Image8:
    return photos(1, 24, 36)[0]


STORED = {
    1: lambda upright: upright,
    2: lambda upright: upright[:, ::-1],
    3: lambda upright: np.rot90(upright, 2),
    4: lambda upright: upright[::-1],
    5: lambda upright: upright.transpose(1, 0, 2),
    6: lambda upright: np.rot90(upright, 1),
    7: lambda upright: np.rot90(upright, 2).transpose(1, 0, 2),
    8: lambda upright: np.rot90(upright, -1),
}


@pytest.mark.parametrize("fit", ["keep", "crop", "fit"])
def test_exif_rotations(tmp_path: Path, photo: Image8, fit: str) -> None:
    files = {"plain.png": encode_png(photo)}
    for orientation, stored in STORED.items():
        exif = Image.Exif()
        exif[0x0112] = orientation
        files[f"{orientation}.png"] = encoded(np.ascontiguousarray(stored(photo)), "PNG", exif=exif)
    made = make(tmp_path, files, fit=fit)
    assert len(made.contents) == 9
    for name, content in made.contents.items():
        assert np.array_equal(content, made.contents["plain.png"]), name
    if fit == "keep":
        assert np.array_equal(made.contents["6.png"], photo)


def test_depths_palettes_and_transparency(tmp_path: Path, photo: Image8) -> None:
    deep = photo[..., ::-1].astype(np.uint16) * 257
    grey = photo[..., 0]
    palette = Image.fromarray((np.arange(24 * 36).reshape(24, 36) % 3).astype(np.uint8), "P")
    palette.putpalette([200, 10, 30, 20, 180, 40, 5, 6, 7])
    indices = np.asarray(palette)
    alpha = np.full((24, 36), 255, np.uint8)
    alpha[:8], alpha[8:16] = 0, 51
    files = {
        "deep colour.png": cv2.imencode(".png", deep)[1].tobytes(),
        "deep grey.png": encoded(Image.fromarray(grey.astype(np.uint16) * 257 + 100), "PNG"),
        "grey.png": encoded(Image.fromarray(grey), "PNG"),
        "palette.png": encoded(palette, "PNG", transparency=1),
        "alpha.png": encoded(np.dstack([photo, alpha]), "PNG"),
        "bits.png": encoded(Image.fromarray(grey > 128), "PNG"),
    }
    contents = make(tmp_path, files).contents
    assert np.array_equal(contents["deep colour.png"], photo)
    for name in ("deep grey.png", "grey.png"):
        assert np.array_equal(contents[name], np.dstack([grey] * 3)), name
    assert np.array_equal(contents["bits.png"], np.dstack([np.where(grey > 128, 255, 0)] * 3))
    colours = np.array([[200, 10, 30], [255, 255, 255], [5, 6, 7]])  # what was transparent is seen on white
    assert np.array_equal(contents["palette.png"], colours[indices])
    assert (contents["alpha.png"][:8] == 255).all()
    assert np.abs(contents["alpha.png"][8:16] - (photo[8:16] * 0.2 + 255 * 0.8)).max() <= 0.5
    assert np.array_equal(contents["alpha.png"][16:], photo[16:])


def test_cmyk_by_its_profile(tmp_path: Path, photo: Image8) -> None:
    cmyk = Image.fromarray(photo).convert("CMYK")
    files = {"ink.jpg": encoded(cmyk, "JPEG", icc_profile=grey_ink_profile()), "plain.jpg": encoded(cmyk, "JPEG")}
    contents = make(tmp_path, files).contents
    assert np.ptp(contents["ink.jpg"].astype(int), axis=2).max() <= 3
    assert np.ptp(contents["plain.jpg"].astype(int), axis=2).max() > 20


def test_animations_and_documents_of_several_pages_are_no_photos(tmp_path: Path, photo: Image8) -> None:
    frames = [Image.new("RGB", (40, 30), colour) for colour in ((200, 10, 30), (0, 0, 255), (0, 255, 0))]
    files = {
        f"animated.{kind.lower()}": encoded(frames[0], kind, save_all=True, append_images=frames[1:], **options)
        for kind, options in (("GIF", {}), ("WEBP", {"lossless": True}), ("PNG", {}), ("TIFF", {}))
    }
    made = make(tmp_path, {**files, "photo.png": encode_png(photo)})
    assert list(made.contents) == ["photo.png"]
    assert made.reasons.keys() == files.keys()
    for name, reason in made.reasons.items():
        noun = "pages" if name.endswith("tiff") else "frames"
        assert reason == f"holds 3 {noun}, not one picture: save one of them as a file"


SIDES = {"1x1": (1, 1), "1x20000": (20_000, 1), "20000x1": (1, 20_000), "20000x3": (3, 20_000)}


@pytest.mark.parametrize(
    ("fit", "sizes"),
    [
        ("crop", {"1x1": (32, 32), "1x20000": (32, 32), "20000x1": (32, 32), "20000x3": (32, 32)}),
        ("fit", {"1x1": (1, 1), "1x20000": (32, 1), "20000x1": (1, 32), "20000x3": (1, 32)}),
        ("keep", SIDES),
    ],
)
@pytest.mark.parametrize("picture_format", ["png", "jpeg"])
def test_one_pixel_and_twenty_thousand(
    tmp_path: Path, fit: str, sizes: dict[str, tuple[int, int]], picture_format: str
) -> None:
    files = {f"{name}.png": encode_png(np.full((*side, 3), 90, np.uint8)) for name, side in SIDES.items()}
    made = make(tmp_path, files, fit=fit, format=picture_format)
    assert made.reasons == {}
    assert {name.removesuffix(".png"): one.shape[:2] for name, one in made.contents.items()} == sizes
    assert all((one == 90).all() for one in made.contents.values())


def test_a_middle_square_of_a_long_strip(tmp_path: Path) -> None:
    strip = np.zeros((3, 20_000, 3), np.uint8)
    strip[:, 9_990:10_010] = 250
    assert (make(tmp_path, {"strip.png": encode_png(strip)}, fit="crop").contents["strip.png"] == 250).all()


@pytest.mark.parametrize("picture_format", ["png", "jpeg"])
def test_sides_that_a_pair_cannot_hold(tmp_path: Path, photo: Image8, picture_format: str) -> None:
    files = {"long.png": encode_png(np.full((1, 70_000, 3), 90, np.uint8)), "a.png": encode_png(photo)}
    made = make(tmp_path, files, format=picture_format)
    assert made.contents.keys() == {"a.png"}
    assert "70000x1" in made.reasons["long.png"]


def test_names_of_255_bytes_and_of_any_bytes(tmp_path: Path, photo: Image8) -> None:
    long = "漢" * 83 + "ab.png"
    assert len(long.encode()) == 255
    names = [long, "new\nline.png", "tab\there.png", "-rf.png", "a b'\".png", "é.png", "e\u0301.png", "..png"]
    files = {name: encode_png(photo + np.uint8(i)) for i, name in enumerate(names)}
    odd = os.fsdecode(b"\xff\xfe.png")
    made = make(tmp_path, {**files, odd: encode_png(photo[::-1])})
    assert made.contents.keys() == {*names[:-1], "\\xff\\xfe.png"}  # the last one is hidden
    assert made.reasons == {}


def test_the_same_content_twice_gives_one_pair(tmp_path: Path, photo: Image8) -> None:
    same, jpeg = encode_png(photo), encode_jpeg(photo)
    made = make(tmp_path, {"b.png": same, "a.png": same, "c.jpg": same, "d.jpg": jpeg})
    assert made.contents.keys() == {"a.png", "d.jpg"}
    assert made.duplicates == {"b.png": "a.png", "c.jpg": "a.png"}


def test_loops_of_links_are_listed_or_not_entered(tmp_path: Path, photo: Image8) -> None:
    (tmp_path / "content").mkdir()
    (tmp_path / "content" / "loop").symlink_to(".")
    (tmp_path / "content" / "x.jpg").symlink_to("y.jpg")
    (tmp_path / "content" / "y.jpg").symlink_to("x.jpg")
    made = make(tmp_path, {"a.png": encode_png(photo)})
    assert made.contents.keys() == {"a.png"}
    assert made.reasons == dict.fromkeys(("x.jpg", "y.jpg"), "Too many levels of symbolic links")


@pytest.mark.timeout(60)
def test_a_photo_that_becomes_a_pipe_a_folder_or_nothing_after_the_scan(tmp_path: Path, photos) -> None:
    content = tmp_path / "content"
    content.mkdir()
    for i, rgb in enumerate(photos(4, 24, 36)):
        (content / f"{i}.png").write_bytes(encode_png(rgb))

    def meddle(stage: str, done: int, total: int) -> None:
        if stage == "hashing" and done == total:
            for i in range(3):
                (content / f"{i}.png").unlink()
            os.mkfifo(content / "0.png")
            (content / "1.png").mkdir()

    config = PairsConfig(content=(content,), size=32)
    report = make_pairs(config, TEACHER, tmp_path / "out", on_progress=meddle)
    reasons = {failure.source: failure.reason for failure in report.manifest.failures}
    assert reasons == {
        "0.png": "not a regular file",
        "1.png": "Is a directory",
        "2.png": "No such file or directory",
    }
    assert report.manifest.pairs.total == 1
