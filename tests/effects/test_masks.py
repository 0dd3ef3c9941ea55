"""Masks: what is painted and what stays, masks of every kind, one for each file, and masks that do not fit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from pix2style.effects.mask_folder import check_apart
from pix2style.effects.masked import with_mask
from pix2style.effects.preserve_color import PreserveColor
from pix2style.errors import ConfigError, DataError, ImageError
from pix2style.images import Image8, Picture, read_picture, write_picture
from pix2style.runtime.stylize_files import stylize_files
from pix2style.stylizer import Stylizer


@pytest.fixture
def half() -> np.ndarray:
    """A mask [60, 80] whose left half is white."""
    mask = np.zeros((60, 80), bool)
    mask[:, :40] = True
    return mask


def test_black_keeps_the_photo_and_white_is_stylized(negative: Stylizer, photo: Image8, half: np.ndarray) -> None:
    output = with_mask(negative, half, feather_px=0)(photo)
    assert np.array_equal(output, np.where(half[..., None], 255 - photo, photo))
    inverted = with_mask(negative, half, feather_px=0, invert=True)(photo)
    assert np.array_equal(inverted, np.where(half[..., None], photo, 255 - photo))
    grey = with_mask(negative, np.full((60, 80), 0.4), feather_px=0)(photo)
    assert np.abs(grey - (photo + 0.4 * (255 - 2.0 * photo))).max() <= 0.51


def test_edges_fade_over_the_feather(negative: Stylizer, half: np.ndarray) -> None:
    black = np.zeros((60, 80, 3), np.uint8)
    row = with_mask(negative, half, feather_px=20)(black)[30, :, 0].astype(int)
    assert np.all(np.diff(row) <= 0)
    assert abs(row[39:41].mean() - 127.5) < 4
    assert row[29] > 240
    assert 200 > row[36] > row[43] > 50
    assert row[50] < 15
    assert (row[0], row[-1]) == (255, 0)  # the border of the picture is no edge
    by_size = with_mask(negative, half)(black)[30, :, 0]
    assert 0 < np.count_nonzero((by_size > 0) & (by_size < 255)) <= 4  # 1 % of 80 pixels


def _files(half: np.ndarray) -> dict[str, Image.Image]:
    levels = np.where(half, 255, 0).astype(np.uint8)
    palette = Image.fromarray(half.astype(np.uint8), "P")
    palette.putpalette([0, 0, 0, 255, 255, 255])
    black_and_clear = np.dstack([np.full((60, 80, 3), 255, np.uint8), levels])
    turned = Image.fromarray(levels).transpose(Image.Transpose.ROTATE_90)
    turned.getexif()[0x0112] = 6
    return {
        "grey.png": Image.fromarray(levels),
        "rgb.bmp": Image.fromarray(levels).convert("RGB"),
        "bits.png": Image.fromarray(half),
        "bits.tif": Image.fromarray(half),
        "deep.png": Image.fromarray(levels.astype(np.uint16) * 257),
        "palette.png": palette,
        "alpha.png": Image.fromarray(black_and_clear),
        "turned.tif": turned,
        "double.png": Image.fromarray(levels).resize((160, 120), Image.Resampling.NEAREST),
    }


def test_masks_of_every_kind_are_one_mask(negative: Stylizer, photo: Image8, half: np.ndarray, tmp_path: Path) -> None:
    expected = with_mask(negative, half, feather_px=0)(photo)
    for name, image in _files(half).items():
        image.save(tmp_path / name, exif=image.getexif())
        output = with_mask(negative, tmp_path / name, feather_px=0)(photo)
        assert np.array_equal(output[:, :39], expected[:, :39]), name
        assert np.array_equal(output[:, 41:], expected[:, 41:]), name
    for given in (half.astype(np.uint8) * 255, Image.fromarray(half), half.astype(np.float32)):
        assert np.array_equal(with_mask(negative, given, feather_px=0)(photo), expected)


def test_masks_that_do_not_fit_or_are_none(negative: Stylizer, photo: Image8, tmp_path: Path) -> None:
    with pytest.raises(DataError, match=r"given of 60x80 pixels does not fit 80x60 pixels: .* upright"):
        with_mask(negative, np.ones((80, 60), bool))(photo)
    with_mask(negative, np.ones((13, 17), bool))(photo)  # 17.3 was rounded
    with pytest.raises(ImageError, match=r"none\.png: No such file"):
        with_mask(negative, tmp_path / "none.png")
    (tmp_path / "text.png").write_text("a mask")
    with pytest.raises(DataError, match=r"the mask .*text\.png: "):
        with_mask(negative, tmp_path / "text.png")
    for feather in (-1, float("nan"), float("inf")):
        with pytest.raises(ConfigError, match=r"feather is .*: give a width in pixels"):
            with_mask(negative, "alpha", feather_px=feather)
    for wrong in (np.full((60, 80), 7), np.full((60, 80), 2.0), np.ones(5, bool)):
        with pytest.raises(TypeError, match="a mask must"):
            with_mask(negative, wrong)
    with pytest.raises(TypeError, match="a mask must be a path"):
        with_mask(negative, 5)  # type: ignore[arg-type]


def test_the_transparency_is_the_mask(negative: Stylizer, photo: Image8, half: np.ndarray) -> None:
    alpha = np.where(half, 255, 90).astype(np.uint8)
    effect = with_mask(negative, "alpha", feather_px=0)
    output = effect.stylize_picture(Picture(photo, alpha))
    assert np.array_equal(output.alpha, alpha)
    assert np.array_equal(output.rgb[half], 255 - photo[half])
    assert np.abs(output.rgb[~half] - (photo[~half] + 90 / 255 * (255 - 2.0 * photo[~half]))).max() <= 0.51
    given = effect(Image.fromarray(np.dstack([photo, alpha])))
    assert np.array_equal(np.asarray(given), np.dstack([output.rgb, alpha]))
    opaque = effect.stylize_picture(Picture(photo))
    assert np.array_equal(opaque.rgb, 255 - photo)
    assert opaque.notes == ("has no transparency for the mask: all of it is stylized",)


def test_the_rest_of_a_wide_gamut_photo_stays_exactly(negative: Stylizer, half: np.ndarray, assets: Path) -> None:
    wide = next((assets / "cases").rglob("*p3*.png"), None) or next((assets / "cases").rglob("*P3*"), None)
    if wide is None:
        pytest.skip("no photo in Display P3")
    picture = read_picture(wide)
    mask = np.zeros(picture.rgb.shape[:2], bool)
    mask[:, : mask.shape[1] // 2] = True
    rest = with_mask(negative, mask, feather_px=0).stylize_picture(picture).rgb[~mask]
    assert np.array_equal(rest, picture.rgb[~mask])


def test_a_mask_for_each_file(negative: Stylizer, photo: Image8, half: np.ndarray, tmp_path: Path) -> None:
    for name in ("a.png", "b.png", "sub/a.png", "c.png"):
        write_picture(tmp_path / "in" / name, Picture(photo))
    masks = {"a.png": half, "b.png.png": ~half, "sub/a.bmp": ~half, "unused.png": half}
    for name, mask in masks.items():
        (tmp_path / "masks" / name).parent.mkdir(parents=True, exist_ok=True)
        Image.fromarray(np.where(mask, 255, 0).astype(np.uint8)).save(tmp_path / "masks" / name)
    effect = with_mask(PreserveColor(negative), tmp_path / "masks", feather_px=0)
    report = stylize_files(effect, [tmp_path / "in"], tmp_path / "out")
    assert [(failure.path.name, failure.reason) for failure in report.failures] == [
        ("c.png", f"has no mask in {tmp_path / 'masks'}, where it would be called c.png")
    ]
    for name, mask in {"a.png": half, "b.png": ~half, "sub/a.png": ~half}.items():
        expected = with_mask(PreserveColor(negative), mask, feather_px=0)(photo)
        assert np.array_equal(read_picture(tmp_path / "out" / name).rgb, expected)
    with pytest.raises(ConfigError, match="a folder of masks works with files only"):
        effect(photo)


def test_another_mask_is_another_setting(negative: Stylizer, photo: Image8, half: np.ndarray, tmp_path: Path) -> None:
    write_picture(tmp_path / "a.png", Picture(photo))
    write_picture(tmp_path / "b.png", Picture(photo))
    folder, out = tmp_path / "masks", tmp_path / "out"
    folder.mkdir()
    for name in ("a.png", "b.png"):
        Image.fromarray(half).save(folder / name)
    stylize_files(with_mask(negative, folder), [tmp_path / "a.png", tmp_path / "b.png"], out)
    assert len(stylize_files(with_mask(negative, folder), [tmp_path / "a.png"], out).skipped) == 1
    (folder / "a.png").unlink()
    (folder / "a.png").symlink_to("gone")
    [failed] = stylize_files(with_mask(negative, folder), [tmp_path / "a.png"], tmp_path / "other").failures
    assert failed.reason.startswith(f"the mask {folder / 'a.png'}: ")
    (folder / "a.png").unlink()
    Image.fromarray(~half).save(folder / "a.png")
    assert len(stylize_files(with_mask(negative, folder), [tmp_path / "b.png"], out).skipped) == 1
    for other in (with_mask(negative, folder), with_mask(negative, half), with_mask(negative, "alpha"), negative):
        with pytest.raises(DataError, match=r"a\.png: was made by another filter or with other settings"):
            stylize_files(other, [tmp_path / "a.png"], out)
    with pytest.raises(DataError, match="with other settings"):
        stylize_files(with_mask(negative, folder, feather_px=3), [tmp_path / "b.png"], out)


def test_every_frame_of_an_animation_gets_the_mask(
    negative: Stylizer, photos: Callable[..., list[Image8]], half: np.ndarray, tmp_path: Path
) -> None:
    first, *others = [Image.fromarray(photo) for photo in photos(3, 60, 80)]
    first.save(tmp_path / "a.png", save_all=True, append_images=others, duration=50)
    stylize_files(with_mask(negative, half, feather_px=0), [tmp_path / "a.png"], tmp_path / "out")
    with Image.open(tmp_path / "out" / "a.png") as output:
        for number, photo in enumerate(photos(3, 60, 80)):
            output.seek(number)
            expected = np.where(half[..., None], 255 - photo, photo)
            assert np.array_equal(np.asarray(output.convert("RGB")), expected)


def test_a_mask_without_white_is_said(negative: Stylizer, photo: Image8, tmp_path: Path) -> None:
    labels = np.ones((60, 80), np.uint8)  # a segmentation's label 1 is nearly black
    assert with_mask(negative, labels).stylize_picture(Picture(photo)).notes == (
        "the mask given is nowhere white (its brightest level is 1 of 255): hardly stylized",
    )


def test_masks_among_the_inputs_are_refused(tmp_path: Path) -> None:
    (tmp_path / "in" / "masks").mkdir(parents=True)
    for mask, inputs in ((tmp_path / "in" / "masks", [tmp_path / "in"]), (tmp_path / "a.png", [tmp_path / "a.png"])):
        with pytest.raises(ConfigError, match=r"--mask .*: lies among the inputs, in .*: move it elsewhere"):
            check_apart(mask, inputs)
    check_apart(tmp_path / "masks", [tmp_path / "in", tmp_path / "masks2"])


def test_masks_in_a_subfolder_that_is_not_searched_are_no_inputs(tmp_path: Path) -> None:
    (tmp_path / "in" / "masks").mkdir(parents=True)
    (tmp_path / "in" / "a.png").touch()
    for mask in (tmp_path / "in" / "masks", tmp_path / "in" / "masks" / "sky.png"):
        check_apart(mask, [tmp_path / "in"], recursive=False)
    for mask in (tmp_path / "in", tmp_path / "in" / "a.png"):
        with pytest.raises(ConfigError, match=r"lies among the inputs"):
            check_apart(mask, [tmp_path / "in"], recursive=False)
