"""What a mask leaves out is not computed, and the rest is as if it were."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.effects.blend import Blend
from pix2style.effects.masked import with_mask
from pix2style.effects.preserve_color import PreserveColor
from pix2style.images import Image8, Picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.stylizer import Stylizer

BOXES = [(0, 30, 0, 40), (170, 171, 200, 260), (250, 293, 300, 371), (0, 293, 100, 120)]


@pytest.fixture(scope="session")
def stylizer(lite_file: Callable[..., Path]) -> OnnxStylizer:
    return OnnxStylizer(lite_file())


@pytest.mark.parametrize("box", BOXES)
def test_only_a_part_is_computed_and_exact(
    stylizer: OnnxStylizer, photos: Callable[..., list[Image8]], box: tuple[int, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    [photo] = photos(1, 293, 371)
    mask = np.zeros(photo.shape[:2], bool)
    mask[box[0] : box[1], box[2] : box[3]] = True
    pixels: list[int] = []
    run = OnnxStylizer._run

    def counted(self: OnnxStylizer, batch: Image8, inputs: dict[str, object]) -> Image8:
        pixels.append(batch.size // 3)
        return run(self, batch, inputs)

    monkeypatch.setattr(OnnxStylizer, "_run", counted)
    effects: list[Stylizer] = [stylizer, PreserveColor(Blend([(stylizer, 1), (PreserveColor(stylizer), 1)]))]
    for effect in effects:
        expected = np.where(mask[..., None], effect(photo), photo)
        pixels.clear()
        masked = with_mask(effect, mask, feather_px=0)
        assert np.array_equal(masked(photo), expected)
        assert max(pixels) < 0.8 * mask.size
        assert np.array_equal(masked.stylize_picture(Picture(photo)).rgb, expected)


def test_a_black_mask_computes_nothing(stylizer: OnnxStylizer, photos: Callable[..., list[Image8]]) -> None:
    [photo] = photos(1)
    black = np.zeros(photo.shape[:2], bool)
    assert with_mask(stylizer, black)(photo) is not photo
    assert np.array_equal(with_mask(stylizer, black)(photo), photo)
    assert np.array_equal(with_mask(stylizer, black).stylize_picture(Picture(photo)).rgb, photo)
