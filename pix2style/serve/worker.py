"""A worker process: decodes, stylizes and encodes one picture after the other.

It ignores the signals that a terminal or a service manager sends to all processes of a server, so that the front
process can finish what is under way, and ends when the front process does.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import threading
import traceback
from multiprocessing import connection as mp_connection
from multiprocessing import process as mp_process
from typing import Any

from pix2style.errors import ImageError, MemoryNeededError, Pix2StyleError, TooLargeImageError, UnknownImageError
from pix2style.images import KeepMetadata
from pix2style.runtime.file_settings import FileSettings
from pix2style.runtime.stylize_data import stylize_data
from pix2style.serve.jobs import WORKER_ERRORS, TooManyPixelsError, WorkerLostError
from pix2style.serve.limits import ServeLimits
from pix2style.serve.messages import ConnectionEndedError, receive, send
from pix2style.serve.served_filters import FilterPart
from pix2style.serve.stylizers import Stylizers
from pix2style.serve.worker_entry import WorkerSettings

_PICTURE = "the picture"
# What a job can end with, and the error of `jobs` that the front process raises for it; the first kind that fits.
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
        settings: What the worker has to know.
    """
    _prepare_process()
    stylizers = Stylizers(settings.filters, settings.threads)
    with contextlib.suppress(ConnectionEndedError, OSError):
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
            send(connection, *_answer(stylizers, settings.limits, values, data))


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
        )
    except (MemoryError, MemoryNeededError):
        return _error_values(TooManyPixelsError(f"{_PICTURE} needs more memory than there is: make it smaller")), b""
    except Pix2StyleError as error:
        return _error_values(error), b""
    except Exception:  # noqa: BLE001 - the server goes on, and its log has what is needed to mend the fault
        traceback.print_exc()
        return _error_values(WorkerLostError("a fault in pix2style, which the log of the server describes")), b""
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


def _error_values(error: Pix2StyleError) -> dict[str, Any]:
    """Return the values of an answer that is an error."""
    kind = next(name for known, name in _ERROR_NAMES.items() if isinstance(error, known))
    return {"status": "error", "error": kind, "message": str(error)}


def _prepare_process() -> None:
    for name in ("SIGINT", "SIGTERM"):
        signal.signal(getattr(signal, name), signal.SIG_IGN)
    threading.Thread(target=_end_with_front, name="end with front", daemon=True).start()


def _end_with_front() -> None:
    """End this process, whatever it is doing, as soon as the front process has ended."""
    front = mp_process.parent_process()
    if front is not None:
        mp_connection.wait([front.sentinel])
        # What multiprocessing leaves behind when its main process is killed: the folder of a socket.
        folder = mp_process.current_process()._config.get("tempdir")  # type: ignore[attr-defined]
        if folder:
            shutil.rmtree(folder, ignore_errors=True)
        os._exit(0)
