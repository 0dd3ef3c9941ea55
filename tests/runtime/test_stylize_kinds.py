"""Images of every kind: orientation, transparency, bit depth, colour spaces, profiles, and metadata to be removed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageCms

from pix2style.images import Image8, Picture, read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.stylize_files import stylize_files

Photos = Callable[..., list[Image8]]
ExpectedOutput = Callable[[Image8], Image8]
Save = Callable[..., Path]


def stylized(stylizer: OnnxStylizer, source: Path) -> tuple[Path, Picture]:
    report = stylize_files(stylizer, [source], source.parent / "out")
    assert report.failures == []
    [path] = report.written
    return path, read_picture(path)


@pytest.mark.parametrize("orientation", range(1, 9))
@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_orientation(
    stylizer: OnnxStylizer,
    photos: Photos,
    red_negative: ExpectedOutput,
    save: Save,
    tmp_path: Path,
    *,
    orientation: int,
    suffix: str,
) -> None:
    upright = np.repeat(np.repeat(photos(1, 6, 9)[0], 8, axis=0), 8, axis=1)  # 8x8 blocks survive JPEG
    # Pixels as a camera stores them, so that applying `orientation` makes them upright again (EXIF 2.32, tag 0x0112).
    stored = {
        1: upright,
        2: upright[:, ::-1],
        3: upright[::-1, ::-1],
        4: upright[::-1],
        5: upright.transpose(1, 0, 2),
        6: np.rot90(upright, 1),
        7: upright[::-1, ::-1].transpose(1, 0, 2),
        8: np.rot90(upright, -1),
    }[orientation]
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {".jpg": {"quality": 100, "subsampling": 0}, ".webp": {"lossless": True}}.get(suffix, {})
    source = save(tmp_path / f"a{suffix}", Image.fromarray(np.ascontiguousarray(stored)), exif=exif, **options)
    path, picture = stylized(stylizer, source)
    assert path.suffix == suffix
    assert picture.rgb.shape == upright.shape
    assert abs(picture.rgb.astype(int) - red_negative(upright)).mean() < 6
    with Image.open(path) as opened:
        assert opened.getexif().get(0x0112, 1) == 1


@pytest.mark.parametrize("suffix", [".png", ".webp", ".tif"])
def test_alpha(
    stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path, *, suffix: str
) -> None:
    alpha = np.tile(np.arange(45, dtype=np.uint8) * 5, (30, 1))
    path, picture = stylized(stylizer, save(tmp_path / f"a{suffix}", np.dstack([photo, alpha]), lossless=True))
    assert path.suffix == suffix
    assert picture.alpha is not None
    assert np.array_equal(picture.alpha, alpha)
    if suffix != ".webp":  # lossy
        visible = alpha > 0
        assert np.array_equal(picture.rgb[visible], red_negative(photo)[visible])


def test_colours_under_full_transparency_are_not_revealed(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    path, _ = stylized(stylizer, save(tmp_path / "a.png", np.dstack([photo, np.zeros((30, 45), np.uint8)])))
    with Image.open(path) as opened:
        output = np.asarray(opened)[..., :3]
    assert (output == output[0, 0]).all()  # otherwise the structure of the hidden photo would be visible


def test_transparent_photos_become_png_instead_of_jpeg(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    save(tmp_path / "in" / "clear.png", np.dstack([photo, np.full((30, 45), 128, np.uint8)]))
    save(tmp_path / "in" / "plain.png", photo)
    stylize_files(stylizer, [tmp_path / "in"], tmp_path / "out", suffix=".jpg")
    assert sorted(path.name for path in (tmp_path / "out").iterdir()) == ["clear.png", "plain.jpg"]
    assert read_picture(tmp_path / "out" / "clear.png").alpha is not None


def test_grey(stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path) -> None:
    grey = photo[..., 0]
    for mode, image in (("L", Image.fromarray(grey)), ("LA", Image.fromarray(np.dstack([grey, grey | 1])))):
        assert image.mode == mode
        _, picture = stylized(stylizer, save(tmp_path / mode / "a.png", image))
        assert np.array_equal(picture.rgb, red_negative(np.dstack([grey] * 3)))


def test_sixteen_bits(
    stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    deep = Image.fromarray(photo[..., 0].astype(np.uint16) * 257)
    for suffix in (".png", ".tif"):
        _, picture = stylized(stylizer, save(tmp_path / f"a{suffix}", deep))
        assert np.array_equal(picture.rgb, red_negative(np.dstack([photo[..., 0]] * 3)))


def test_black_and_white(
    stylizer: OnnxStylizer, photo: Image8, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    image = Image.fromarray(photo[..., 0] > 127)
    assert image.mode == "1"
    _, picture = stylized(stylizer, save(tmp_path / "a.png", image))
    assert np.array_equal(picture.rgb, red_negative(np.asarray(image.convert("RGB"))))


@pytest.mark.parametrize("suffix", [".jpg", ".tif"])
def test_cmyk(stylizer: OnnxStylizer, save: Save, tmp_path: Path, suffix: str) -> None:
    # Blocks of colours for which CMYK without a profile is simple: r = 255 - c, because k = 0.
    colours = np.array([[[230, 40, 60], [20, 200, 90]], [[30, 60, 220], [240, 240, 20]]], np.uint8)
    blocks = colours.repeat(16, 0).repeat(16, 1)
    source = save(tmp_path / f"a{suffix}", Image.fromarray(blocks).convert("CMYK"), quality=100)
    _, picture = stylized(stylizer, source)
    expected = np.dstack([255 - blocks[..., 0], blocks[..., 1:]])
    assert abs(picture.rgb.astype(int) - expected)[8::16, 8::16].max() <= 8


def test_palette_with_transparency(
    stylizer: OnnxStylizer, red_negative: ExpectedOutput, save: Save, tmp_path: Path
) -> None:
    image = Image.new("P", (30, 20))
    image.putpalette([200, 10, 30, 20, 180, 40])
    image.paste(1, (10, 0, 30, 20))
    path, picture = stylized(stylizer, save(tmp_path / "a.png", image, transparency=0))
    assert picture.alpha is not None
    assert (picture.alpha[:, :10] == 0).all()
    assert (picture.alpha[:, 10:] == 255).all()
    assert np.array_equal(picture.rgb[5, 20], red_negative(np.array([[[20, 180, 40]]], np.uint8))[0, 0])
    assert path.suffix == ".png"


@pytest.mark.parametrize("suffix", [".jpg", ".png", ".webp", ".tif"])
def test_colour_profile(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path, suffix: str) -> None:
    profile = ImageCms.ImageCmsProfile(ImageCms.createProfile("sRGB")).tobytes()
    _, picture = stylized(stylizer, save(tmp_path / f"a{suffix}", photo, icc_profile=profile))
    assert picture.icc_profile == profile


def test_exif_is_removed(stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x013B] = "Maker of the photo"
    path, _ = stylized(stylizer, save(tmp_path / "a.jpg", photo, exif=exif))
    assert b"Maker of the photo" in (tmp_path / "a.jpg").read_bytes()
    assert b"Maker of the photo" not in path.read_bytes()


def test_jpeg_stays_jpeg_without_chroma_subsampling(
    stylizer: OnnxStylizer, photo: Image8, save: Save, tmp_path: Path
) -> None:
    path, _ = stylized(stylizer, save(tmp_path / "IMG_1.JPG", photo, quality=60))
    assert path.name == "IMG_1.JPG"
    with Image.open(path) as opened:
        assert opened.format == "JPEG"
        assert [layer[1:3] for layer in opened.layer] == [(1, 1)] * 3  # 4:4:4


def test_quality(stylizer: OnnxStylizer, photos: Photos, save: Save, tmp_path: Path) -> None:
    source = save(tmp_path / "a.png", photos(1, 120, 160)[0])
    for suffix in (".jpg", ".webp"):
        sizes = []
        for quality in (30, 95):
            out = tmp_path / f"{quality}"
            stylize_files(stylizer, [source], out, suffix=suffix, jpeg_quality=quality)
            sizes.append((out / f"a{suffix}").stat().st_size)
        assert sizes[0] < 0.6 * sizes[1]
