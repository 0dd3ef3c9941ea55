"""Find out which packages are installed and which extras are complete, without importing any of them."""

from __future__ import annotations

import re
from dataclasses import dataclass
from importlib import metadata
from typing import Any

from pix2style.installation import NAME, install_extras, project_table

_REQUIREMENT = re.compile(r"^\s*([A-Za-z0-9._-]+)\s*(?:\[([^\]]*)\])?\s*([^;]*)(?:;(.*))?$")
_EXTRA_MARKER = re.compile(r"""extra\s*==\s*["']([^"']+)["']""")
SHOWN = ("numpy", "onnxruntime", "pillow", "torch", "tensorflow", "onnx", "opencv-python-headless", "wandb", "ray")


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that pix2style or one of its extras needs.

    Attributes:
        name: Name of the package.
        extras: Extras of that package.
        versions: Versions that are allowed, such as `>=2.9,<3`; empty for all.
    """

    name: str
    extras: tuple[str, ...]
    versions: str

    @classmethod
    def parse(cls, text: str) -> Requirement:
        """Read a requirement as pip writes it."""
        match = _REQUIREMENT.match(text)
        name, extras, versions = (match[1], match[2] or "", match[3]) if match else (text, "", "")
        return cls(name, tuple(part.strip() for part in extras.split(",") if part.strip()), versions.strip("() "))

    def problem(self) -> str | None:
        """Return what is wrong with the installed package, such as `torch is not installed`; None if nothing is."""
        version = installed_version(self.name)
        if version is None:
            return f"{self.name} is not installed"
        if not _allows(self.versions, version):
            return f"{self.name} {version} is installed, and {self.versions} is needed"
        return None


@dataclass(frozen=True, slots=True)
class Extra:
    """An extra of pix2style.

    Attributes:
        name: Name of the extra.
        problems: What is missing; empty if the extra is complete.
    """

    name: str
    problems: tuple[str, ...]

    def to_json(self) -> dict[str, Any]:
        """Return the extra as JSON values, with the command that installs it if it is not complete."""
        install = {"install": install_extras(self.name)} if self.problems else {}
        return {"complete": not self.problems, "problems": list(self.problems), **install}


def installed_version(name: str) -> str | None:
    """Return the version of an installed package; None if it is not installed."""
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def check_packages() -> tuple[list[str], list[Extra]]:
    """Return what is wrong with the packages that everybody needs, and all extras."""
    base, optional = _requirements()
    problems = [problem for requirement in base if (problem := requirement.problem()) is not None]
    extras = [Extra(name, tuple(_problems_of(name, optional))) for name in optional if name != "all"]
    return problems, extras


def _problems_of(extra: str, optional: dict[str, list[Requirement]]) -> list[str]:
    problems = []
    for requirement in optional.get(extra, []):
        if requirement.name == NAME:
            problems += [problem for inner in requirement.extras for problem in _problems_of(inner, optional)]
        elif (problem := requirement.problem()) is not None:
            problems.append(problem)
    return list(dict.fromkeys(problems))


def _requirements() -> tuple[list[Requirement], dict[str, list[Requirement]]]:
    """Return what pix2style needs, and what each extra needs: from the clone that runs, else from the installation."""
    project = project_table()
    if project:
        optional = project.get("optional-dependencies", {})
        extras = {name: [Requirement.parse(text) for text in texts] for name, texts in optional.items()}
        return [Requirement.parse(text) for text in project.get("dependencies", [])], extras
    base: list[Requirement] = []
    by_extra: dict[str, list[Requirement]] = {}
    try:
        texts = metadata.requires(NAME) or []
    except metadata.PackageNotFoundError:
        texts = []
    for text in texts:
        marker = _EXTRA_MARKER.search(text)
        (base if marker is None else by_extra.setdefault(marker[1], [])).append(Requirement.parse(text))
    return base, by_extra


def _allows(versions: str, version: str) -> bool:
    """Return whether a version is allowed; True without the package `packaging`, which ONNX Runtime brings along."""
    try:
        from packaging.specifiers import SpecifierSet
    except ModuleNotFoundError:
        return True
    return SpecifierSet(versions).contains(version, prereleases=True)
