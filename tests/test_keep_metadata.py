"""What outputs keep of the metadata of their photos, and what they never keep."""

from __future__ import annotations

import io
import struct
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import ExifTags, Image
from PIL.ExifTags import Base
from PIL.PngImagePlugin import PngInfo

from pix2style.images import (
    Image8,
    KeepMetadata,
    Picture,
    PictureMetadata,
    PictureSequence,
    decode_images,
    format_of,
    lost_metadata_notes,
    read_origin,
    read_picture,
    write_picture,
    write_sequence,
)
from pix2style.images.exif_tags import IPTC_TAG, XMP_TAG, iptc_segment
from pix2style.images.tiff_groups import add_groups
from pix2style.images.xmp import clean_xmp
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_data import stylize_data
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer, StylizerIdentity

PRIVATE = (b"SERIAL-4711", b"OWNER Jane", b"Home street 5", b"MAKER-SECRET", b"THUMBNAIL", b"IPTC-CITY", b"XMP-PLACE")
XMP = (
    b"<x:xmpmeta xmlns:x='adobe:ns:meta/' xmlns:rdf='http://www.w3.org/1999/02/22-rdf-syntax-ns#'><rdf:RDF>"
    b"<rdf:Description xmlns:tiff='http://ns.adobe.com/tiff/1.0/' xmlns:xmp='http://ns.adobe.com/xap/1.0/'"
    b" xmlns:dc='http://purl.org/dc/elements/1.1/' tiff:Orientation='6' dc:title='XMP-PLACE'>"
    b"<xmp:Thumbnails><rdf:Alt><rdf:li>THUMBNAIL</rdf:li></rdf:Alt></xmp:Thumbnails></rdf:Description></rdf:RDF>"
    b"</x:xmpmeta>"
)
TEXT = {"PNG": "png", "JPEG": "jpg", "WEBP": "webp", "TIFF": "tif", "AVIF": "avif"}


def camera_exif(maker_note: bytes = b"MAKER-SECRET") -> Image.Exif:
    """EXIF data as a camera writes them, turned on the side."""
    exif = Image.Exif()
    exif[Base.Make], exif[Base.Model] = "Maker", "Model 1"
    exif[Base.Orientation] = 6
    exif[Base.XResolution] = exif[Base.YResolution] = 300.0
    exif[Base.ResolutionUnit] = 2
    exif[Base.DateTime] = "2026:05:01 12:00:00"
    exif[Base.Artist], exif[Base.Copyright] = "Ann Example", b"(c) Ann" + " \xa9".encode("latin-1")
    exif[Base.ImageDescription] = "Home street 5"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {
            Base.DateTimeOriginal.value: "2026:05:01 11:59:00",
            Base.FNumber.value: 2.8,
            Base.ISOSpeedRatings.value: 200,
            Base.LensModel.value: "Lens 35mm",
            Base.BodySerialNumber.value: "SERIAL-4711",
            Base.CameraOwnerName.value: "OWNER Jane",
            Base.MakerNote.value: maker_note,
            Base.ExifImageWidth.value: 9999,
            Base.ColorSpace.value: 2,
        }
    )
    exif.get_ifd(ExifTags.IFD.GPSInfo).update({1: "N", 2: (52.0, 30.0, 0.0), 3: "E", 4: (13.0, 24.0, 0.0)})
    return exif


def with_thumbnail(exif: bytes) -> bytes:
    """Add a second group, which holds a preview."""
    data = bytearray(exif[6:])
    endian = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{endian}I", data, 4)
    (count,) = struct.unpack_from(f"{endian}H", data, first)
    struct.pack_into(f"{endian}I", data, first + 2 + 12 * count, len(data))
    preview = b"\xff\xd8\xffTHUMBNAIL\xff\xd9"
    at = len(data) + 2 + 24 + 4
    data += struct.pack(f"{endian}HHHIIHHIII", 2, 513, 4, 1, at, 514, 4, 1, len(preview), 0) + preview
    return exif[:6] + bytes(data)


def photo_file(folder: Path, kind: str, exif: bytes | None = None) -> Path:
    """A photo of 40x30 pixels, which is stored on its side, with everything that may be private."""
    rgb = np.random.default_rng(1).integers(0, 255, (30, 40, 3)).astype(np.uint8)
    path = folder / f"photo.{TEXT[kind]}"
    options: dict[str, Any] = {"exif": exif or with_thumbnail(camera_exif().tobytes()), "dpi": (300, 300)}
    if kind in ("JPEG", "WEBP", "AVIF"):
        options["xmp"] = XMP
    if kind == "JPEG":
        options["extra"] = iptc_segment(b"\x1c\x02\x5a\0\x09IPTC-CITY")
    if kind == "PNG":
        options["pnginfo"] = PngInfo()
        options["pnginfo"].add_itxt("XML:com.adobe.xmp", XMP.decode())
    if kind == "TIFF":
        tags = camera_exif()
        tags[XMP_TAG], tags[IPTC_TAG] = XMP, b"\x1c\x02\x5a\0\x09IPTC-CITY"
        options = {"tiffinfo": tags, "dpi": (300, 300)}
    Image.fromarray(rgb).save(path, kind, **options)
    if kind == "TIFF":
        with path.open("r+b") as stream:
            add_groups(stream, options["tiffinfo"].tobytes())
    return path


def written(source: Path, out: Path, keep: KeepMetadata) -> tuple[Picture, Image.Image]:
    picture = decode_images(source.read_bytes(), name=str(source), metadata=keep)
    assert isinstance(picture, Picture)
    write_picture(out, picture, origin="1" * 65)
    image = Image.open(out)
    image.load()
    return picture, image


@pytest.mark.parametrize("kind", TEXT)
@pytest.mark.parametrize("out", ["jpg", "png", "webp", "tif", "avif"])
def test_safe_keeps_what_tells_nothing(tmp_path: Path, kind: str, out: str) -> None:
    source = photo_file(tmp_path, kind)
    assert all(secret in source.read_bytes() for secret in PRIVATE[:4])
    target = tmp_path / f"out.{out}"
    picture, image = written(source, target, KeepMetadata.SAFE)
    assert not [secret for secret in PRIVATE if secret in target.read_bytes()]
    exif = image.getexif()
    camera = exif.get_ifd(ExifTags.IFD.Exif)
    assert (exif[Base.Make], exif[Base.DateTime], exif[Base.Artist]) == ("Maker", "2026:05:01 12:00:00", "Ann Example")
    assert exif[Base.Copyright] == ("(c) Ann \xa9" if kind != "AVIF" else "(c) Ann ?")  # Pillow made the AVIF photo
    assert exif.get(Base.Orientation, 1) == 1
    assert (camera[Base.LensModel], camera[Base.ISOSpeedRatings], float(camera[Base.FNumber])) == (
        "Lens 35mm",
        200,
        2.8,
    )
    assert (camera[Base.ExifImageWidth], camera[Base.ExifImageHeight]) == image.size == (30, 40)
    assert Base.ColorSpace not in camera  # it was true of the pixels of the original
    assert not exif.get_ifd(ExifTags.IFD.GPSInfo)
    if out not in ("webp", "avif"):
        assert [round(value) for value in image.info["dpi"]] == [300, 300]
    assert round(float(exif[Base.XResolution])) == 300
    assert read_origin(target) == "1" * 65
    assert picture.notes == ()
    assert np.array_equal(read_picture(target).rgb.shape, picture.rgb.shape)


@pytest.mark.parametrize("kind", TEXT)
def test_all_keeps_everything_but_orientation_and_previews(tmp_path: Path, kind: str) -> None:
    target = tmp_path / f"out.{TEXT[kind]}"
    _, image = written(photo_file(tmp_path, kind), target, KeepMetadata.ALL)
    data = target.read_bytes()
    assert b"THUMBNAIL" not in data
    kept = [b"SERIAL-4711", b"OWNER Jane", b"Home street 5", b"MAKER-SECRET", b"XMP-PLACE"]
    kept += [b"IPTC-CITY"] if kind in ("JPEG", "TIFF") else []
    assert [secret for secret in kept if secret not in data] == []
    exif = image.getexif()
    assert exif.get(Base.Orientation, 1) == 1
    assert exif.get_ifd(ExifTags.IFD.GPSInfo)[2] == (52.0, 30.0, 0.0)
    assert b"tiff:Orientation='1'" in data
    assert read_origin(target) == "1" * 65
    assert read_picture(target).rgb.shape == (40, 30, 3)


@pytest.mark.parametrize("out", ["jpg", "png", "webp", "tif", "avif", "bmp"])
def test_none_keeps_nothing(tmp_path: Path, out: str) -> None:
    target = tmp_path / f"out.{out}"
    picture, _ = written(photo_file(tmp_path, "JPEG"), target, KeepMetadata.NONE)
    assert picture.metadata is None
    assert not [word for word in (*PRIVATE, b"Maker", b"Ann", b"2026") if word in target.read_bytes()]
    assert read_origin(target) == "1" * 65


@pytest.mark.parametrize("out", ["jpg", "tif"])
def test_the_stated_size_is_that_of_the_output(tmp_path: Path, out: str) -> None:
    picture = decode_images(photo_file(tmp_path, "JPEG").read_bytes(), name="in", metadata=KeepMetadata.SAFE)
    assert isinstance(picture, Picture)
    write_picture(tmp_path / f"out.{out}", replace(picture, rgb=picture.rgb[:20, :10]))
    with Image.open(tmp_path / f"out.{out}") as image:
        camera = image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert (camera[Base.ExifImageWidth], camera[Base.ExifImageHeight]) == (10, 20)
        assert camera[Base.LensModel] == "Lens 35mm"


@pytest.mark.parametrize("kind", ["TIFF", "WEBP", "PNG"])
def test_documents_and_animations_keep_those_of_their_first_picture(tmp_path: Path, kind: str) -> None:
    source, target = tmp_path / f"in.{TEXT[kind]}", tmp_path / f"out.{TEXT[kind]}"
    pictures = [Image.new("RGB", (20, 12), (90 * number, 0, 0)) for number in range(3)]
    exif = camera_exif().tobytes()
    options: dict[str, Any] = {"tiffinfo": camera_exif()} if kind == "TIFF" else {"exif": exif}
    pictures[0].save(source, kind, save_all=True, append_images=pictures[1:], **options)
    if kind == "TIFF":
        with source.open("r+b") as stream:
            add_groups(stream, exif)
    sequence = decode_images(source.read_bytes(), name="in", metadata=KeepMetadata.SAFE)
    assert isinstance(sequence, PictureSequence)
    write_sequence(target, sequence.frames(), sequence, origin="1" * 65)
    with Image.open(target) as image:
        assert (getattr(image, "n_frames", 1), image.getexif()[Base.Artist]) == (3, "Ann Example")
        assert image.getexif().get_ifd(ExifTags.IFD.Exif)[Base.LensModel] == "Lens 35mm"
        for number in range(3):
            image.seek(number)
            image.load()
    assert not [secret for secret in PRIVATE if secret in target.read_bytes()]


def test_previews_in_maker_notes_are_left_out(tmp_path: Path) -> None:
    exif = camera_exif(b"MAKER-SECRET" + b"\xff\xd8\xff preview").tobytes()
    target = tmp_path / "out.jpg"
    picture, _ = written(photo_file(tmp_path, "JPEG", exif), target, KeepMetadata.ALL)
    assert b"MAKER-SECRET" not in target.read_bytes()
    assert "previews in its EXIF data are not kept: they show the photo as it was" in picture.notes


def test_large_maker_notes_are_left_out(tmp_path: Path) -> None:
    path = tmp_path / "photo.webp"
    Image.new("RGB", (4, 4)).save(path, exif=camera_exif(bytes(70_000)).tobytes())
    picture, image = written(path, tmp_path / "out.jpg", KeepMetadata.ALL)
    assert "its maker notes are too large: not kept" in picture.notes
    assert image.getexif()[Base.Artist] == "Ann Example"


def damaged(exif: bytes) -> dict[str, bytes]:
    cyclic = bytearray(exif)
    first = struct.unpack_from("<I" if exif[6:8] == b"II" else ">I", exif, 10)[0]
    count = struct.unpack_from("<H" if exif[6:8] == b"II" else ">H", exif, 6 + first)[0]
    for entry in range(count):  # every group points at the first one
        at = 6 + first + 2 + 12 * entry
        if struct.unpack_from("<H" if exif[6:8] == b"II" else ">H", exif, at)[0] in (0x8769, 0x8825):
            struct.pack_into("<I" if exif[6:8] == b"II" else ">I", cyclic, at + 8, first)
    rng = np.random.default_rng(0)
    noisy = bytearray(exif)
    for at in rng.integers(14, len(exif), 40):
        noisy[at] = int(rng.integers(256))
    return {
        "cut": exif[: len(exif) // 2],
        "head": exif[:14],
        "empty": b"Exif\0\0",
        "cyclic": bytes(cyclic),
        "noise": bytes(noisy),
        "garbage": b"Exif\0\0" + rng.bytes(2000),
        "huge count": exif[:22] + b"\xff\xff\xff\x7f" + exif[26:],
    }


@pytest.mark.parametrize("keep", [KeepMetadata.SAFE, KeepMetadata.ALL])
@pytest.mark.parametrize("name", damaged(camera_exif().tobytes()))
def test_hostile_exif_breaks_nothing(tmp_path: Path, name: str, keep: KeepMetadata) -> None:
    exif = damaged(camera_exif().tobytes())[name]
    for out in ("jpg", "tif", "webp"):
        picture, image = written(photo_file(tmp_path, "JPEG", exif), tmp_path / f"out.{out}", keep)
        image.getexif().get_ifd(ExifTags.IFD.Exif)
        assert image.getexif().get(Base.Orientation, 1) == 1
        assert read_picture(tmp_path / f"out.{out}").rgb.shape == picture.rgb.shape


def test_hostile_values_are_not_copied(tmp_path: Path) -> None:
    exif = camera_exif()
    exif[Base.Make], exif[Base.Model] = "M" * 5000, "\x1b[31m"
    exif.get_ifd(ExifTags.IFD.Exif).update(
        {Base.ISOSpeedRatings.value: tuple(range(2000)), Base.LensModel.value: "a\0b"}
    )
    path = tmp_path / "photo.webp"
    Image.new("RGB", (4, 4)).save(path, exif=exif.tobytes())
    _, image = written(path, tmp_path / "out.jpg", KeepMetadata.SAFE)
    kept = image.getexif()
    assert [tag for tag in (Base.Make, Base.Model) if tag in kept] == []
    assert kept[Base.DateTime] == "2026:05:01 12:00:00"
    camera = kept.get_ifd(ExifTags.IFD.Exif)
    assert Base.ISOSpeedRatings not in camera
    assert camera[Base.LensModel] == "a"


@pytest.mark.parametrize(
    ("packet", "word"),
    [
        (b"<!DOCTYPE a [<!ENTITY b 'c'>]><a>&b;</a>", "damaged"),
        (b"<a", "damaged"),
        (b"\xff\xfe<\0a\0", "damaged"),
        (b"<a xmlns:h='http://ns.adobe.com/hdr-gain-map/1.0/'/>", "describes further pictures"),
        (b"<a>" + b" " * 70_000 + b"</a>", "too large"),
        (b"<a>" + b"<xmp:Thumbnails>" * 60_000, "damaged"),  # took minutes
        (b"<a><b:Orientation xmlns:b='tiff' c='1'/><d Orientation='6'/></a>", "orientation"),
        (b"<a><xmpGImg:image xmlns:xmpGImg='x'>THUMBNAIL</xmpGImg:image></a>", "preview"),
    ],
)
def test_unfit_xmp_is_left_out(packet: bytes, word: str) -> None:
    cleaned, [note] = clean_xmp(packet)
    assert cleaned == b""
    assert word in note


def test_pillow_images_keep_nothing_by_themselves(photos: Callable[..., list[Image8]]) -> None:
    stream = io.BytesIO()
    Image.fromarray(photos(1)[0]).save(stream, "JPEG", exif=camera_exif().tobytes())
    picture = decode_images(stream.getvalue(), name="photo")
    assert isinstance(picture, Picture)
    assert picture.metadata is None


@pytest.mark.parametrize(
    ("suffix", "lost"), [("jpg", ""), ("tif", ""), ("png", "IPTC data"), ("webp", "IPTC data"), ("bmp", "EXIF data")]
)
def test_what_a_format_does_not_hold_is_said(tmp_path: Path, suffix: str, lost: str) -> None:
    photo = photo_file(tmp_path, "JPEG")
    metadata = PictureMetadata(exif=b"Exif" if suffix == "bmp" else b"", iptc=b"" if suffix == "bmp" else b"data")
    kind = format_of(tmp_path / f"out.{suffix}")
    notes = (f"its {lost} are not kept: {kind} files do not hold them",) if lost else ()
    assert lost_metadata_notes(kind, metadata) == notes
    if suffix == "png":

        class Same(Stylizer):
            @property
            def identity(self) -> StylizerIdentity:
                return StylizerIdentity("same", "0" * 64)

            def stylize(self, images: Sequence[Image8]) -> list[Image8]:
                return list(images)

        settings = FileSettings(metadata=KeepMetadata.ALL)
        report = stylize_files(Same(), [photo], tmp_path / "out", suffix=".png", files=settings)
        assert notes[0] in [note.text for note in report.notes]
        assert notes[0] in stylize_data(Same(), photo.read_bytes(), name="x", suffix=".png", files=settings).notes
