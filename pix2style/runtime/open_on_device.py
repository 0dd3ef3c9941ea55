"""Open a filter file on a device, and take its float16 version where 8 bits are not computed, or not exactly."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from pix2style.errors import ArtifactError, ConfigError
from pix2style.gallery import folder as gallery_folder
from pix2style.progress import print_note
from pix2style.runtime.devices import CPU, DEVICES, OPENVINO_DEVICE, providers_of
from pix2style.runtime.filter_description import read_file, read_metadata, spec_in
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.prove import ProofError

_LARGEST_THREADS = 1024
_INEXACT = "8-bit convolutions are not exact on this processor"


def open_on_device(
    path: Path, *, device: str | None = None, threads: int | None = None, **settings: Any
) -> OnnxStylizer:
    """Open a filter file.

    Some devices do not compute the convolutions of 8-bit filters, which ONNX Runtime then computes on the processor,
    and some processors do not compute them exactly (`runtime.prove`). There the float16 file of the same filter is
    opened if it lies beside the file. If not, a processor that is not exact computes the 8-bit file in float32. A note
    says so.

    Args:
        path: Path of the `.onnx` file.
        device: Name of the device, for example `cuda`; see `devices.DEVICES`. None for the processor.
        threads: Number of threads of the processor for one photo; None for as many as there are cores.
        settings: Further arguments of `OnnxStylizer`.

    Raises:
        ArtifactError: See `OnnxStylizer`.
        ConfigError: The device cannot be used here or not with an 8-bit filter, or see `OnnxStylizer`.
        MissingExtraError: The device is OpenVINO, which is not installed.
    """
    check_threads(threads)
    name = (device or CPU).lower()
    check_device(name, path)
    providers = providers_of(name)
    try:
        stylizer = OnnxStylizer(path, threads=threads, providers=providers, **settings)
    except ProofError:
        # Normalised filters do not compute the same in float32, so only another file can take their place.
        float16 = float16_beside(path)
        if float16 is None or not _is_int8(path):
            raise
        reason = _INEXACT if DEVICES[name].runs_int8 else f"{name} does not compute in 8 bits"
        return _open_instead(float16, path, reason, threads=threads, providers=providers, **settings)
    is_exact, runs_int8 = stylizer.proof != "in floats", DEVICES[name].runs_int8
    if stylizer.spec.precision != "int8" or (is_exact and runs_int8):
        return stylizer
    reason = f"{name} does not compute in 8 bits" if is_exact else _INEXACT
    float16 = float16_beside(path)
    if float16 is not None:
        return _open_instead(float16, path, reason, threads=threads, providers=providers, **settings)
    if not is_exact:
        print_note(
            f"{path}: runs in float32, because {reason}: this gives the right result, but takes up to three times as"
            " long"
        )
    if not runs_int8:
        print_note(
            f"{path}: {name} does not compute in 8 bits, so most of this filter runs on the processor:"
            f" {_advice(path)}leave out --device"
        )
    return stylizer


def check_device(name: str, path: Path) -> None:
    """Check that a device can be used for a filter. OpenVINO is refused for 8-bit filters, whose pixels it changes.

    It does not read normalised 8-bit filters. Its transformations for low precision move the places where values are
    rounded, which changed the outputs of others by up to 39 levels of 255, and by up to 104 in bf16, its default
    (docs/guides/use-a-filter.md).

    Args:
        name: Name of the device.
        path: Path of the filter file.

    Raises:
        ArtifactError: The file cannot be read, or is no filter.
        ConfigError: The device cannot be used here, or not with this filter.
        MissingExtraError: The device is OpenVINO, which is not installed.
    """
    providers_of(name)
    if name == OPENVINO_DEVICE and _is_int8(path):
        raise ConfigError(
            f"--device {OPENVINO_DEVICE}: {path} is an 8-bit filter, whose pixels OpenVINO changes by up to 100 of 255"
            " levels: leave out --device, or take the float32 or float16 file of the filter"
        )


def _advice(path: Path) -> str:
    """Return how a filter gets a float16 version, for a message; empty for filters of the gallery, which have none."""
    if path.parent == gallery_folder.FOLDER:
        return "the gallery has it in 8 bits only: "
    return f"put {path.stem.removesuffix('.int8')}.fp16.onnx of the same run beside it (export --precision fp16), or "


def check_threads(threads: object) -> None:
    """Check a number of threads.

    Raises:
        ConfigError: It is no whole number from 1 to 1024.
    """
    if threads is not None and (type(threads) is not int or not 1 <= threads <= _LARGEST_THREADS):
        raise ConfigError(
            f"--threads {threads}: give a whole number from 1 to {_LARGEST_THREADS}, or leave it out for all cores"
        )


def _open_instead(float16: Path, path: Path, reason: str, **settings: Any) -> OnnxStylizer:
    print_note(f"{path}: {reason}: its float16 version {float16.name} is used")
    return OnnxStylizer(float16, **settings)


def _is_int8(path: Path) -> bool:
    """Return whether a filter file has 8 bits.

    Raises:
        ArtifactError: The file cannot be read, or is no filter.
    """
    return spec_in(read_metadata(read_file(path)), path).precision == "int8"


def float16_beside(path: Path) -> Path | None:
    """Return the float16 file of the same filter that lies beside a file; None if there is none.

    `pix2style export --precision all` calls the files NAME.onnx, NAME.fp16.onnx and NAME.int8.onnx.

    Args:
        path: Path of a filter file.

    Raises:
        ArtifactError: The file cannot be read, or is no filter.
    """
    name = path.name.removesuffix(".onnx").removesuffix(".int8")
    other = path.with_name(f"{name}.fp16.onnx")
    if not other.is_file():
        return None
    try:
        spec = OnnxStylizer(other, threads=1).spec
    except ArtifactError:
        return None
    own = spec_in(read_metadata(read_file(path)), path)
    same = (spec.provenance, spec.styles) == (own.provenance, own.styles)
    return other if same and spec.precision == "fp16" else None
