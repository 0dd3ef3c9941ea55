"""Fixtures for the tests of Magenta's teacher: the real network, its conversion, and a small network."""

from __future__ import annotations

import importlib.util
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.images import Image8, encode_png


@pytest.fixture(scope="session")
def magenta_folder(assets: Path) -> Path:
    """Folder of a SavedModel with the structure of Magenta's, and K = 26."""
    path = assets / "assets" / "teacher" / "magenta26"
    if not path.is_dir():
        pytest.skip(f"no SavedModel at {path}")
    return path


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Folder of an empty cache of teachers; the environment variable is not set."""
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)
    return tmp_path / "cache" / "pix2style" / "teachers"


@pytest.fixture(autouse=True)
def _no_cache_of_the_user(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Hide the user's own cache from the tests of Magenta."""
    if "magenta" in request.module.__name__:
        monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path_factory.getbasetemp() / "no-cache"))
        monkeypatch.delenv("PIX2STYLE_MAGENTA", raising=False)


@pytest.fixture(scope="session")
def converted(magenta_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Folder of the real network's conversion."""
    if importlib.util.find_spec("tf2onnx") is None:
        pytest.skip("tf2onnx is not installed: pix2style[convert]")
    from pix2style.teachers.magenta.cache import locate
    from pix2style.teachers.magenta.convert import convert

    located = locate(str(magenta_folder))
    assert located is not None
    return convert(located, tmp_path_factory.mktemp("converted") / "magenta")


@pytest.fixture
def any_painting(tmp_path: Path, photos: Callable[..., list[Image8]]) -> Path:
    """Image file of a painting."""
    path = tmp_path / "painting.png"
    path.write_bytes(encode_png(photos(1)[0]))
    return path


@pytest.fixture(scope="session")
def small_network(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A SavedModel with other names and K = 7, in which a search by shape or name alone would find a wrong cut.

    From the painting, tensors [batch, 1, 1, K] with K of 3, then 16, then 7 all carry the whole style. The photo's mean
    is [batch, 1, 1, 3] as well. Behind the point where they meet, [batch, 1, 1, 5] carries the whole style and also the
    photo.
    """
    from pix2style.teachers.magenta.tensorflow_network import import_tensorflow

    tf = import_tensorflow()
    rng = np.random.default_rng(1)
    sizes = {"early": (3, 16), "neck": (16, 7), "left": (7, 4), "right": (7, 4), "late": (11, 5), "gain": (5, 3)}

    class Module(tf.Module):  # type: ignore[misc]
        def __init__(self) -> None:
            super().__init__()
            for name, (inner, outer) in sizes.items():
                weights = rng.normal(0, 1, (1, 1, inner, outer)).astype(np.float32)
                setattr(self, name, tf.Variable(weights, name=f"w_{name}"))

        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)  # type: ignore[untyped-decorator]
        def __call__(self, photo: object, painting: object) -> object:
            def convolve(weights: object, given: object) -> object:
                return tf.nn.conv2d(given, weights, 1, "VALID")

            style = tf.nn.relu(convolve(self.early, tf.reduce_mean(painting, [1, 2], keepdims=True)))
            style = tf.math.tanh(convolve(self.neck, style))
            photo_mean = tf.reduce_mean(photo, [1, 2], keepdims=True)
            joined = tf.concat(
                [convolve(self.left, style) * photo_mean[..., :1], convolve(self.right, style), photo_mean], 3
            )
            late = tf.math.tanh(convolve(self.late, joined))
            return (tf.sigmoid(convolve(self.gain, late) + 4 * photo - 2),)

    path = tmp_path_factory.mktemp("small") / "network"
    tf.saved_model.save(Module(), str(path))
    return path
