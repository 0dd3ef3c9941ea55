"""An ONNX Runtime session on a file, which can be pickled and which works in forked processes."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import onnxruntime

from pix2style.errors import ArtifactError
from pix2style.onnx_session import CPU_PROVIDER, LOAD_ERRORS, Spinning, open_session
from pix2style.openvino_session import OPENVINO, OpenVinoSession
from pix2style.printable import one_line
from pix2style.processes import usable_cores


class FileSession:
    """A session on a file.

    A pickle holds the path instead of the network. A process that loads the pickle, and a forked process, open the file
    again when they first use the session: ONNX Runtime's threads are those of the process that opened it.

    Args:
        path: Path of the file.
        data: Content of the file, which was read already.
        threads: Number of threads for one run; None for as many as there are cores.
        providers: ONNX Runtime's execution providers, the preferred one first; or `openvino_session.OPENVINO` alone.
        spinning: When threads that wait for work keep a core busy.
        in_floats: Whether 8-bit operators are computed in float32.

    Raises:
        One of `onnx_session.LOAD_ERRORS`: ONNX Runtime cannot load the file.
    """

    def __init__(
        self,
        path: Path,
        data: bytes,
        *,
        threads: int | None = None,
        providers: Sequence[str] = (CPU_PROVIDER,),
        spinning: Spinning = "always",
        in_floats: bool = False,
    ) -> None:
        # Absolute, because the process that opens the file again may have another working directory.
        self._path, self._sha256 = path.absolute(), hashlib.sha256(data).hexdigest()
        self._threads, self._providers, self._spinning = threads, tuple(providers), spinning
        self._in_floats = in_floats
        self._session, self._process = self._open(data), os.getpid()
        self._for_clips: tuple[tuple[int, Spinning, int | None], FileSession] | None = None

    def get(self) -> onnxruntime.InferenceSession:
        """Return the session of this process.

        Raises:
            ArtifactError: The file has to be opened again, and is gone or has been changed.
        """
        if self._process != os.getpid():
            self._session, self._process = self._open(self._read_again()), os.getpid()
        return self._session

    @property
    def threads(self) -> int:
        """Number of threads for one run; 1 if runs cannot be simultaneous, as on a GPU."""
        return (self._threads or usable_cores()) if self._is_on_cpu else 1

    def for_clips(self, spinning: Spinning, frames_at_once: int) -> FileSession:
        """Return a session on the same file, for runs at the same time with as many threads together.

        Args:
            spinning: When threads that wait for work keep a core busy.
            frames_at_once: Number of threads that run it, at most `threads`. They work on their own frames, and the
                other threads help all of them.

        Returns:
            This session, if it is as wanted already or not ONNX Runtime's on the CPU; else another one, which all
            clips share.

        Raises:
            ArtifactError: The file is gone, has been changed, or cannot be opened a second time.
        """
        threads = self._threads if frames_at_once == 1 else self.threads - frames_at_once + 1
        if not self._is_on_cpu or (spinning, threads) == (self._spinning, self._threads):
            return self
        wanted = (os.getpid(), spinning, threads)
        if self._for_clips is None or self._for_clips[0] != wanted:
            self._for_clips = wanted, self._copy(spinning, threads, in_floats=self._in_floats)
        return self._for_clips[1]

    def with_floats(self) -> FileSession:
        """Return a session of its own on the same file, which computes 8-bit operators in float32.

        Raises:
            ArtifactError: The file is gone, has been changed, or cannot be opened a second time.
        """
        return self._copy(self._spinning, self._threads, in_floats=True)

    def __getstate__(self) -> dict[str, Any]:
        """Return everything but the sessions and their process."""
        kept = {key: value for key, value in vars(self).items() if key != "_session"}
        return kept | {"_process": 0, "_for_clips": None}

    @property
    def _is_on_cpu(self) -> bool:
        return self._providers == (CPU_PROVIDER,)

    def _copy(self, spinning: Spinning, threads: int | None, *, in_floats: bool) -> FileSession:
        try:
            return FileSession(
                self._path,
                self._read_again(),
                threads=threads,
                providers=self._providers,
                spinning=spinning,
                in_floats=in_floats,
            )
        except LOAD_ERRORS as error:
            raise ArtifactError(f"{self._path}: cannot be opened a second time: {one_line(error)}") from error

    def _open(self, data: bytes) -> onnxruntime.InferenceSession:
        if self._providers == (OPENVINO,):
            described = open_session(data, threads=1, optimize=False)
            return OpenVinoSession(data, threads=self._threads or usable_cores(), described=described)
        return open_session(
            data,
            threads=self._threads,
            providers=self._providers,
            spinning=self._spinning,
            in_floats=self._in_floats,
        )

    def _read_again(self) -> bytes:
        try:
            data = self._path.read_bytes()
        except OSError as error:
            raise ArtifactError(f"{self._path}: cannot be opened a second time: {error.strerror or error}") from error
        if hashlib.sha256(data).hexdigest() != self._sha256:
            raise ArtifactError(f"{self._path}: was changed after it had been loaded: load it again")
        return data
