"""The devices that filters can run on: names for people, and ONNX Runtime's execution provider, or OpenVINO."""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime

from pix2style import openvino_session
from pix2style.errors import ConfigError
from pix2style.light_dataclass import dataclass
from pix2style.onnx_session import CPU_PROVIDER, CUDA_PROVIDER
from pix2style.openvino_session import OPENVINO

CPU = "cpu"
OPENVINO_DEVICE = "openvino"


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device.

    Attributes:
        provider: ONNX Runtime's execution provider; `OPENVINO` for OpenVINO, which is a library of its own.
        package: The PyPI package of ONNX Runtime that has the provider, or OpenVINO's.
        runs_int8: Whether it computes the convolutions of 8-bit filters (QLinearConv) itself. Otherwise ONNX Runtime
            computes them on the processor, and copies every layer to and fro. OpenVINO is not given 8-bit filters.
    """

    provider: str
    package: str
    runs_int8: bool


DEVICES = {
    CPU: Device(CPU_PROVIDER, "onnxruntime", runs_int8=True),
    "cuda": Device(CUDA_PROVIDER, "onnxruntime-gpu", runs_int8=False),
    "tensorrt": Device("TensorrtExecutionProvider", "onnxruntime-gpu", runs_int8=False),
    "coreml": Device("CoreMLExecutionProvider", "onnxruntime", runs_int8=False),
    "directml": Device("DmlExecutionProvider", "onnxruntime-directml", runs_int8=True),
    OPENVINO_DEVICE: Device(OPENVINO, "openvino", runs_int8=False),
    "migraphx": Device("MIGraphXExecutionProvider", "onnxruntime-migraphx", runs_int8=True),
}


def available_devices() -> list[str]:
    """Return the names of the devices that the installed ONNX Runtime has, and `openvino` if it is installed.

    `cpu` is always there.
    """
    providers = [*onnxruntime.get_available_providers(), *([OPENVINO] if openvino_session.is_installed() else [])]
    return [name for name, device in DEVICES.items() if device.provider in providers]


def providers_of(device: str) -> list[str]:
    """Return the execution providers of a device, with the processor for what the device does not compute.

    Raises:
        ConfigError: There is no such device, or the installed ONNX Runtime has no provider for it.
        MissingExtraError: The device is OpenVINO, which is not installed.
    """
    if device not in DEVICES:
        raise ConfigError(f"--device {device}: is no device: give one of {', '.join(available_devices())}")
    if device == OPENVINO_DEVICE:
        openvino_session.import_openvino()
        return [OPENVINO]
    if DEVICES[device].provider not in onnxruntime.get_available_providers():
        raise ConfigError(
            f"--device {device}: the installed ONNX Runtime {onnxruntime.__version__} does not have it: give one of"
            f" {', '.join(available_devices())}, or install {DEVICES[device].package} in its place"
        )
    return list(dict.fromkeys((DEVICES[device].provider, CPU_PROVIDER)))


def check_is_used(session: onnxruntime.InferenceSession, providers: Sequence[str]) -> None:
    """Check that a session runs on the device that was asked for.

    ONNX Runtime goes on with the processor if the libraries or the driver of a device are missing.

    Args:
        session: The session.
        providers: The execution providers with which it was opened, the preferred one first.

    Raises:
        ConfigError: It runs on another device.
    """
    if providers[0] not in session.get_providers():
        raise cannot_be_used(providers[0], "its driver or its libraries are missing")


def cannot_be_used(provider: str, reason: str) -> ConfigError:
    """Return the error for a device that ONNX Runtime has a provider for, and that does not work."""
    name = next((name for name, device in DEVICES.items() if device.provider == provider), provider)
    library = OPENVINO if provider == OPENVINO else "ONNX Runtime"
    return ConfigError(f"--device {name}: {library} cannot use it here ({reason}): solve this, or leave out --device")
