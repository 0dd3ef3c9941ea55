"""Google Magenta's arbitrary stylization as a teacher. The only module that imports TensorFlow.

Ghiasi et al., Exploring the structure of a real-time, arbitrary neural artistic stylization network, BMVC 2017
(https://arxiv.org/abs/1705.06830). The network is called as `module(photos, styles)[0]`, both float32
[batch, height, width, 3] in [0, 1]; it rounds height and width up to a multiple of 4, which is undone here.
"""

from __future__ import annotations

import contextlib
import importlib
import importlib.util
import os
import socket
import sys
import tempfile
import warnings
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ArtifactError, DataError, ImageError, require
from pix2style.files import sha256_bytes, sha256_folder
from pix2style.images import Image8, crop_to_square, decode_picture
from pix2style.stylizer import Stylizer, StylizerIdentity

DEFAULT_MODULE = "https://tfhub.dev/google/magenta/arbitrary-image-stylization-v1-256/2"
MODULE_VARIABLE = "PIX2STYLE_MAGENTA"
_BY_HAND = "https://www.kaggle.com/models/google/arbitrary-image-stylization-v1/tensorFlow1/256/2"
_HELP = (
    f"download the model by hand from {_BY_HAND}, unpack it, and give its folder with --module PATH"
    f" or in the environment variable {MODULE_VARIABLE}"
)
# "The recommended image size for the style image is 256x256 (this is the size used when training ...)":
# https://www.tensorflow.org/hub/tutorials/tf2_arbitrary_image_stylization
_STYLE_SIDE_PX = 256
_SIZE_MULTIPLE = 4
# Its 9x9 convolutions reflect 4 pixels, its 3x3 ones 1 pixel at a quarter of the size; a 4x4 photo fails.
_SMALLEST_SIDE_PX = 8
# urllib waits for ever by default; a connection that says nothing for so long is dead.
_NETWORK_TIMEOUT_S = 30.0
_RANGE_TOLERANCE = 1e-3
_Floats = NDArray[np.float32]


class MagentaTeacher(Stylizer):
    """Magenta's network in the style of one painting.

    The painting's middle square is scaled to 256x256, the size that the network's makers recommend.

    Args:
        style: the painting's file.
        module: a SavedModel folder or a TF-Hub address; nothing: the environment variable PIX2STYLE_MAGENTA, else
            TF-Hub's address. Downloads are kept in TFHUB_CACHE_DIR, else in the user's cache folder. A SavedModel
            is a program: take it only from people you trust.

    Raises:
        ImageError: the painting is missing or cannot be read.
        ArtifactError: the network cannot be reached or loaded, or is another one; says what to do.
        MissingExtraError: TensorFlow is not installed.
    """

    def __init__(self, style: Path, module: str | None = None) -> None:
        try:
            painting = style.read_bytes()  # once, so that the digest is that of what was seen
        except OSError as error:
            raise ImageError(str(style), error.strerror or str(error)) from error
        picture = decode_picture(painting, name=str(style), to_srgb=True).on_white()
        handle = module or os.environ.get(MODULE_VARIABLE) or DEFAULT_MODULE
        _check_folder(handle)
        self._tf, hub = _import_tensorflow()
        folder = _resolve(hub, handle)
        self._module = _load(hub, handle, folder)
        self._style = self._tf.constant(_to_unit(crop_to_square(picture, _STYLE_SIDE_PX))[None])
        self._check_module(handle)
        self._identity = StylizerIdentity(
            name=f"magenta:{style.name}",
            sha256=sha256_folder(folder),
            style_sha256=(sha256_bytes(painting),),
            licence="Apache-2.0",
            settings={"style_side_px": _STYLE_SIDE_PX, "style_crop": "middle square", "padding": "reflect"},
        )

    @property
    def identity(self) -> StylizerIdentity:
        """The painting's name; digests of the SavedModel folder and of the painting's file."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. One photo at a time.

        Together, photos came out up to two values in 300,000 different by one level, depending on what else was in the
        batch, and no faster (TensorFlow 2.21, two CPU cores, 256 and 512 pixels): a pair set must not depend on that.

        Raises:
            DataError: TensorFlow cannot paint a photo of this size here (memory).
        """
        stylized = []
        for image in images:
            height, width = image.shape[:2]
            output = self._paint(_to_unit(_pad(image))[None])
            stylized.append(_from_unit(output[0, :height, :width]))
        return stylized

    def _paint(self, photos: _Floats) -> _Floats:
        """Both float32 [batch, height, width, 3] in [0, 1]; sizes are legal for the network."""
        try:
            output = self._module(self._tf.constant(photos), self._style)[0].numpy()
        except self._tf.errors.OpError as error:
            _, height, width, _ = photos.shape
            raise DataError(f"TensorFlow cannot paint {width}x{height} photos: {_reason(error)}") from error
        if output.shape != photos.shape:
            raise ArtifactError(f"the teacher painted {list(output.shape)} for photos {list(photos.shape)}")
        low, high = output.min(), output.max()
        if not (low >= -_RANGE_TOLERANCE and high <= 1 + _RANGE_TOLERANCE):  # written so that NaN fails too
            raise ArtifactError(f"the teacher's values span {low} to {high}, not 0 to 1")
        stylized: _Floats = output
        return stylized

    def _check_module(self, handle: str) -> None:
        """Paint a small grey picture, so that another kind of network fails before any photo is read."""
        try:
            self._paint(np.full((1, 32, 36, 3), 0.5, np.float32))
        except Exception as error:  # each kind of wrong signature raises its own kind of error
            raise ArtifactError(
                f"{handle}: is not Magenta's arbitrary stylization (called as module(photo, style)[0]):"
                f" {_reason(error)}: {_HELP}"
            ) from error


# --- the network's folder ----------------------------------------------------------------------------------------


def _check_folder(handle: str) -> None:
    """Say what is wrong with a local folder before TensorFlow's long import."""
    if "://" in handle:
        return
    folder = Path(handle).expanduser()
    if not any((folder / name).is_file() for name in ("saved_model.pb", "saved_model.pbtxt")):
        what = "has no saved_model.pb" if folder.is_dir() else "no such folder"
        raise ArtifactError(f"{handle}: is no SavedModel folder ({what}): {_HELP}")


def _resolve(hub: Any, handle: str) -> Path:
    """The folder of a handle, downloaded into the lasting cache if it is an address."""
    if "://" not in handle:
        return Path(handle).expanduser()
    try:
        with _lasting_cache(), _network_timeout():
            return Path(hub.resolve(handle))
    # urllib's, http's, tarfile's, zlib's and TensorFlow's own errors: what a half-dead site makes of a download.
    except Exception as error:
        raise ArtifactError(f"{handle}: cannot be downloaded ({_reason(error)}): {_HELP}") from error


def _load(hub: Any, handle: str, folder: Path) -> Callable[..., Any]:
    try:
        module: Callable[..., Any] = hub.load(str(folder))
    except Exception as error:  # a damaged SavedModel raises DecodeError, DataLossError, KeyError, ...
        kept = f" (kept in {folder}: delete it to download again)" if "://" in handle else ""
        raise ArtifactError(f"{handle}{kept}: cannot be loaded as a SavedModel ({_reason(error)}): {_HELP}") from error
    return module


@contextlib.contextmanager
def _lasting_cache() -> Iterator[None]:
    """TF-Hub's default cache lies in the temporary folder, which loses a teacher that is hard to get."""
    if os.environ.get("TFHUB_CACHE_DIR"):
        yield
        return
    user_cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    os.environ["TFHUB_CACHE_DIR"] = str(user_cache / "pix2style" / "tfhub")
    try:
        yield
    finally:
        del os.environ["TFHUB_CACHE_DIR"]


@contextlib.contextmanager
def _network_timeout() -> Iterator[None]:
    before = socket.getdefaulttimeout()
    socket.setdefaulttimeout(_NETWORK_TIMEOUT_S)
    try:
        yield
    finally:
        socket.setdefaulttimeout(before)


def _reason(error: BaseException) -> str:
    text = " ".join(str(error).split()) or type(error).__name__
    return text if len(text) <= 200 else f"{text[:200]} ..."


# --- pictures ------------------------------------------------------------------------------------------------------


def _to_unit(levels: Image8) -> _Floats:
    return levels.astype(np.float32) / np.float32(255)


def _from_unit(values: _Floats) -> Image8:
    levels: Image8 = np.rint(np.clip(values, 0, 1) * np.float32(255)).astype(np.uint8)
    return levels


def _padded_side(side: int) -> int:
    return max(_SMALLEST_SIDE_PX, -(-side // _SIZE_MULTIPLE) * _SIZE_MULTIPLE)


def _pad(image: Image8) -> Image8:
    """Grow to a legal size at the bottom and right by reflection (numpy repeats the edge of a 1 pixel side)."""
    height, width = image.shape[:2]
    missing = ((0, _padded_side(height) - height), (0, _padded_side(width) - width), (0, 0))
    return np.pad(image, missing, mode="reflect")


# --- TensorFlow ------------------------------------------------------------------------------------------------------


def _import_tensorflow() -> tuple[Any, Any]:
    """`tensorflow` and `tensorflow_hub`, quiet, and taking only the GPU memory that they use (torch needs some)."""
    _load_triton_first()
    os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
    os.environ.setdefault("TF_FORCE_GPU_ALLOW_GROWTH", "true")
    with _quiet_stderr(), warnings.catch_warnings():
        warnings.simplefilter("ignore")  # tensorflow_hub's of pkg_resources
        tensorflow, hub = require("magenta", "tensorflow", "tensorflow_hub")
    return tensorflow, hub


def _load_triton_first() -> None:
    """Keep a later `torch.compile` or ONNX export in this process from killing it.

    TensorFlow and triton, which those load, both hold an LLVM. Triton's aborts the process when it comes second
    ("CommandLine Error: Option 'bitcode-mdindex-threshold' registered more than once!": TensorFlow 2.21, triton 3
    of torch 2.15); TensorFlow's does not mind.
    """
    if importlib.util.find_spec("triton") is not None and "tensorflow" not in sys.modules:
        with contextlib.suppress(ImportError):
            importlib.import_module("triton")


@contextlib.contextmanager
def _quiet_stderr() -> Iterator[None]:
    """Hold back what C++ writes to stderr before it reads its log level; shown after all if the import fails."""
    sys.stderr.flush()
    stderr = os.dup(2)
    with tempfile.TemporaryFile() as held_back:
        os.dup2(held_back.fileno(), 2)
        try:
            yield
        except BaseException:
            held_back.seek(0)
            os.write(stderr, held_back.read())
            raise
        finally:
            os.dup2(stderr, 2)
            os.close(stderr)
