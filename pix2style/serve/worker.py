"""A worker process: decodes, stylizes and encodes one picture after the other.

It ignores the signals that a terminal or a service manager sends to all processes of a server, so that the front
process can finish the jobs in work. It ends when the front process ends.
"""

from __future__ import annotations

import os
import re
import shutil
import socket
import threading
import traceback
from multiprocessing import connection as mp_connection
from multiprocessing import process as mp_process
from typing import Any

from pix2style.errors import ImageError, MemoryNeededError, Pix2StyleError, TooLargeImageError, UnknownImageError
from pix2style.images import KeepMetadata
from pix2style.onnx_session import share_memory_arena
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_data import stylize_data
from pix2style.serve.jobs import WORKER_ERRORS, TooManyPixelsError, WorkerFaultError
from pix2style.serve.limits import ServeLimits
from pix2style.serve.messages import ConnectionEndedError, receive, send
from pix2style.serve.served_filters import FilterPart
from pix2style.serve.server_log import print_to_log
from pix2style.serve.stylizers import Stylizers
from pix2style.serve.worker_entry import WorkerSettings
from pix2style.system.allocator import keep_freed_memory
from pix2style.system.memory import peak_memory_bytes
from pix2style.system.workers import ended_after, ignore_stop_signals, limit_memory

_PICTURE = "the picture"
# Folders of this machine before the name of a filter file: they are removed from messages, which clients read.
_LOCATION = re.compile(r"(?<![\w.])(?:[A-Za-z]:)?[/\\](?:[^/\\:\n]+[/\\])*(?=[^/\\\s]+\.onnx)")
# The front process ends jobs that take too long. This is for jobs that go on after the front process was killed.
_GRACE_S = 5.0
_CLEAN_S = 5.0
# Enough to keep the memory of a usual photo for the next one. Older versions of glibc accept no larger number.
_KEPT_BYTES = 2**25
# Errors of a job, and the names of the errors that the front process raises for them; the first match counts.
_ERROR_NAMES: dict[type[Pix2StyleError], str] = {
    TooLargeImageError: "TooManyPixelsError",
    UnknownImageError: "NotAPictureError",
    ImageError: "BadPictureError",
    **{kind: name for name, kind in WORKER_ERRORS.items()},
    Pix2StyleError: "DataError",
}


def run_worker(connection: socket.socket, settings: WorkerSettings) -> None:
    """Answer jobs until the front process ends or closes the connection.

    Args:
        connection: Connection to the front process.
        settings: Filters, limits and threads of the worker.
    """
    ignore_stop_signals()
    limit_memory(settings.limits.memory_bytes)
    share_memory_arena()
    keep_freed_memory(_KEPT_BYTES)
    watch = threading.Thread(target=_end_with_front, name="end with front", daemon=True)
    watch.start()
    try:
        _work(connection, settings)
    except (ConnectionEndedError, OSError):
        watch.join(_CLEAN_S)  # the front process was killed: the thread notices it, cleans up and ends this process


def _work(connection: socket.socket, settings: WorkerSettings) -> None:
    """Load the filters, answer jobs, and return when the front process asks for it.

    Raises:
        ConnectionEndedError, OSError: The front process has ended.
    """
    stylizers = Stylizers(settings.filters, settings.threads, settings.device)
    try:
        for served in settings.filters.all():
            if served.name == settings.filters.default or (settings.checks_files and not served.from_gallery):
                stylizers.load(served.name)
    except Pix2StyleError as error:
        send(connection, _error_values(error))
        return
    send(connection, {"status": "ready"})
    while True:
        values, data = receive(connection)
        if values.get("end"):
            return
        with ended_after(settings.limits.job_s + _GRACE_S):
            values, data = _answer(stylizers, settings.limits, values, data)
        send(connection, {**values, "memory_bytes": peak_memory_bytes() or 0}, data)
        if values.get("ends"):
            return


def _answer(
    stylizers: Stylizers, limits: ServeLimits, values: dict[str, Any], data: bytes
) -> tuple[dict[str, Any], bytes]:
    """Do a job, and return the values and the data of the answer."""
    try:
        stylizer = stylizers.get(
            [FilterPart(*part) for part in values["parts"]],
            strength=values["strength"],
            stroke=values["stroke"],
            look_px=values["look_px"],
            preserve_color=values["preserve_color"],
        )
        files = FileSettings(threads=1, lossless=values["lossless"], metadata=KeepMetadata(values["metadata"]))
        made = stylize_data(
            stylizer,
            data,
            name=_PICTURE,
            suffix=values["suffix"],
            jpeg_quality=values["quality"],
            files=files,
            max_pixels=limits.pixels,
            out_name=_PICTURE,
        )
    except Exception as error:  # noqa: BLE001 - the worker goes on after a fault, of which it prints a traceback
        if _is_out_of_memory(error):
            too_large = TooManyPixelsError(f"{_PICTURE} needs more memory than a worker may take: make it smaller")
            # The free memory may be fragmented now, so a new worker takes over.
            return {**_error_values(too_large), "ends": True}, b""
        if isinstance(error, Pix2StyleError):
            values = _error_values(error)
            return {**values, "message": _LOCATION.sub("", values["message"])}, b""
        print_to_log(traceback.format_exc())
        return _error_values(WorkerFaultError("the server has a fault, which is described above")), b""
    answer = {
        "status": "done",
        "suffix": made.suffix,
        "notes": list(made.notes),
        "width_px": made.width_px,
        "height_px": made.height_px,
        "decode_s": made.seconds.decode,
        "stylize_s": made.seconds.stylize,
        "encode_s": made.seconds.encode,
    }
    return answer, made.data


def _is_out_of_memory(error: Exception) -> bool:
    return isinstance(error, MemoryError | MemoryNeededError) or isinstance(error.__cause__, MemoryError)


def _error_values(error: Pix2StyleError) -> dict[str, Any]:
    """Return the values of an answer that is an error."""
    kind = next(name for known, name in _ERROR_NAMES.items() if isinstance(error, known))
    return {"status": "error", "error": kind, "message": str(error)}


def _end_with_front() -> None:
    """End this process, whatever it is doing, as soon as the front process has ended."""
    front = mp_process.parent_process()
    if front is not None:
        mp_connection.wait([front.sentinel])
        # multiprocessing leaves the folder of its socket behind when the main process is killed.
        folder = mp_process.current_process()._config.get("tempdir")  # type: ignore[attr-defined]
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
