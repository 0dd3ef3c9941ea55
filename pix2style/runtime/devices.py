"""The devices that filters can run on: names for people, and ONNX Runtime's execution provider for each."""

from __future__ import annotations

from collections.abc import Sequence

import onnxruntime

from pix2style.errors import ConfigError
from pix2style.light_dataclass import dataclass
from pix2style.onnx_session import CPU_PROVIDER, CUDA_PROVIDER

CPU = "cpu"


@dataclass(frozen=True, slots=True)
class Device:
    """A kind of device.

    Attributes:
        provider: ONNX Runtime's execution provider.
        package: The PyPI package of ONNX Runtime that has the provider.
        runs_int8: Whether it computes the convolutions of 8-bit filters (QLinearConv) itself. Otherwise ONNX Runtime
            computes them on the processor, and copies every layer to and fro.
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
    "openvino": Device("OpenVINOExecutionProvider", "onnxruntime-openvino", runs_int8=True),
    "migraphx": Device("MIGraphXExecutionProvider", "onnxruntime-migraphx", runs_int8=True),
}


def available_devices() -> list[str]:
    """Return the names of the devices for which the installed ONNX Runtime has a provider; `cpu` is always there."""
    providers = onnxruntime.get_available_providers()
    return [name for name, device in DEVICES.items() if device.provider in providers]


def providers_of(device: str) -> list[str]:
    """Return the execution providers of a device, with the processor for what the device does not compute.

    Raises:
        ConfigError: There is no such device, or the installed ONNX Runtime has no provider for it.
    """
    available = available_devices()
    if device not in DEVICES:
        raise ConfigError(f"--device {device}: is no device: give one of {', '.join(available)}")
    if device not in available:
        raise ConfigError(
            f"--device {device}: the installed ONNX Runtime {onnxruntime.__version__} has {', '.join(available)} only:"
            f" give one of them, or install {DEVICES[device].package} in its place"
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
    return ConfigError(f"--device {name}: ONNX Runtime cannot use it here ({reason}): mend that, or leave out --device")
