"""A command as a teacher: it reads a PNG and writes an image, in one process per photo."""

from __future__ import annotations

import os
import shutil
import signal
import tempfile
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from pix2style.errors import ArtifactError, ConfigError, ImageError, PhotoError
from pix2style.home_paths import expand_home
from pix2style.images import Image8, encode_png, read_picture
from pix2style.processes import results_of, shut_down
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.system.interrupts import interrupts_held
from pix2style.system.programs import split_command
from pix2style.teachers.custom.identity import identify, shorten_message
from pix2style.teachers.custom.processes import Processes

# The last line of stderr is looked for in so many bytes at its end.
_STDERR_TAIL_BYTES = 4096


class CommandTeacher(Stylizer):
    """A command that stylizes one photo; see `load_custom`.

    Args:
        text: Command with `{input}` and `{output}`.
        files: Files and folders that the command reads.
        timeout_s: Time limit per photo in seconds; None for no limit.
        licence: Licence of the teacher.
        jobs: Number of commands that run at the same time; None for the number of CPUs.

    Raises:
        ConfigError: If the command cannot be split into arguments, or lacks `{input}` or `{output}`.
        ArtifactError: If there is no such program.
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
        """Digest of the text, the program, every argument that is a file, and the files that the user named."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`. Leaves no process and no file behind, also after an exception or Ctrl-C.

        Raises:
            PhotoError: If the command failed, took too long, or wrote no image of the photo's size.
            ArtifactError: If the command cannot be started at all.
        """
        # Threads even for a single photo: Python raises KeyboardInterrupt only in the main thread, which here only
        # waits. So Ctrl-C cannot come between the start of a process and its registration in `processes`.
        pool, processes = ThreadPoolExecutor(max(1, min(self._jobs, len(images)))), Processes()
        self._processes.add(processes)
        try:
            with interrupts_held():
                futures = [pool.submit(self._stylize_one, image, processes) for image in images]
            return results_of(futures)
        finally:
            processes.stop()
            shut_down(pool)
            self._processes.discard(processes)

    def stop(self) -> None:
        """Kill the running commands, from any thread. `stylize` then raises PhotoError."""
        for processes in list(self._processes):
            processes.stop()

    def __getstate__(self) -> dict[str, object]:
        """Return the state without running processes, so that the teacher can be pickled."""
        return {**self.__dict__, "_processes": set()}

    def _stylize_one(self, image: Image8, processes: Processes) -> Image8:
        with tempfile.TemporaryDirectory(prefix="pix2style-", ignore_cleanup_errors=True) as name:
            folder = Path(name)
            source, output, stderr = folder / "input.png", folder / "output.png", folder / "stderr"
            source.write_bytes(encode_png(image))
            arguments = [
                argument.replace("{input}", str(source)).replace("{output}", str(output))
                for argument in self._arguments
            ]
            self._run(arguments, stderr, processes)
            return self._read_output(output, image, stderr)

    def _run(self, arguments: list[str], stderr: Path, processes: Processes) -> None:
        try:
            code = processes.run(arguments, stderr, self._timeout_s)
        except OSError as error:
            raise ArtifactError(f"teacher {self._text!r}: cannot be started: {error.strerror or error}") from error
        if code is None:
            raise PhotoError(f"the command took longer than {self._timeout_s:g} s{_last_line(stderr)}")
        if code < 0:
            raise PhotoError(f"the command was ended by {_signal_name(-code)}{_last_line(stderr)}")
        if code:
            raise PhotoError(f"the command ended with exit code {code}{_last_line(stderr)}")

    def _read_output(self, path: Path, photo: Image8, stderr: Path) -> Image8:
        # Pair sets store the messages of PhotoError: other words would change the digests of sets with failed photos.
        if not path.exists():
            raise PhotoError(f"the command wrote no picture to {{output}}{_last_line(stderr)}")
        try:
            stylized = read_picture(path, to_srgb=True).on_white()
        except ImageError as error:
            reason = shorten_message(error.reason)
            raise PhotoError(f"what the command wrote cannot be read: {reason}{_last_line(stderr)}") from error
        if stylized.shape != photo.shape:
            (height, width), (photo_height, photo_width) = stylized.shape[:2], photo.shape[:2]
            raise PhotoError(
                f"the command gave {width}x{height} px for a photo of {photo_width}x{photo_height} px"
                f"{_last_line(stderr)}"
            )
        return stylized


def _split(text: str) -> list[str]:
    try:
        arguments = [expand_home(word) if word.startswith("~/") else word for word in split_command(text)]
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
    except (OSError, ValueError):  # an argument that is no possible file name
        return False


def _signal_name(number: int) -> str:
    try:
        return signal.Signals(number).name
    except ValueError:
        return f"signal {number}"


def _last_line(stderr: Path) -> str:
    """Return `: ` and the last line of a program's stderr, or nothing if that is empty."""
    with stderr.open("rb") as stream:
        stream.seek(max(0, stderr.stat().st_size - _STDERR_TAIL_BYTES))
        lines = stream.read().decode("utf-8", "replace").split("\n")
    last = next((line for line in reversed(lines) if line.strip()), "")
    return f": {shorten_message(last, hidden_folder=str(stderr.parent))}" if last else ""
