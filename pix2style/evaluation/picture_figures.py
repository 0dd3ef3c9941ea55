"""Style and structure of a single picture, in figures and in words."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pix2style.evaluation.metric_values import StyleValues
from pix2style.evaluation.style import StyleMetric
from pix2style.fidelity import ssim
from pix2style.images import Image8

# Limits of the words, a first choice by Magenta's images of one painting at strengths 0.4 and 1.
_NEAR_STRUCTURE, _FAR_STRUCTURE = 0.5, 0.9
_WEAK_STYLE, _STRONG_STYLE = 0.25, 0.5


@dataclass(frozen=True, slots=True)
class PictureFigures:
    """Figures of one stylized picture; None for what could not be measured.

    Attributes:
        style_to_painting: Relative distance of the Gram matrices from the painting's, over relu1_1 to relu5_1 if the
            feature network has these layers, else over its shallow layers.
        photo_to_painting: The same distance of the unchanged photo.
        style_to_target: The distance from the target.
        structure_distance: Distance from the photo's structure; 0 is the same, 1 that of a plain area.
        ssim_to_target: SSIM with the target.
    """

    style_to_painting: float | None
    photo_to_painting: float | None
    style_to_target: float | None
    structure_distance: float | None
    ssim_to_target: float | None

    @property
    def style_share(self) -> float | None:
        """How much of the way from the photo to the painting the style has gone: 0 is the photo, 1 the painting."""
        if self.style_to_painting is None or not self.photo_to_painting:
            return None
        return 1 - self.style_to_painting / self.photo_to_painting

    @property
    def words(self) -> str:
        """Style and structure in words, with the figures; empty without a feature network."""
        parts = []
        if self.style_share is not None:
            share = self.style_share
            word = "weak" if share < _WEAK_STYLE else "clear" if share < _STRONG_STYLE else "strong"
            parts.append(f"style {word} ({100 * max(share, 0):.0f} % of the way from the photo to the painting)")
        if self.structure_distance is not None:
            distance = self.structure_distance
            near, far = distance < _NEAR_STRUCTURE, distance > _FAR_STRUCTURE
            word = "kept" if near else "loosened" if not far else "repainted"
            parts.append(f"structure {word} (distance {distance:.2f})")
        return "; ".join(parts)

    def to_json(self) -> dict[str, Any]:
        """Return the figures and the words."""
        figures = {name: getattr(self, name) for name in self.__slots__}
        return {**figures, "style_share": self.style_share, "words": self.words}


def measure_picture(
    metric: StyleMetric,
    output: Image8,
    photo: Image8,
    *,
    paintings: Sequence[Image8] = (),
    target: Image8 | None = None,
) -> PictureFigures:
    """Measure style and structure of one stylized picture.

    Args:
        metric: Style metric, see `pix2style.evaluation.style.load_style_metric`.
        output: The stylized picture, uint8 [height, width, 3].
        photo: The photo that it was made from, of the same size.
        paintings: Paintings whose style it should have, of any size.
        target: What the teacher made of the photo, of the same size; None leaves out the comparison with it.
    """
    of_photo, of_output = metric.features(photo), metric.features(output)
    of_target = None if target is None else metric.features(target)
    of_paintings = [metric.painting(painting) for painting in paintings]
    values, unchanged = StyleValues(), StyleValues()
    values.add(metric, of_output, of_photo, of_paintings, of_target)
    unchanged.add(metric, of_photo, of_photo, of_paintings)
    deep = bool(metric.deep_layers)
    return PictureFigures(
        style_to_painting=_only(values.deep_to_painting if deep else values.to_painting),
        photo_to_painting=_only(unchanged.deep_to_painting if deep else unchanged.to_painting),
        style_to_target=_only(values.deep_to_target if deep else values.to_target),
        structure_distance=_only(values.structure_distance),
        ssim_to_target=None if target is None else ssim(output, target),
    )


def _only(values: list[float]) -> float | None:
    return values[0] if values else None
