"""What goes wrong, for people: every error names the file or key, says what is wrong and what to do.

Errors cross the command line as one line on stderr and an exit code; docs/reference/exit-codes.md lists them.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import ClassVar


class Pix2StyleError(Exception):
    """Something a person can put right. `exit_code` is what the command line returns for it."""

    exit_code: ClassVar[int] = 1


class ConfigError(Pix2StyleError):
    """A configuration, an option or an override is wrong."""

    exit_code = 2


class DataError(Pix2StyleError):
    """Photos, paintings or a pair set cannot be used."""

    exit_code = 3


class ArtifactError(Pix2StyleError):
    """A teacher, a run folder, a weights file or a filter cannot be used."""

    exit_code = 4


class MissingExtraError(Pix2StyleError):
    """A package that an extra of pix2style brings is not installed."""

    exit_code = 5


class TrainingError(Pix2StyleError):
    """Training cannot go on (for example: the losses stay non-finite)."""

    exit_code = 6


class ImageError(DataError):
    """One picture cannot be read. `reason` is the part without the file's name, for lists of failures."""

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class PhotoError(DataError):
    """A teacher cannot paint one photo, but may paint others: make-pairs lists it and goes on."""


def require(extra: str, *modules: str) -> list[ModuleType]:
    """Import `modules`, or say which extra brings the missing one.

    Raises:
        MissingExtraError: one of the modules is not installed.
    """
    found = []
    for module in modules:
        try:
            found.append(importlib.import_module(module))
        except ModuleNotFoundError as error:
            # A broken installation of a package that is there must not look like a missing extra.
            if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
                raise
            raise MissingExtraError(
                f"this needs {module}, which is not installed: install pix2style[{extra}]"
                f' (pip install "pix2style[{extra}]")'
            ) from error
    return found
