"""Blend several stylizers: the weighted mean of what they make of a photo."""

from __future__ import annotations

import math
from collections.abc import Sequence
from pathlib import Path

import numpy as np

from pix2style.errors import ConfigError
from pix2style.files import sha256_json
from pix2style.images import Image8
from pix2style.runtime.strength import blend, check_strength
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity

_VALUES_PER_STRIP = 100_000


class Blend(Stylizer):
    """The weighted mean of several stylizers.

    The mean is that of 8-bit sRGB values, as for the strength of a filter and for layers in image editors: steps of a
    weight then look about equally large, while linear light would favour the lighter picture.

    Args:
        parts: Stylizers and their weights, at least two. Only the ratios of the weights matter. A stylizer of weight 0
            is not run.
        strength: Share of the mean in the outputs, from 0 (the photo) to 1.
        names: Names of the parts for people; None for those of their identities.

    Attributes:
        parts: The stylizers and their weights, which sum to 1.

    Raises:
        ConfigError: A weight is negative, no number or too large, all are 0, or the strength is not from 0 to 1.
    """

    def __init__(
        self, parts: Sequence[tuple[Stylizer, float]], *, strength: float = 1.0, names: Sequence[str] | None = None
    ) -> None:
        weights = [weight for _, weight in parts]
        check_weights(weights)
        total = math.fsum(weights)
        self.parts = tuple((stylizer, weight / total) for stylizer, weight in parts)
        self._strength = check_strength(strength)
        self._names = tuple(names or (stylizer.identity.name for stylizer, _ in parts))

    @property
    def identity(self) -> StylizerIdentity:
        """Names and weights of the parts, a digest of all that they are, and their licences."""
        identities = [(stylizer.identity, weight) for stylizer, weight in self.parts]
        settings: dict[str, Setting] = {"weights": ",".join(f"{weight:.9g}" for _, weight in identities)}
        if self._strength != 1:
            settings["strength"] = self._strength
        return StylizerIdentity(
            name=",".join(f"{part.name}:{weight:.3g}" for part, weight in identities),
            sha256=sha256_json([[part.sha256, dict(part.settings)] for part, _ in identities]),
            style_sha256=tuple(digest for part, _ in identities for digest in part.style_sha256),
            licence=" AND ".join(dict.fromkeys(part.licence for part, _ in identities if part.licence)),
            settings=settings,
        )

    @property
    def description(self) -> str:
        """The parts and their shares, for example `a blend: 60 % great-wave, 40 % poppies`."""
        shares = (f"{100 * weight:.3g} % {name}" for name, (_, weight) in zip(self._names, self.parts, strict=True))
        return f"a blend: {', '.join(shares)}"

    @property
    def strength(self) -> float:
        """Share of the mean in the outputs."""
        return self._strength

    @property
    def grid_px(self) -> int:
        """The least common multiple of the grids of all parts."""
        return math.lcm(*(stylizer.grid_px for stylizer, _ in self.parts))

    @property
    def takes_glimpse(self) -> bool:
        """Whether one of the parts takes a glimpse."""
        return any(stylizer.takes_glimpse for stylizer, _ in self.parts)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`; raises what a part raises."""
        outputs = [(stylizer.stylize(images), weight) for stylizer, weight in self.parts if weight]
        return [
            self._mean(image, [(made[number], weight) for made, weight in outputs])
            for number, image in enumerate(images)
        ]

    def stylize_with_glimpse(self, image: Image8, glimpse: Image8 | None) -> Image8:
        """See `Stylizer.stylize_with_glimpse`; all parts get the glimpse."""
        return self._mean(
            image, [(part.stylize_with_glimpse(image, glimpse), weight) for part, weight in self.parts if weight]
        )

    def for_source(self, path: Path) -> Stylizer:
        """See `Stylizer.for_source`."""
        return self.of([part.for_source(path) for part, _ in self.parts])

    def copy_for_clips(self, frames_at_once: int = 1) -> Stylizer:
        """See `Stylizer.copy_for_clips`."""
        return self.of([part.copy_for_clips(frames_at_once) for part, _ in self.parts])

    def of(self, stylizers: Sequence[Stylizer]) -> Blend:
        """Return a blend of other stylizers with the same weights, strength and names."""
        parts = [(stylizer, weight) for stylizer, (_, weight) in zip(stylizers, self.parts, strict=True)]
        return Blend(parts, strength=self._strength, names=self._names)

    def _mean(self, image: Image8, outputs: Sequence[tuple[Image8, float]]) -> Image8:
        mean = np.empty(image.shape, np.uint8)
        rows = max(1, _VALUES_PER_STRIP // (image.shape[1] * image.shape[2]))
        for top in range(0, image.shape[0], rows):
            strip = np.s_[top : top + rows]
            total = np.zeros(mean[strip].shape, np.float32)
            for output, weight in outputs:
                total += output[strip] * np.float32(weight)
            mean[strip] = np.clip(np.rint(total), 0, 255)
        blended: Image8 = mean if self._strength == 1 else blend(image[None], mean[None], self._strength)[0]
        return blended


def check_weights(weights: Sequence[float]) -> None:
    """Check the weights of a blend.

    Raises:
        ConfigError: There are fewer than two, one is negative or no number, all are 0, or their sum is too large.
    """
    if len(weights) < 2:
        raise ConfigError("a blend needs two parts or more")
    if wrong := [weight for weight in weights if not 0 <= weight < float("inf")]:
        raise ConfigError(f"a weight is {wrong[0]:g}: give numbers from 0 on, for example 0.6 and 0.4")
    if not math.isfinite(sum(weights)):
        raise ConfigError("the weights are too large: only their ratios matter, for example 0.6 and 0.4")
    if not math.fsum(weights):
        raise ConfigError("all weights are 0: give one of the parts a weight above 0")
