"""A program as a teacher: a PNG in, a picture out, one process per photo."""

from __future__ import annotations

import os
import shlex
import shutil
import signal
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, ImageError, PhotoError
from pix2style.images import Image8, encode_png, read_picture
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.teachers.custom.identity import identify, short
from pix2style.teachers.custom.processes import Processes

_LAST_BYTES = 4096


class CommandTeacher(Stylizer):
    """See `load_custom`.

    Args:
        text: the command, with `{input}` and `{output}`.
        files: what it reads.
        timeout_s: per photo; None: no limit.
        licence: of the teacher.
        jobs: how many run at once; None: as many as there are CPUs.

    Raises:
        ConfigError: the command cannot be split, or lacks one of the two.
        ArtifactError: there is no such program.
    """

    def __init__(
        self, text: str, *, files: Sequence[Path], timeout_s: float | None, licence: str, jobs: int | None
    ) -> None:
        self._text, self._timeout_s, self._jobs = text, timeout_s, jobs or os.cpu_count() or 1
        self._arguments = _split(text)
        program = shutil.which(self._arguments[0])
        if program is None:
            raise ArtifactError(
                f"teacher {text!r}: there is no program {self._arguments[0]!r}, or it may not be executed: give a path"
            )
        scripts = [path for path in map(Path, self._arguments[1:]) if _is_file(path)]
        name = Path(self._arguments[0]).name
        self._identity = identify(name, text, [Path(program), *scripts], files, licence)
        self._processes: set[Processes] = set()

    @property
    def identity(self) -> StylizerIdentity:
        """Digest over the text, the program, every argument that is a file, and the files that the user named."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. Leaves no process and no file behind, however it ends.

        Raises:
            PhotoError: the command failed, took too long, or gave no picture of the photo's size.
            ArtifactError: it cannot be started at all.
        """
        # Always threads, which only wait: Ctrl-C reaches the main thread alone, so that no process is started unseen.
        pool, processes = ThreadPoolExecutor(max(1, min(self._jobs, len(images)))), Processes()
        self._processes.add(processes)
        try:
            futures = [pool.submit(self._paint, image, processes) for image in images]
            return [future.result() for future in futures]
        finally:
            processes.stop()
            pool.shutdown(wait=True, cancel_futures=True)
            self._processes.discard(processes)

    def stop(self) -> None:
        """Kill the commands that are running, from any thread; `stylize` then raises PhotoError."""
        for processes in list(self._processes):
            processes.stop()

    def __getstate__(self) -> dict[str, object]:
        """Without what is running, so that it can be sent to another process."""
        return {**self.__dict__, "_processes": set()}

    def _paint(self, image: Image8, processes: Processes) -> Image8:
        with tempfile.TemporaryDirectory(prefix="pix2style-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            given, wanted, said = folder / "input.png", folder / "output.png", folder / "stderr"
            given.write_bytes(encode_png(image))
            arguments = [
                argument.replace("{input}", str(given)).replace("{output}", str(wanted)) for argument in self._arguments
            ]
            self._run(arguments, said, processes)
            return self._result(wanted, image, said)

    def _run(self, arguments: list[str], said: Path, processes: Processes) -> None:
        try:
            code = processes.run(arguments, said, self._timeout_s)
        except OSError as error:
            raise ArtifactError(f"teacher {self._text!r}: cannot be started: {error.strerror or error}") from error
        if code is None:
            raise PhotoError(f"the command took longer than {self._timeout_s:g} s{_last_line(said)}")
        if code < 0:
            raise PhotoError(f"the command was ended by {_signal_name(-code)}{_last_line(said)}")
        if code:
            raise PhotoError(f"the command ended with exit code {code}{_last_line(said)}")

    def _result(self, path: Path, photo: Image8, said: Path) -> Image8:
        if not path.exists():
            raise PhotoError(f"the command wrote no picture to {{output}}{_last_line(said)}")
        try:
            painted = read_picture(path, to_srgb=True).on_white()
        except ImageError as error:
            reason = short(error.reason)
            raise PhotoError(f"what the command wrote cannot be read: {reason}{_last_line(said)}") from error
        if painted.shape != photo.shape:
            (height, width), (given_height, given_width) = painted.shape[:2], photo.shape[:2]
            raise PhotoError(
                f"the command gave {width}x{height} px for a photo of {given_width}x{given_height} px{_last_line(said)}"
            )
        return painted


def _split(text: str) -> list[str]:
    try:
        arguments = shlex.split(text)
    except ValueError as error:
        raise ConfigError(f"teacher {text!r}: cannot be split into arguments: {error}") from error
    for place in ("{input}", "{output}"):
        if not any(place in argument for argument in arguments[1:]):
            raise ConfigError(
                f"teacher {text!r}: no argument contains {place}: a command needs {{input}} and {{output}}"
            )
    return arguments


def _is_file(path: Path) -> bool:
    try:
        return path.is_file()
    except (OSError, ValueError):  # an argument that could never be a name
        return False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(said: Path) -> str:
    """`: ` and the last line of stderr, if it said anything."""
    with said.open("rb") as stream:
        stream.seek(max(0, said.stat().st_size - _LAST_BYTES))
        lines = stream.read().decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f": {short(last, hide=str(said.parent))}" if last else ""
