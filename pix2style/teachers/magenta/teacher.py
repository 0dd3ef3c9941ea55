"""Google Magenta's arbitrary stylization as a teacher.

Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization network, BMVC 2017
(https://arxiv.org/abs/1705.06830).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np

from pix2style.errors import ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, crop_to_square, decode_picture, resize
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity
from pix2style.teachers.magenta.backend import BackendChoice, open_network
from pix2style.teachers.magenta.network import (
    LICENCE,
    STYLE_SIDE_PX,
    Floats,
    MagentaNetwork,
    check_painted,
    from_unit,
    padded,
    to_unit,
)
from pix2style.teachers.style import StyleBlend


class MagentaTeacher(Stylizer):
    """Magenta's network in one style.

    Each painting's middle square is scaled to 256x256, the size that the network's makers recommend, and becomes a
    vector, once; several paintings' vectors are averaged by their weights. With a
    strength below 1 each photo's own vector, from the whole photo scaled to 256x256, is mixed in.

    Args:
        style: a painting's file, or several as one style.
        module: see `load_magenta`.
        backend: see `load_magenta`.
        network: loaded before, instead of `module` and `backend`.

    Raises:
        ImageError: a painting is missing or cannot be read.
        ArtifactError: the network cannot be reached or loaded, or is another one; says what to do.
        MissingExtraError: TensorFlow is needed and not installed.
    """

    def __init__(
        self,
        style: Path | StyleBlend,
        module: str | None = None,
        backend: BackendChoice = "auto",
        *,
        network: MagentaNetwork | None = None,
    ) -> None:
        blend = style if isinstance(style, StyleBlend) else StyleBlend.from_paintings(style)
        paintings = [_read(path) for path in blend.paintings]  # before the network: what fails fast comes first
        self._network = network or open_network(module, backend)
        self._strength = blend.strength
        # Mixed with each photo's own, vectors differ; a call of the network takes one.
        self._batch = self._network.batch if blend.strength == 1 else 1
        vectors = [self._network.predict(_as_style(picture)) for picture, _ in paintings]
        self._vector = _mean(vectors, blend.normalized_weights)
        self._identity = StylizerIdentity(
            name=f"magenta:{blend.name}",
            sha256=self._network.source_sha256,
            style_sha256=tuple(digest for _, digest in paintings),
            licence=LICENCE,
            settings={**_settings(blend), **self._network.settings},
        )

    @property
    def identity(self) -> StylizerIdentity:
        """The style's name; digests of the SavedModel folder and of the paintings' files."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`.

        On the CPU each photo is painted alone, so that the result does not depend on the others.

        Raises:
            PhotoError: a photo needs more memory than there is.
        """
        groups = list(_groups(images, self._batch))
        stylized: dict[int, Image8] = {}
        with ThreadPoolExecutor(self._network.threads) as pool:
            for group, painted in zip(groups, pool.map(lambda one: self._paint(images, one), groups), strict=True):
                stylized.update(zip(group, painted, strict=True))
        return [stylized[i] for i in range(len(images))]

    def _paint(self, images: Sequence[Image8], group: list[int]) -> list[Image8]:
        """Equally sized pictures, in one call of the network."""
        chosen = [images[i] for i in group]
        height, width = chosen[0].shape[:2]
        photos = to_unit(np.stack([padded(image) for image in chosen]))
        painted = self._network.transform(photos, self._vector_for(chosen[0]))
        check_painted(painted, photos)
        return [from_unit(one[:height, :width]) for one in painted]

    def _vector_for(self, image: Image8) -> Floats:
        if self._strength == 1:
            return self._vector
        own = self._network.predict(to_unit(resize(image, STYLE_SIDE_PX, STYLE_SIDE_PX))[None])
        share = np.float32(self._strength)
        return share * self._vector + (1 - share) * own


def load_magenta(
    styles: Sequence[StyleBlend],
    module: str | None = None,
    backend: BackendChoice = "auto",
    *,
    threads: int | None = None,
) -> list[MagentaTeacher]:
    """One teacher for each style; the network is loaded once.

    Args:
        styles: what to paint like.
        module: a SavedModel folder (a program: take it only from people you trust), a folder that `pix2style teacher
            convert` wrote, or an http address of a SavedModel; None: the environment variable PIX2STYLE_MAGENTA, else
            the lasting cache, else TF-Hub's address, else Kaggle's.
        backend: what runs it; `auto` is ONNX Runtime where this very network has been converted, else TensorFlow.
        threads: with ONNX Runtime on the CPU, photos painted at the same time; None: as many as there are cores.

    Raises:
        ImageError, ArtifactError, MissingExtraError: see `MagentaTeacher`.
    """
    for style in styles:
        for path in style.paintings:
            _read(path)
    network = open_network(module, backend, threads=threads)
    return [MagentaTeacher(style, network=network) for style in styles]


def _read(path: Path) -> tuple[Image8, str]:
    """A painting on white, and the digest of its file."""
    try:
        data = path.read_bytes()  # once, so that the digest is that of what was seen
    except OSError as error:
        raise ImageError(str(path), error.strerror or str(error)) from error
    return decode_picture(data, name=str(path), to_srgb=True).on_white(), sha256_bytes(data)


def _as_style(painting: Image8) -> Floats:
    return to_unit(crop_to_square(painting, STYLE_SIDE_PX))[None]


def _mean(vectors: Sequence[Floats], shares: Sequence[float]) -> Floats:
    """The weighted mean; one vector stays as it is, to the bit."""
    if len(vectors) == 1:
        return vectors[0]
    total: Floats = np.sum(
        [np.float64(share) * one for share, one in zip(shares, vectors, strict=True)], axis=0
    ).astype(np.float32)
    return total


def _settings(blend: StyleBlend) -> dict[str, Setting]:
    settings: dict[str, Setting] = {
        "style_side_px": STYLE_SIDE_PX,
        "style_crop": "middle square",
        "padding": "reflect",
        "strength": blend.strength,
    }
    if len(blend.paintings) > 1:
        settings["weights"] = " ".join(f"{share:.6g}" for share in blend.normalized_weights)
    return settings


def _groups(images: Sequence[Image8], batch: int) -> Iterator[list[int]]:
    """Indexes of equally sized pictures, `batch` pictures of 256x256 pixels at most or as much of other sizes."""
    by_size: dict[tuple[int, ...], list[int]] = {}
    for i, image in enumerate(images):
        by_size.setdefault(image.shape, []).append(i)
    for (height, width, _), indexes in by_size.items():
        most = max(1, batch * STYLE_SIDE_PX**2 // (height * width)) if batch > 1 else 1
        yield from (indexes[start : start + most] for start in range(0, len(indexes), most))
