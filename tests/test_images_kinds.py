"""Which files in a folder are pictures: every usual suffix is read, and nothing is passed over in silence."""

from __future__ import annotations

import io
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.errors import ImageError
from pix2style.images import (
    Image8,
    LeftOut,
    count_left_out,
    decode_picture,
    describe_left_out,
    find_images,
    has_alpha,
    kinds,
    read_picture,
    search_images,
)
from pix2style.plural import counted

from pictures import encoded, ramps  # isort: skip

LOSSLESS = {
    "BMP": ["bmp", "BMP", "dib"],
    "PNG": ["png", "apng", "PNG"],
    "PPM": ["ppm", "pnm", "PnM"],
    "TIFF": ["tif", "tiff"],
    "TGA": ["tga", "icb", "vda", "vst"],
    "PCX": ["pcx"],
    "SGI": ["sgi", "rgb"],
    "QOI": ["qoi"],
    "JPEG2000": ["jp2", "j2k", "jpx", "jpf", "j2c", "jpc"],
    "DDS": ["dds"],
    "GIF": [],
}
NEAR = {
    "JPEG": ["jpg", "jpeg", "jpe", "jfif", "JFIF", "jps"],
    "MPO": ["mpo", "MPO"],
    "WEBP": ["webp"],
    "AVIF": ["avif"],
}


def _encode(rgb: Image8, kind: str) -> bytes:
    stream = io.BytesIO()
    image = Image.fromarray(rgb)
    image.save(stream, kind, **({"save_all": True, "append_images": [image]} if kind == "MPO" else {}))
    return stream.getvalue()


@pytest.mark.parametrize(("kind", "suffix"), [(kind, suffix) for kind in LOSSLESS for suffix in LOSSLESS[kind]])
def test_lossless_kinds_are_found_and_read(tmp_path: Path, kind: str, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(_encode(ramps(), kind))
    [found] = find_images([tmp_path])
    assert np.array_equal(read_picture(found.path).rgb, ramps())


@pytest.mark.parametrize(("kind", "suffix"), [(kind, suffix) for kind in NEAR for suffix in NEAR[kind]])
def test_lossy_kinds_are_found_and_read(tmp_path: Path, kind: str, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(_encode(ramps(), kind))
    [found] = find_images([tmp_path])
    assert abs(read_picture(found.path).rgb.astype(int) - ramps()).mean() < 12


@pytest.mark.parametrize("name", ["a.pgm", "a.pnm", "a.PGM"])
def test_grey_maps(tmp_path: Path, name: str) -> None:
    grey = ramps()[..., 0]
    (tmp_path / name).write_bytes(_encode(grey, "PPM"))
    [found] = find_images([tmp_path])
    assert np.array_equal(read_picture(found.path).rgb, np.dstack([grey] * 3))


def test_bitmaps_of_one_bit(tmp_path: Path) -> None:
    Image.fromarray(ramps()).convert("1").save(tmp_path / "a.pbm")
    [found] = find_images([tmp_path])
    assert set(np.unique(read_picture(found.path).rgb)) == {0, 255}


def test_rare_kinds_are_opened_by_their_suffix_only() -> None:
    """So that few decoders can be reached by a file that claims to be something else."""
    data = _encode(ramps(), "PCX")
    assert decode_picture(data, name="a.pcx").rgb.shape == (40, 60, 3)
    assert decode_picture(data, name="a.pcx (content)").rgb.shape == (40, 60, 3)
    with pytest.raises(ImageError, match="not a picture in a known format"):
        decode_picture(data, name="a.jpg")


@pytest.mark.parametrize("suffix", ["dng", "NEF", "cr2", "arw", "raf", "orf"])
def test_raw_photos_are_no_previews(tmp_path: Path, suffix: str) -> None:
    """Their first page as a TIFF file is a small preview, which must not be taken for the photo."""
    (tmp_path / f"a.{suffix}").write_bytes(encoded(ramps(), "TIFF"))
    [found] = find_images([tmp_path])
    with pytest.raises(ImageError, match=rf"a raw photo \(\.{suffix.lower()}\), which is not read: develop it"):
        read_picture(found.path)
    assert not has_alpha(found.path)


@pytest.mark.parametrize("suffix", ["jxl", "svg", "exr", "hdr", "xcf", "fits", "eps"])
def test_kinds_that_are_not_read_say_so(tmp_path: Path, suffix: str) -> None:
    (tmp_path / f"a.{suffix}").write_bytes(b"whatever")
    [found] = find_images([tmp_path])
    with pytest.raises(ImageError, match=rf"a kind of picture that is not read \(\.{suffix}\): save it as PNG"):
        read_picture(found.path)


# --- HEIC -------------------------------------------------------------------------------------------------------


@pytest.fixture
def heic(tmp_path: Path) -> Path:
    pillow_heif = pytest.importorskip("pillow_heif")
    path = tmp_path / "IMG_0002.HEIC"
    pillow_heif.from_pillow(Image.fromarray(ramps())).save(path, quality=95)
    return path


@pytest.mark.parametrize("name", ["a.heic", "a.HEIF", "a.hif", "a.jpg", "photo"])
def test_heic_is_read_whatever_its_name(heic: Path, name: str) -> None:
    picture = decode_picture(heic.read_bytes(), name=name)
    assert abs(picture.rgb.astype(int) - ramps()).mean() < 12


def test_heic_is_found(heic: Path) -> None:
    assert [found.path for found in find_images([heic.parent])] == [heic]
    assert not has_alpha(heic)


def test_heic_without_pillow_heif_says_what_to_install(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    from pix2style.progress import print_failures

    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    kinds._load_heif.cache_clear()
    head = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic"
    with pytest.raises(
        ImageError, match="a HEIC or HEIF picture, which needs pillow-heif: pip install pillow-heif"
    ) as caught:
        decode_picture(head + bytes(100), name="a.heic")
    assert "\n" not in caught.value.reason
    print_failures([(f"{i}.heic", caught.value.reason) for i in range(3000)] + [("b.jpg", "cut off")], "the report")
    lines = capfd.readouterr().err.splitlines()
    assert lines == [f"failed: 0.heic and 2,999 more: {caught.value.reason}", "failed: b.jpg: cut off"]


def test_damaged_heic(heic: Path) -> None:
    data = heic.read_bytes()
    for length in (30, 200, len(data) // 2, len(data) - 1):
        with pytest.raises(ImageError):
            decode_picture(data[:length], name="a.heic")


def test_avif_is_not_taken_for_heic(tmp_path: Path) -> None:
    (tmp_path / "a.heic").write_bytes(encoded(ramps(), "AVIF"))
    assert read_picture(tmp_path / "a.heic").rgb.shape == (40, 60, 3)


# --- what is left out -------------------------------------------------------------------------------------------


def test_what_is_no_picture_is_counted_by_reason(tmp_path: Path) -> None:
    folder = tmp_path / "in"
    for name in ("a.jpg", "notes.txt", "b.mov", "c.MP4", ".DS_Store", ".thumbs/d.jpg", "e", "sub/f.md", "sub/g.png"):
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_bytes(b"")
    (tmp_path / "nas").mkdir()
    (folder / "more").symlink_to(tmp_path / "nas")
    search = search_images([folder])
    assert [image.relative for image in search.images] == ["a.jpg", "sub/g.png"]
    assert {item.path.relative_to(folder).as_posix(): item.reason for item in search.left_out} == {
        "notes.txt": "other file",
        "e": "other file",
        "sub/f.md": "other file",
        "b.mov": "video",
        "c.MP4": "video",
        ".DS_Store": "hidden file",
        ".thumbs": "hidden folder",
        "more": "linked folder",
    }
    assert count_left_out(search.left_out) == {
        "other file": 3,
        "video": 2,
        "hidden file": 1,
        "hidden folder": 1,
        "linked folder": 1,
    }
    assert describe_left_out(search.left_out) == (
        "1 linked folder (more: to include it, name it as an input), 2 videos (.mov, .mp4),"
        " 3 files of other kinds (.md, .txt, no suffix), 1 hidden file, 1 hidden folder"
    )


def test_what_is_an_input_itself_is_not_left_out(tmp_path: Path) -> None:
    for name in ("in/.hidden.jpg", "nas/b.jpg"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_bytes(b"")
    (tmp_path / "in" / "more").symlink_to(tmp_path / "nas")
    search = search_images([tmp_path / "in", tmp_path / "in" / "more", tmp_path / "in" / ".hidden.jpg"])
    assert [image.relative for image in search.images] == [".hidden.jpg", "b.jpg"]
    assert (search.left_out, search.empty_folders) == ([], [tmp_path / "in"])


def test_long_lists_are_cut() -> None:
    items = [LeftOut(Path(f"{i}.x{i}"), "other file") for i in range(1200)]
    items += [LeftOut(Path(f"link{i}"), "linked folder") for i in range(5)]
    assert describe_left_out(items) == (
        "5 linked folders (link0, link1, link2, ...: to include them, name them as inputs),"
        " 1,200 files of other kinds (.x0, .x1, .x10, .x100, .x1000, ...)"
    )
    assert describe_left_out([]) == ""


# --- numbers with nouns -----------------------------------------------------------------------------------------


def test_numbers_with_nouns() -> None:
    assert [counted(number, "photo") for number in (0, 1, 2, 1000)] == [
        "0 photos",
        "1 photo",
        "2 photos",
        "1,000 photos",
    ]
    assert counted(1, "entry", "entries") == "1 entry"
    assert counted(2, "entry", "entries") == "2 entries"
    assert [counted(number, "step", verb="was") for number in (1, 3)] == ["1 step was", "3 steps were"]
    assert [counted(number, "file", verb="fails") for number in (1, 3)] == ["1 file fails", "3 files fail"]
