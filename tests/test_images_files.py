"""Picture files: found in order, refused when damaged, written whole or not at all, cut to size."""

from __future__ import annotations

import os
import re
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import DataError, ImageError
from pix2style.files import atomic_path
from pix2style.images import (
    IMAGE_SUFFIXES,
    Image8,
    Picture,
    can_hold_alpha,
    can_write,
    crop_to_square,
    decode_picture,
    encode_jpeg,
    encode_png,
    find_images,
    fit_within,
    has_alpha,
    open_images,
    read_picture,
    resize,
    sheet,
    write_picture,
)

from pictures import encoded, png_header, ramps  # isort: skip

# Pillow tells of damaged metadata as a warning, which is no news to tests that damage it.
pytestmark = pytest.mark.filterwarnings("ignore::UserWarning")

LEVELS = np.arange(256, dtype=np.uint8)


@pytest.fixture
def photo() -> Image8:
    return ramps()


# --- files that must be refused ---------------------------------------------------------------------------------


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF"])
def test_cut_off_files(photo: Image8, kind: str) -> None:
    """Wherever a file ends early, it is refused; or only its trailer is missing and every pixel is there."""
    data = encoded(photo, kind)
    whole = decode_picture(data, name="x").rgb
    complete = []
    for length in range(1, len(data), max(1, len(data) // 200)):
        try:
            picture = decode_picture(data[:length], name="a.x")
        except ImageError as error:
            assert str(error).startswith("a.x: ")  # noqa: PT017
        else:
            assert np.array_equal(picture.rgb, whole), length
            complete.append(length)
    assert all(length >= len(data) - 24 for length in complete)


def test_cut_off_progressive_jpeg(photo: Image8) -> None:
    data = encoded(photo, "JPEG", progressive=True)
    with pytest.raises(ImageError, match="damaged or cut off"):
        decode_picture(data[:-40], name="x")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "TIFF", "GIF", "BMP", "PPM", "AVIF"])
def test_damaged_files_raise_nothing_else(photo: Image8, kind: str) -> None:
    """Flipped bytes give a picture or an ImageError, never another exception that would stop a long job."""
    rng, whole = np.random.default_rng(0), encoded(photo, kind)
    refused = 0
    for _ in range(150):
        data = np.frombuffer(whole, np.uint8).copy()
        data[rng.integers(0, rng.choice([12, 60, len(data)]), 4)] = rng.integers(0, 256, 4)
        try:
            decode_picture(data.tobytes(), name="x", max_pixels=100_000)
        except ImageError:
            refused += 1
    assert refused > 0


@pytest.mark.parametrize(
    ("data", "reason"),
    [(b"", "the file is empty"), (b"hello", "not a picture"), (b"%!PS-Adobe-3.0 EPSF-3.0\n", "not a picture")],
)
def test_files_that_are_no_pictures(data: bytes, reason: str) -> None:
    with pytest.raises(ImageError) as caught:
        decode_picture(data, name="a.jpg")
    assert reason in caught.value.reason
    assert str(caught.value).startswith("a.jpg: ")


@pytest.mark.filterwarnings("ignore::PIL.Image.DecompressionBombWarning")
@pytest.mark.parametrize("side", [13_500, 60_000])  # beyond our limit; beyond Pillow's, which raises by itself
def test_bombs_are_refused_before_decoding(side: int) -> None:
    with pytest.raises(ImageError, match="more than 178000000 pixels: make it smaller"):
        decode_picture(png_header(side, side), name="bomb.png")


def test_asking_for_alpha_does_not_choke_on_a_bomb(tmp_path: Path) -> None:
    """`infer` asks it of every photo before the first one is painted: one bomb must not end the call."""
    path = tmp_path / "bomb.jpg"
    path.write_bytes(png_header(60_000, 60_000))
    assert not has_alpha(path)


def test_a_file_larger_than_the_memory_is_refused_before_it_is_read(tmp_path: Path) -> None:
    path = tmp_path / "pano.tif"
    path.touch()
    os.truncate(path, 1 << 40)
    for name, read in ((str(path), read_picture), (str(path), open_images)):
        with pytest.raises(ImageError, match=re.escape(f"{name}: has 1099.5 GB, more than the 4.3 GB that are read")):
            read(path)
    assert not has_alpha(path)


def test_own_limit(photo: Image8) -> None:
    assert decode_picture(encode_png(photo), name="x", max_pixels=2400).rgb.shape == (40, 60, 3)
    with pytest.raises(ImageError, match="60x40 is more than 2399 pixels"):
        decode_picture(encode_png(photo), name="x", max_pixels=2399)


def test_a_file_that_cannot_be_opened(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"none\.jpg: No such file"):
        read_picture(tmp_path / "none.jpg")
    with pytest.raises(ImageError, match="directory"):
        read_picture(tmp_path)


# --- finding ----------------------------------------------------------------------------------------------------


def touch(folder: Path, *names: str) -> None:
    for name in names:
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(b"")


def test_found_in_the_order_of_names(tmp_path: Path) -> None:
    touch(tmp_path, "b.jpg", "a/z.PNG", "a.webp", "a/b/c.tiff", "notes.txt", "b.jpg.part")
    found = find_images([tmp_path])
    assert [one.relative for one in found] == ["a.webp", "a/b/c.tiff", "a/z.PNG", "b.jpg"]
    assert all(one.path == tmp_path / one.relative for one in found)


def test_hidden_files_and_loops_are_passed_over(tmp_path: Path) -> None:
    touch(tmp_path, "a/b.jpg", ".hidden.jpg", ".cache/c.jpg", "a/.DS_Store.jpg")
    (tmp_path / "a" / "loop").symlink_to(tmp_path)
    (tmp_path / "a" / "self").symlink_to(tmp_path / "a")
    assert [one.relative for one in find_images([tmp_path])] == ["a/b.jpg"]


def test_links_to_files_are_found(tmp_path: Path) -> None:
    touch(tmp_path, "a.jpg")
    (tmp_path / "link.jpg").symlink_to(tmp_path / "a.jpg")
    assert [one.relative for one in find_images([tmp_path])] == ["a.jpg", "link.jpg"]


def test_named_files_are_taken_whatever_they_are_called(tmp_path: Path) -> None:
    touch(tmp_path, "photo", ".hidden.jpg", "c.jpg")
    found = find_images([tmp_path / "photo", tmp_path / ".hidden.jpg", tmp_path, tmp_path / "c.jpg"])
    assert [one.relative for one in found] == [".hidden.jpg", "c.jpg", "photo"]


def test_missing_input(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="nothing-here: no such file or folder"):
        find_images([tmp_path, tmp_path / "nothing-here"])


# --- writing ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("suffix", sorted(IMAGE_SUFFIXES))
def test_every_format_is_written_or_refused(photo: Image8, tmp_path: Path, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    if not can_write(path):
        assert suffix not in {".jpg", ".png", ".webp", ".tif", ".avif", ".bmp", ".ppm", ".pnm", ".jpe", ".jfif"}
        with pytest.raises(DataError, match="cannot write the format"):
            write_picture(path, Picture(photo))
        return
    write_picture(path, Picture(photo, np.full((40, 60), 128, np.uint8), b"profile"))
    back = read_picture(path)
    assert back.rgb.shape == photo.shape
    assert (back.alpha is not None) == can_hold_alpha(path) == has_alpha(path)
    if not can_hold_alpha(path):
        assert abs(back.rgb.astype(int) - Picture(photo, np.full((40, 60), 128, np.uint8)).on_white()).mean() < 3


@pytest.mark.parametrize("suffix", [".jp2", ".heic", ".pgm", ".pbm", "", ".txt"])
def test_other_suffixes(photo: Image8, tmp_path: Path, suffix: str) -> None:
    assert not can_write(tmp_path / f"a{suffix}")
    with pytest.raises(DataError, match=r"use \.png, \.jpg"):
        write_picture(tmp_path / f"a{suffix}", Picture(photo))


def test_encoders_are_exact_or_near(photo: Image8) -> None:
    assert np.array_equal(decode_picture(encode_png(photo), name="x").rgb, photo)
    assert encode_png(photo) == encode_png(photo.copy())
    assert abs(decode_picture(encode_jpeg(photo), name="x").rgb.astype(int) - photo).mean() < 2


@pytest.mark.parametrize(("suffix", "side"), [(".jpg", 65_501), (".webp", 16_384)])
def test_sides_that_a_format_cannot_hold(tmp_path: Path, suffix: str, side: int) -> None:
    with pytest.raises(DataError, match=rf"at most {side - 1} pixels a side: use \.png"):
        write_picture(tmp_path / f"a{suffix}", Picture(np.zeros((1, side, 3), np.uint8)))
    assert list(tmp_path.iterdir()) == []
    write_picture(tmp_path / f"a{suffix}", Picture(np.zeros((1, side - 1, 3), np.uint8)))


def test_failed_writing_leaves_what_was_there(photo: Image8, tmp_path: Path) -> None:
    path = tmp_path / "a.png"
    write_picture(path, Picture(photo))
    before = path.read_bytes()

    def write_half() -> None:
        with atomic_path(path) as temporary:
            temporary.write_bytes(before[: len(before) // 2])
            raise RuntimeError("power cut")

    with pytest.raises(RuntimeError, match="power cut"):
        write_half()
    assert path.read_bytes() == before
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="needs Linux's /dev/full")
def test_full_disk_says_so_and_leaves_nothing(photo: Image8, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    class Full:
        """The temporary file lies on a full device."""

        def __enter__(self) -> Path:
            return Path("/dev/full")

        def __exit__(self, *_: object) -> None:
            return None

    monkeypatch.setattr("pix2style.images.encode.atomic_path", lambda _: Full())
    with pytest.raises(DataError, match=r"a\.png: cannot be written: No space left on device"):
        write_picture(tmp_path / "a.png", Picture(photo))
    assert list(tmp_path.iterdir()) == []


def test_long_names_can_be_written(photo: Image8, tmp_path: Path) -> None:
    path = tmp_path / ("漢" * 80 + ".png")  # 244 bytes; 255 are allowed
    write_picture(path, Picture(photo))
    assert list(tmp_path.iterdir()) == [path]


# --- sizes ------------------------------------------------------------------------------------------------------


def test_resize_to_the_same_size_changes_nothing(photo: Image8) -> None:
    assert resize(photo, 40, 60) is photo
    assert resize(photo, 7, 11).shape == (7, 11, 3)


@pytest.mark.parametrize(("side", "shape"), [(30, (20, 30, 3)), (60, (40, 60, 3)), (100, (40, 60, 3)), (1, (1, 1, 3))])
def test_fit_within(photo: Image8, side: int, shape: tuple[int, ...]) -> None:
    assert fit_within(photo, side).shape == shape


@pytest.mark.parametrize("shape", [(40, 60), (60, 40), (33, 33), (5, 200)])
@pytest.mark.parametrize("side", [16, 33, 64])
def test_crop_to_square(shape: tuple[int, int], side: int) -> None:
    picture = np.zeros((*shape, 3), np.uint8)
    assert crop_to_square(picture, side).shape == (side, side, 3)


def test_crop_to_square_takes_the_middle() -> None:
    picture = np.zeros((30, 90, 3), np.uint8)
    picture[:, 30:60] = 200
    assert (crop_to_square(picture, 30) == 200).all()


def test_sheet_shows_every_picture(photo: Image8) -> None:
    dark = np.zeros_like(photo)
    shown = sheet([[photo, dark], [photo, dark]], ["photo", "dark"])
    assert shown.shape[1] >= 120
    assert shown.shape[0] >= 80
    assert (shown == 0).all(axis=2).sum() >= 2 * 40 * 60
