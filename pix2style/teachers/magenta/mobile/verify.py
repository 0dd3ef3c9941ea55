"""Compare the converted mobile network with the wheel's own graphs, at the image sizes that those are made for."""

from __future__ import annotations

import numpy as np

from pix2style.errors import ArtifactError
from pix2style.onnx_session import open_session
from pix2style.teachers.magenta.network import STYLE_SIDE_PX, Floats, check_output
from pix2style.teachers.magenta.onnx_network import run_session

_PHOTO_SIDE_PX = 384  # of the wheel's transformer
# Smallest likeness of the float network to the one with activations in 8 bits. It is 28 to 30 dB for the images of
# `_probe_image`, and lower for photos and paintings whose activations leave the range that 8 bits can hold.
_MIN_PSNR_DB = 25.0
_OTHER_SIZE = (68, 100)


def check_free_sizes(wheel: tuple[bytes, bytes], free: tuple[bytes, bytes]) -> tuple[Floats, Floats]:
    """Check that freeing the image sizes has changed no bit of what the quantised graphs compute.

    Args:
        wheel: Predictor and transformer as the wheel has them.
        free: Both with free image sizes.

    Returns:
        The style vector of the probe painting, and the stylized probe photo.

    Raises:
        ArtifactError: If a bit differs.
    """
    painting, photo = _probe_image(0, STYLE_SIDE_PX, STYLE_SIDE_PX), _probe_image(1, _PHOTO_SIDE_PX, _PHOTO_SIDE_PX)
    vector, free_vector = (_run(predictor, painting) for predictor, _ in (wheel, free))
    output, free_output = (_run(transformer, photo, vector) for _, transformer in (wheel, free))
    if not (np.array_equal(vector, free_vector) and np.array_equal(output, free_output)):
        raise _refused("with free image sizes, its output differs from that of the wheel's own graphs")
    return vector, output


def check_float(converted: tuple[bytes, bytes], vector: Floats, stylized: Floats) -> None:
    """Check that the float network stylizes like the quantised one, and takes photos of other sizes.

    Args:
        converted: Predictor and transformer of the finished conversion.
        vector: See `check_free_sizes`.
        stylized: See `check_free_sizes`.

    Raises:
        ArtifactError: If it does not.
    """
    painting, photo = _probe_image(0, STYLE_SIDE_PX, STYLE_SIDE_PX), _probe_image(1, _PHOTO_SIDE_PX, _PHOTO_SIDE_PX)
    predictor, transformer = converted
    own_vector = _run(predictor, painting)
    if own_vector.shape != vector.shape:
        raise _refused(f"its style vector has shape {list(own_vector.shape)}")
    psnr_db = -10 * np.log10(max(float(np.square(_run(transformer, photo, own_vector) - stylized).mean()), 1e-12))
    if not psnr_db >= _MIN_PSNR_DB:  # written so that NaN fails too
        raise _refused(f"its output is only {psnr_db:.1f} dB like that of the wheel's graphs")
    other = _probe_image(2, *_OTHER_SIZE)
    check_output(_run(transformer, other, own_vector), other)


def _run(graph: bytes, *inputs: Floats) -> Floats:
    # Without ONNX Runtime's optimisations, quantised graphs run in float32 with rounded values: its 8-bit convolutions
    # are wrong on some processors (microsoft/onnxruntime #26324).
    return run_session(open_session(graph, threads=1, optimize=False), *inputs)


def _refused(detail: str) -> ArtifactError:
    return ArtifactError(
        f"the mobile network was not converted: {detail}: please report this with your onnxruntime version, and use"
        " pix2style teacher fetch"
    )


def _probe_image(seed: int, height: int, width: int) -> Floats:
    """Return an image [1, height, width, 3] in [0, 1] with smooth ground, edges and noise."""
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    waves = [np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))]
    image = 0.5 + 0.25 * np.stack(waves, axis=-1)
    for _ in range(12):
        cy, cx, radius = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.03, 0.2)
        image[(y - cy) ** 2 + (x - cx) ** 2 < radius**2] = rng.uniform(0, 1, 3)
    image += rng.normal(0, 0.03, image.shape)
    return np.clip(image, 0, 1).astype(np.float32)[None]
