"""Which kind of teacher a text means, and how it becomes one."""

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
    """What `load_custom` needs, to be kept or sent to another process (nothing is loaded or run before `load`).

    Attributes:
        text: `module:function`, `path/to/file.py:function`, or a command with `{input}` and `{output}`.
        files: files and folders that the teacher reads (weights, brushes): they count for its identity.
        timeout_s: for commands, per photo; None: no limit.
        license: of the teacher.
        jobs: commands that run at once; None: as many as the machine has CPUs.
    """

    text: str
    files: tuple[Path, ...] = ()
    timeout_s: float | None = None
    license: str = ""
    jobs: int | None = None

    def load(self) -> list[Stylizer]:
        """The one teacher; see `load_custom`."""
        return [
            load_custom(self.text, files=self.files, timeout_s=self.timeout_s, license=self.license, jobs=self.jobs)
        ]


def is_command(text: str) -> bool:
    """Whether `text` means a program, not a Python function."""
    return "{input}" in text or "{output}" in text


def load_custom(
    text: str,
    *,
    files: Sequence[Path] = (),
    timeout_s: float | None = None,
    license: str = "",  # noqa: A002 - the word that people look for
    jobs: int | None = None,
) -> Stylizer:
    """Make a teacher of a Python function or a command.

    A function takes a uint8 array [height, width, 3] (RGB) and returns one of the same shape; with an attribute
    `batched = True` it takes and returns lists of them. A command is split like in a shell, but no shell runs it (no
    pipes, no variables); it reads a PNG at `{input}` and writes a picture of the same size to `{output}`.

    Args:
        text: `module:function`, `path/to/file.py:function`, or a command with `{input}` and `{output}`.
        files: files and folders that the teacher reads (weights, brushes): their digests become part of its identity,
            so that pairs made with others are not mixed. What a function's file imports is not seen: name it here.
        timeout_s: for commands, per photo; None: no limit.
        license: of the teacher, for the manifest.
        jobs: commands that run at once; None: as many as the machine has CPUs.

    Raises:
        ConfigError: the text is neither, or an option does not fit.
        ArtifactError: module, function, program or one of `files` is missing or cannot be loaded.
    """
    if timeout_s is not None and not timeout_s > 0:
        raise ConfigError(f"teacher {text!r}: the time limit must be above 0 seconds, not {timeout_s}")
    if jobs is not None and jobs < 1:
        raise ConfigError(f"teacher {text!r}: at least 1 command must run at once, not {jobs}")
    if is_command(text):
        return CommandTeacher(text, files=files, timeout_s=timeout_s, licence=license, jobs=jobs)
    if timeout_s is not None:
        raise ConfigError(
            f"teacher {text!r}: a time limit works for commands only: a Python function cannot be stopped from outside"
        )
    return FunctionTeacher(text, files=files, licence=license)
