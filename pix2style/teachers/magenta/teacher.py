"""Magenta's network as a teacher."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from pix2style.images import Image8, crop_to_square, resize
from pix2style.processes import result_of, submit_ahead, thread_pool
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.magenta.backend import BackendChoice, open_network
from pix2style.teachers.magenta.network import (
    STYLE_SIDE_PX,
    Floats,
    MagentaNetwork,
    check_output,
    from_unit,
    pad_to_valid_size,
    to_unit,
)
from pix2style.teachers.style import StyleBlend, read_painting


class MagentaTeacher(Stylizer):
    """Magenta's network in one style.

    The middle square of each painting is scaled to 256x256, the size that the network's authors recommend, or to
    another size for larger or finer strokes, and its style vector is computed once. For several paintings, the weighted
    mean of their vectors is used. With a strength below 1, the vector is mixed with each photo's own, computed from the
    whole photo scaled to 256x256.

    Args:
        style: Image file of a painting, or several paintings as one style.
        module: See `load_magenta`.
        backend: See `load_magenta`.
        network: A network that is already loaded, instead of `module` and `backend`.
        painting_side_px: Size to which the middle square of each painting is scaled.

    Raises:
        ImageError: If a painting is missing or cannot be read.
        ArtifactError: If the network cannot be downloaded or loaded, or is another network.
        MissingExtraError: If TensorFlow is needed and not installed.
    """

    def __init__(
        self,
        style: Path | StyleBlend,
        module: str | None = None,
        backend: BackendChoice = "auto",
        *,
        network: MagentaNetwork | None = None,
        painting_side_px: int = STYLE_SIDE_PX,
    ) -> None:
        blend = style if isinstance(style, StyleBlend) else StyleBlend.from_paintings(style)
        # Paintings are read before the network is loaded, so that a wrong path is reported at once.
        paintings = [read_painting(path) for path in blend.paintings]
        self._network = network or open_network(module, backend)
        self._strength = blend.strength
        # One call of the network takes a single style vector. With a strength below 1 every photo has its own.
        self._batch = self._network.batch if blend.strength == 1 else 1
        vectors = [self._network.predict_style(_prepare_painting(image, painting_side_px)) for image, _ in paintings]
        self._vector = _weighted_mean(vectors, blend.normalized_weights)
        self._identity = StylizerIdentity(
            name=f"magenta:{blend.name}",
            sha256=self._network.source_sha256,
            style_sha256=tuple(digest for _, digest in paintings),
            licence=self._network.label.licence,
            settings={**_settings(blend, painting_side_px), **self._network.settings},
        )

    @property
    def identity(self) -> StylizerIdentity:
        """The style's name, the digests of the network and of the paintings' files, and the settings."""
        return self._identity

    @property
    def grid_px(self) -> int:
        """4: the network halves its maps twice."""
        return 4

    @property
    def description(self) -> str:
        """Which network stylizes, where it came from, and what runs it."""
        return self._network.description

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`.

        On the CPU each photo is stylized by itself, so that its result does not depend on the other photos.

        Raises:
            PhotoError: If there is not enough memory for a photo.
        """

        def stylize_group(group: list[int]) -> list[Image8]:
            return self._stylize_group([images[i] for i in group])

        groups = list(_group_by_size(images, self._batch))
        stylized: dict[int, Image8] = {}
        with thread_pool(self._network.threads) as pool:
            for group, stylizing in submit_ahead(pool, stylize_group, groups, len(groups)):
                outputs = result_of(stylizing)
                stylized.update(zip(group, outputs, strict=True))
        return [stylized[i] for i in range(len(images))]

    def _stylize_group(self, images: Sequence[Image8]) -> list[Image8]:
        """Stylize images of the same size in one call of the network."""
        height, width = images[0].shape[:2]
        photos = to_unit(np.stack([pad_to_valid_size(image) for image in images]))
        # With a strength below 1 the group is a single image, see __init__.
        output = self._network.transfer_style(photos, self._style_vector(images[0]))
        check_output(output, photos)
        return [from_unit(values[:height, :width]) for values in output]

    def _style_vector(self, image: Image8) -> Floats:
        if self._strength == 1:
            return self._vector
        own = self._network.predict_style(to_unit(resize(image, STYLE_SIDE_PX, STYLE_SIDE_PX))[None])
        strength = np.float32(self._strength)
        return strength * self._vector + (1 - strength) * own


def load_magenta(
    styles: Sequence[StyleBlend],
    module: str | None = None,
    backend: BackendChoice = "auto",
    *,
    threads: int | None = None,
    painting_side_px: int = STYLE_SIDE_PX,
) -> list[MagentaTeacher]:
    """Load one teacher for each style. The teachers share one network.

    Args:
        styles: Styles to stylize in.
        module: SavedModel folder (it can run any code: take it only from people you trust), folder that `pix2style
            teacher convert` wrote, http address of a SavedModel, `mobile` for the network of the wheel that the extra
            painting installs, or `full` for the large network, which is downloaded if it is not in the cache; None for
            the environment variable PIX2STYLE_MAGENTA, else the network in the cache, else the mobile one.
        backend: What runs the network. `auto` is ONNX Runtime if this network has been converted, else TensorFlow.
        threads: Number of photos that ONNX Runtime stylizes at the same time on the CPU; None for the number of cores.
        painting_side_px: See `MagentaTeacher`.

    Raises:
        ImageError, ArtifactError, MissingExtraError: See `MagentaTeacher`.
    """
    for style in styles:
        for path in style.paintings:
            read_painting(path)  # reports a wrong path before the network is loaded
    network = open_network(module, backend, threads=threads)
    return [MagentaTeacher(style, network=network, painting_side_px=painting_side_px) for style in styles]


def blend_vector(network: MagentaNetwork, blend: StyleBlend) -> Floats:
    """Compute the style vector of a blend at full strength, [1, 1, 1, K].

    Raises:
        ImageError: If a painting is missing or cannot be read.
    """
    vectors = [network.predict_style(_prepare_painting(read_painting(path)[0])) for path in blend.paintings]
    return _weighted_mean(vectors, blend.normalized_weights)


def _prepare_painting(painting: Image8, side_px: int = STYLE_SIDE_PX) -> Floats:
    return to_unit(crop_to_square(painting, side_px))[None]


def _weighted_mean(vectors: Sequence[Floats], weights: Sequence[float]) -> Floats:
    """Return the weighted mean, summed in float64; a single vector is returned unchanged, to the bit."""
    if len(vectors) == 1:
        return vectors[0]
    weighted = [np.float64(weight) * vector for weight, vector in zip(weights, vectors, strict=True)]
    mean: Floats = np.sum(weighted, axis=0).astype(np.float32)
    return mean


def _settings(blend: StyleBlend, painting_side_px: int) -> dict[str, Setting]:
    settings: dict[str, Setting] = {
        "style_side_px": painting_side_px,
        "style_crop": "middle square",
        "padding": "reflect",
        "strength": blend.strength,
    }
    if len(blend.paintings) > 1:
        settings["weights"] = " ".join(f"{weight:.6g}" for weight in blend.normalized_weights)
    return settings


def _group_by_size(images: Sequence[Image8], batch: int) -> Iterator[list[int]]:
    """Yield the indexes of images in groups of the same size.

    A group has at most as many pixels as `batch` images of 256x256, but at least one image; with a batch of 1, every
    image is a group of its own, however small.
    """
    indexes_by_size: dict[tuple[int, ...], list[int]] = {}
    for i, image in enumerate(images):
        indexes_by_size.setdefault(image.shape, []).append(i)
    for (height, width, _), indexes in indexes_by_size.items():
        limit = max(1, batch * STYLE_SIDE_PX**2 // (height * width)) if batch > 1 else 1
        yield from (indexes[start : start + limit] for start in range(0, len(indexes), limit))
