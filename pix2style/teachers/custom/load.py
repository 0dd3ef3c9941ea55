"""Load a teacher from the text of `--teacher`: a function or a command."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import ConfigError
from pix2style.stylizer import Stylizer
from pix2style.teachers.custom.command import CommandTeacher
from pix2style.teachers.custom.function import FunctionTeacher


@dataclass(frozen=True)
class CustomTeacherSpec:
    """The arguments of `load_custom`, which can be pickled. Nothing is loaded or run before `load`.

    Attributes:
        text: `module:function`, `path/to/file.py:function`, or a command with `{input}` and `{output}`.
        files: Files and folders that the teacher reads (weights, brushes); part of its identity.
        timeout_s: Time limit of a command per photo in seconds; None for no limit.
        license: Licence of the teacher, for the manifest.
        jobs: Number of commands that run at the same time; None for the number of CPUs.
    """

    text: str
    files: tuple[Path, ...] = ()
    timeout_s: float | None = None
    license: str = ""
    jobs: int | None = None

    def load(self) -> list[Stylizer]:
        """Return a list with the teacher; see `load_custom`."""
        return [
            load_custom(self.text, files=self.files, timeout_s=self.timeout_s, license=self.license, jobs=self.jobs)
        ]


def is_command(text: str) -> bool:
    """Return whether `text` is a command and not the name of a Python function."""
    return "{input}" in text or "{output}" in text


def load_custom(
    text: str,
    *,
    files: Sequence[Path] = (),
    timeout_s: float | None = None,
    license: str = "",  # noqa: A002 - the usual name of this argument
    jobs: int | None = None,
) -> Stylizer:
    """Load a Python function or a command as a teacher.

    A function takes a uint8 array [height, width, 3] (RGB) and returns one of the same shape. If it has an attribute
    `batched = True`, it takes and returns lists of them. A command is split into arguments as in a shell, but no shell
    runs it, so it has no pipes and no variables. It reads a PNG at `{input}` and writes an image of the same size to
    `{output}`.

    Args:
        text: `module:function`, `path/to/file.py:function`, or a command with `{input}` and `{output}`.
        files: Files and folders that the teacher reads (weights, brushes). Their digests are part of the teacher's
            identity, so that pairs from different files are not mixed. Modules that a function's file imports are not
            found automatically: name them here.
        timeout_s: Time limit of a command per photo in seconds; None for no limit.
        license: Licence of the teacher, for the manifest.
        jobs: Number of commands that run at the same time; None for the number of CPUs.

    Raises:
        ConfigError: If the text is neither a function nor a command, or an option does not fit.
        ArtifactError: If module, function, program or one of `files` is missing or cannot be loaded.
    """
    if timeout_s is not None and not timeout_s > 0:
        raise ConfigError(f"teacher {text!r}: the time limit must be above 0 seconds, not {timeout_s}")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"teacher {text!r}: jobs must be 1 or more, not {jobs}")
    if is_command(text):
        return CommandTeacher(text, files=files, timeout_s=timeout_s, licence=license, jobs=jobs)
    if timeout_s is not None:
        raise ConfigError(
            f"teacher {text!r}: a time limit is for commands only: nothing can stop a running Python function"
        )
    return FunctionTeacher(text, files=files, licence=license)
