"""Errors that a person can correct, each with an exit code of the command line.

A message names the file or configuration key, says what is wrong, and says what to do. The command line prints it on
stderr without a traceback; docs/reference/exit-codes.md lists the codes.
"""

from __future__ import annotations

import importlib
from types import ModuleType
from typing import ClassVar

from pix2style.installation import install_extras


class Pix2StyleError(Exception):
    """Base class of all errors that a person can correct.

    Attributes:
        exit_code: Exit code of the command line.
    """

    exit_code: ClassVar[int] = 1


class ConfigError(Pix2StyleError):
    """A configuration key, an option or an override is wrong."""

    exit_code = 2


class DataError(Pix2StyleError):
    """Photos, paintings or a pair set cannot be used."""

    exit_code = 3


class ArtifactError(Pix2StyleError):
    """A teacher, a run folder, a weights file or a filter file cannot be used."""

    exit_code = 4


class MissingExtraError(Pix2StyleError):
    """A package of an extra of pix2style is not installed."""

    exit_code = 5


class TrainingError(Pix2StyleError):
    """Training cannot continue, for example because the losses stay non-finite."""

    exit_code = 6


class MemoryNeededError(DataError):
    """A picture needs more memory than there is."""


class FileError(DataError):
    """A file of the user cannot be read or written.

    Attributes:
        name: Name of the file.
        reason: The message without the file's name, for lists of failures.
    """

    def __init__(self, name: str, reason: str) -> None:
        super().__init__(f"{name}: {reason}")
        self.name = name
        self.reason = reason


class ImageError(FileError):
    """An image file cannot be read."""


class TooLargeImageError(ImageError):
    """An image has more pixels than may be decoded, or needs more memory than there is."""


class UnknownImageError(ImageError):
    """A file is no image, or one of a kind that is not read."""


class ClipError(FileError):
    """A video clip cannot be read."""


class PhotoError(DataError):
    """A teacher cannot stylize one photo but may stylize others: make-pairs lists the photo and continues."""


def require(extra: str, *modules: str) -> list[ModuleType]:
    """Import modules that an extra of pix2style installs.

    Args:
        extra: Name of the extra, for example `train`.
        modules: Names of the modules.

    Returns:
        The imported modules.

    Raises:
        MissingExtraError: A module is not installed. The message says how to install the extra.
    """
    imported = []
    for module in modules:
        try:
            imported.append(importlib.import_module(module))
        except ModuleNotFoundError as error:
            # Another missing module means that the package is installed but broken: that error must stay visible.
            if error.name is None or error.name.split(".")[0] != module.split(".")[0]:
                raise
            raise MissingExtraError(
                f"this needs {module}, which is not installed: install the extra {extra} with {install_extras(extra)}"
            ) from error
    return imported
