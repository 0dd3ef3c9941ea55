"""Run a filter in OpenVINO, with the methods of an ONNX Runtime session that filters use.

OpenVINO computes float32 filters faster than ONNX Runtime does, once it has compiled them for the size of the photos
(benchmarks/peers.py). It is told to compute in float32: by default it computes in bf16 where the processor supports
that, and pixels are up to 77 levels off.
"""

from __future__ import annotations

import contextlib
import ctypes
import importlib.util
import os
import sys
import threading
import weakref
from collections import OrderedDict
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pix2style.errors import ConfigError, require

OPENVINO = "OpenVINO"
"""Name that stands for OpenVINO among the names of ONNX Runtime's execution providers."""
_PACKAGE, _TELEMETRY = "openvino", "openvino_telemetry"
# Two sizes, because folders hold photos of both orientations. Each compiled filter keeps its memory.
_MOST_SIZES = 2
_Arrays = Mapping[str, NDArray[Any]]
_Key = tuple[tuple[str, tuple[int, ...]], ...]


_sessions: weakref.WeakSet[OpenVinoSession] = weakref.WeakSet()


def _keep_sessions_for_ever() -> None:
    """Never free the sessions that a forked process inherits: freeing waits for threads, which it does not have."""
    for session in list(_sessions):
        ctypes.pythonapi.Py_IncRef(ctypes.py_object(session))


if hasattr(os, "register_at_fork"):  # Windows does not fork
    os.register_at_fork(after_in_child=_keep_sessions_for_ever)


class OpenVinoSession:
    """A filter in OpenVINO.

    The filter is compiled for any size first, and for a fixed size as soon as two runs in a row have that size: this
    takes 0.1 to 0.3 s, and gives the same bytes in less time. Several threads may call `run`; they take turns.

    Args:
        data: Content of the ONNX file.
        threads: Number of threads for one run.
        described: Session of ONNX Runtime on the same file, for its inputs, outputs and metadata.

    Raises:
        ConfigError: This process was forked from one that had used OpenVINO.
        MissingExtraError: OpenVINO is not installed.
        RuntimeError: OpenVINO cannot load the file.
    """

    def __init__(self, data: bytes, *, threads: int, described: Any) -> None:
        self._openvino = import_openvino()
        _check_is_not_forked()
        self._described = described
        self._core, self._data = self._openvino.Core(), data
        self._settings = {
            "INFERENCE_PRECISION_HINT": "f32",
            "PERFORMANCE_HINT": "LATENCY",
            "INFERENCE_NUM_THREADS": threads,
            "ENABLE_CPU_PINNING": False,  # else several processes would take the same cores
        }
        self._any_size: dict[tuple[str, ...], Any] = {}
        self._fixed: OrderedDict[_Key, Any] = OrderedDict()
        self._last: _Key | None = None
        self._lock = threading.Lock()
        self._core.read_model(data)
        _sessions.add(self)

    def get_inputs(self) -> Any:
        """Return the required inputs, as ONNX Runtime describes them."""
        return self._described.get_inputs()

    def get_outputs(self) -> Any:
        """Return the outputs, as ONNX Runtime describes them."""
        return self._described.get_outputs()

    def get_overridable_initializers(self) -> Any:
        """Return the inputs with a default, as ONNX Runtime describes them."""
        return self._described.get_overridable_initializers()

    def get_modelmeta(self) -> Any:
        """Return the metadata, as ONNX Runtime describes them."""
        return self._described.get_modelmeta()

    def get_providers(self) -> list[str]:
        """Return the name that stands for OpenVINO."""
        return [OPENVINO]

    def run(self, names: Sequence[str], inputs: _Arrays, options: object = None) -> list[NDArray[Any]]:
        """Run the filter.

        Args:
            names: Names of the outputs.
            inputs: Values of inputs, by name. Those with a default may be left out.
            options: Run options of ONNX Runtime; not None means that memory is released afterwards.

        Raises:
            RuntimeError: OpenVINO cannot run it on these inputs.
        """
        with self._lock:
            request = self._infer(inputs)
            outputs = [np.array(request.get_tensor(name).data) for name in names]
            if options is not None:
                request.get_compiled_model().release_memory()
        return outputs

    def _infer(self, inputs: _Arrays) -> Any:
        """Run the filter, and return the request that holds the outputs."""
        key = tuple((name, array.shape) for name, array in inputs.items())
        is_repeated, self._last = key == self._last, key
        if not is_repeated and key not in self._fixed:
            # OpenVINO cannot run all graphs in any size: of the U-Net of 2017 it takes wrong bounds for the padding.
            with contextlib.suppress(RuntimeError):
                return _run(self._request_for_any_size(tuple(inputs)), inputs)
        return _run(self._request_for_size(key), inputs)

    def _request_for_any_size(self, names: tuple[str, ...]) -> Any:
        if names not in self._any_size:
            self._any_size[names] = self._compile(dict.fromkeys(names))
        return self._any_size[names]

    def _request_for_size(self, key: _Key) -> Any:
        if key not in self._fixed:
            for request in self._any_size.values():
                request.get_compiled_model().release_memory()
            self._fixed[key] = self._compile({name: list(shape) for name, shape in key})
        self._fixed.move_to_end(key)
        while len(self._fixed) > _MOST_SIZES:
            self._fixed.popitem(last=False)
        return self._fixed[key]

    def _compile(self, shapes: Mapping[str, list[int] | None]) -> Any:
        """Compile the filter.

        Args:
            shapes: Shape of each input that will be given, by name; None for the one in the file.
        """
        model = self._core.read_model(self._data)
        self._make_inputs(model, shapes)
        fixed = {name: shape for name, shape in shapes.items() if shape is not None}
        if fixed:
            model.reshape(fixed)
        return self._core.compile_model(model, "CPU", self._settings).create_infer_request()

    def _make_inputs(self, model: Any, names: Mapping[str, object]) -> None:
        """Turn constants into inputs: OpenVINO takes inputs with a default for constants."""
        missing = set(names) - {entry.any_name for entry in model.inputs}
        if not missing:
            return
        shapes = {node.name: node.shape for node in self.get_overridable_initializers()}
        constants = [node for node in model.get_ops() if node.get_friendly_name() in missing]
        for constant in constants:
            name, kind = constant.get_friendly_name(), constant.output(0).get_element_type()
            shape = [size if isinstance(size, int) else -1 for size in shapes[name]]
            parameter = self._openvino.opset13.parameter(shape, kind, name)
            parameter.output(0).get_tensor().set_names({name})
            constant.output(0).replace(parameter.output(0))
            model.add_parameters([parameter])
        model.validate_nodes_and_infer_types()


def _run(request: Any, inputs: _Arrays) -> Any:
    request.infer(dict(inputs), share_inputs=True, share_outputs=True)
    return request


def is_installed() -> bool:
    """Return whether OpenVINO is installed."""
    try:
        return importlib.util.find_spec(_PACKAGE) is not None
    except (ImportError, ValueError):  # another module has put None or a stub into sys.modules
        return False


def import_openvino() -> Any:
    """Import OpenVINO without its telemetry.

    Raises:
        MissingExtraError: It is not installed.
    """
    with _without_telemetry():
        [openvino] = require("openvino", _PACKAGE)
    return openvino


class _FirstUse:
    """The process that used OpenVINO first, of this one and those from which it was forked.

    Attributes:
        process: Its id; None if there is none.
    """

    process: int | None = None


def _check_is_not_forked() -> None:
    """Refuse to wait for OpenVINO's threads for ever, which a forked process does not have.

    Raises:
        ConfigError: This process was forked from one that had used OpenVINO.
    """
    _FirstUse.process = _FirstUse.process or os.getpid()
    if _FirstUse.process != os.getpid():
        raise ConfigError(
            "--device openvino: cannot be used in a process that was forked from one that has used it: start processes"
            " by spawn instead (multiprocessing.set_start_method), or leave out --device"
        )


@contextlib.contextmanager
def _without_telemetry() -> Iterator[None]:
    """Make the package with which OpenVINO reports every import to Google Analytics, without asking, look missing.

    OpenVINO 2026.4 has no variable for it, but takes a stub if the package is missing.
    """
    if _TELEMETRY in sys.modules:
        yield
        return
    sys.modules[_TELEMETRY] = None  # type: ignore[assignment]
    try:
        yield
    finally:
        del sys.modules[_TELEMETRY]
