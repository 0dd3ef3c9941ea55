"""Put together what `pix2style doctor` says."""

from __future__ import annotations

import platform
import sys
from dataclasses import dataclass
from typing import Any

from pix2style.installation import source
from pix2style.processes import usable_cores
from pix2style.recipes.doctor.machine import Place, describe_gpus, places
from pix2style.recipes.doctor.networks import NetworkUse, network_uses
from pix2style.recipes.doctor.packages import SHOWN, Extra, check_packages, installed_version
from pix2style.version import __version__


@dataclass(frozen=True, slots=True)
class DoctorReport:
    """A description of machine and installation.

    Attributes:
        gpu: What driver (names), torch (CUDA version and names; None without torch) and ONNX Runtime (providers) find;
            and the devices that `infer --device` takes.
        extras: All extras of pix2style.
        places: Folders that pix2style writes to.
        networks: Which networks are used for what.
        problems: What has to be mended; missing extras are none.
    """

    gpu: dict[str, Any]
    extras: list[Extra]
    places: list[Place]
    networks: list[NetworkUse]
    problems: list[str]

    def to_json(self) -> dict[str, Any]:
        """Return the report as JSON values."""
        return {
            "pix2style": {"version": __version__, "source": source()},
            "python": {"version": platform.python_version(), "executable": sys.executable},
            "system": {"name": platform.platform(), "machine": platform.machine(), "cores": usable_cores()},
            "packages": {name: installed_version(name) for name in SHOWN},
            "gpu": self.gpu,
            "extras": {extra.name: extra.to_json() for extra in self.extras},
            "places": [place.to_json() for place in self.places],
            "networks": [use.to_json() for use in self.networks],
            "problems": self.problems,
        }


def examine() -> DoctorReport:
    """Describe machine and installation; nothing is downloaded, converted or written."""
    package_problems, extras = check_packages()
    gpu, gpu_problems = describe_gpus()
    folders, place_problems = places()
    place_problems += [place.problem for place in folders if place.problem is not None]
    return DoctorReport(gpu, extras, folders, list(network_uses()), [*package_problems, *gpu_problems, *place_problems])
