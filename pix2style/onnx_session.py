"""Open ONNX Runtime sessions with this project's settings, and recognise the errors that ONNX Runtime raises.

Filter files (`runtime`), graphs that are being exported (`export`) and Magenta's network (`teachers.magenta`) all open
their sessions here.
"""

from __future__ import annotations

import ctypes
import os
import weakref
from collections.abc import Sequence
from typing import Literal

import onnxruntime
from onnxruntime.capi import onnxruntime_pybind11_state as _ort

CPU_PROVIDER = "CPUExecutionProvider"
CUDA_PROVIDER = "CUDAExecutionProvider"
Spinning = Literal["always", "in a run", "never"]
"""When threads of ONNX Runtime that wait for work keep a core busy: always (for about 0.07 s after a run), between the
operations of a run only, or never. The less they do, the more is left for other work at the same time, such as decoding
and encoding a clip; and the longer they take to begin."""
# ONNX Runtime's exceptions have no base class of their own, so they have to be listed.
LOAD_ERRORS = (
    _ort.EngineError,
    _ort.EPFail,
    _ort.Fail,
    _ort.InvalidArgument,
    _ort.InvalidGraph,
    _ort.InvalidProtobuf,
    _ort.NoModel,
    _ort.NoSuchFile,
    _ort.NotImplemented,
    _ort.RuntimeException,
    MemoryError,
    RuntimeError,
    UnicodeDecodeError,  # the message holds bytes of a damaged file
)
"""What opening a session raises for a file that is damaged, too new, or not supported by the provider."""
RUN_ERRORS = LOAD_ERRORS
"""What running a session raises when the machine or the file cannot do it; see `is_out_of_memory`."""
# Parts of ONNX Runtime's messages for "out of memory", on the CPU and on a GPU: it has no exception type for this.
_OUT_OF_MEMORY_TEXTS = ("allocate memory", "bad_alloc", "out of memory", "bad allocation")
# Log nothing below FATAL: errors reach the caller as exceptions, and ONNX Runtime would print them to stderr as well.
_LOG_FATAL_ONLY = 4


_sessions: weakref.WeakSet[onnxruntime.InferenceSession] = weakref.WeakSet()


def _keep_sessions_for_ever() -> None:
    """Never free the sessions that a forked process inherits.

    Freeing a session waits for its threads, which exist only in the process that opened it: the forked process would
    hang, or crash, when it ends.
    """
    for session in list(_sessions):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_keep_sessions_for_ever)


class _Arena:
    """The memory arena of this process that sessions share.

    Attributes:
        is_shared: Whether there is one.
    """

    is_shared = False


def share_memory_arena() -> None:
    """Let all sessions on the processor that this process opens from now on share one memory arena.

    Otherwise each session keeps as much memory as its largest photo needed. Twelve filters used in turn kept 0.9 GB
    with an arena each, and 0.17 GB with a shared one, at the same speed.
    """
    if not _Arena.is_shared:
        place = onnxruntime.OrtMemoryInfo(
            "Cpu", onnxruntime.OrtAllocatorType.ORT_ARENA_ALLOCATOR, 0, onnxruntime.OrtMemType.DEFAULT
        )
        onnxruntime.create_and_register_allocator(place, None)
        _Arena.is_shared = True


def open_session(
    data: bytes,
    *,
    threads: int | None = None,
    providers: Sequence[str] = (CPU_PROVIDER,),
    optimize: bool = True,
    spinning: Spinning = "always",
    in_floats: bool = False,
) -> onnxruntime.InferenceSession:
    """Open a session on the bytes of an ONNX file.

    Opening the bytes instead of the path has two reasons: the session runs exactly the bytes whose digest was computed,
    and a file from a stranger cannot make ONNX Runtime read other files (ONNX's external data).

    Args:
        data: Content of the ONNX file.
        threads: Number of threads for one run; None for as many as there are cores.
        providers: ONNX Runtime's execution providers, the preferred one first.
        optimize: Whether ONNX Runtime may replace nodes of the graph by faster ones.
        spinning: When threads that wait for work keep a core busy.
        in_floats: Whether 8-bit operators in the QDQ format are computed in float32. This takes up to three times as
            long and gives the same values, but on processors whose 8-bit operators are not exact (AVX2 without VNNI).

    Raises:
        One of `LOAD_ERRORS`: ONNX Runtime cannot load the file.
    """
    options = onnxruntime.SessionOptions()
    options.log_severity_level = _LOG_FATAL_ONLY
    options.intra_op_num_threads = threads or 0
    options.add_session_config_entry("session.intra_op.allow_spinning", str(int(spinning != "never")))
    options.add_session_config_entry("session.force_spinning_stop", str(int(spinning == "in a run")))
    if _Arena.is_shared:
        options.add_session_config_entry("session.use_env_allocators", "1")
    if in_floats:
        options.add_session_config_entry("session.disable_quant_qdq", "1")
    if not optimize:
        options.graph_optimization_level = onnxruntime.GraphOptimizationLevel.ORT_DISABLE_ALL
    options.inter_op_num_threads = 1  # nodes run one after the other; only the work inside a node is shared
    # Another provider to fall back to would be the same one again, after four lines on stdout.
    fallback = int(list(providers) != [CPU_PROVIDER])
    session = onnxruntime.InferenceSession(data, options, providers=list(providers), enable_fallback=fallback)
    _sessions.add(session)
    return session


def has_cuda() -> bool:
    """Return whether the installed ONNX Runtime can run on CUDA."""
    return CUDA_PROVIDER in onnxruntime.get_available_providers()


def is_out_of_memory(error: Exception) -> bool:
    """Return whether an exception says that memory ran out.

    Args:
        error: One of `RUN_ERRORS`.
    """
    return isinstance(error, MemoryError) or any(text in str(error).lower() for text in _OUT_OF_MEMORY_TEXTS)


def shrink_arena_after_run() -> onnxruntime.RunOptions:
    """Return run options that make ONNX Runtime release its memory after the run.

    By default its memory arena keeps the largest amount that any run needed, in blocks that rarely fit the next input.
    """
    options = onnxruntime.RunOptions()
    options.add_run_config_entry("memory.enable_memory_arena_shrinkage", "cpu:0")
    return options
