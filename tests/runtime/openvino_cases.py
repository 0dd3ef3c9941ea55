"""Filters in OpenVINO: the pixels of ONNX Runtime within one level, whatever is set; what is refused, and how."""

from __future__ import annotations

import os
import pickle
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style import load_stylizer
from pix2style.cli import serve_cli
from pix2style.cli.serve_options import LimitOptions
from pix2style.errors import ConfigError, MissingExtraError
from pix2style.images import Image8
from pix2style.openvino_session import OPENVINO, OpenVinoSession, is_installed
from pix2style.recipes.evaluate import load_stylizers
from pix2style.runtime.devices import available_devices
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.serve.served_filters import ServedFilters
from pix2style.serve.stylizers import Stylizers

Photos = Callable[..., list[Image8]]
LiteFile = Callable[..., Path]
needs_openvino = pytest.mark.skipif(not is_installed(), reason="OpenVINO is not installed")


def check_equal(one: Image8, other: Image8) -> None:
    assert np.abs(one.astype(np.int16) - other).max() <= 1


def in_openvino(path: Path, **settings: object) -> OnnxStylizer:
    stylizer = load_stylizer(path, device="openvino", **settings)  # type: ignore[arg-type]
    assert isinstance(stylizer, OnnxStylizer)
    return stylizer


@needs_openvino
@pytest.mark.parametrize("settings", [{}, {"strength": 0.4, "style": "0.2,0.3,0.5"}, {"tile": 48, "style": 2}])
def test_pixels_are_those_of_onnx_runtime(lite_file: LiteFile, photos: Photos, settings: dict[str, object]) -> None:
    path = lite_file(styles=3)
    expected, stylizer = load_stylizer(path, **settings), in_openvino(path, **settings)  # type: ignore[arg-type]
    for photo in (*photos(1, 70, 101), *photos(1, 130, 90)):
        outputs = [stylizer(photo) for _ in range(3)]  # from the second on it is compiled for this size
        check_equal(outputs[0], expected(photo))
        assert all(np.array_equal(outputs[0], output) for output in outputs)
    assert stylizer.proof == "passed"
    assert (stylizer.tiled > 0) == ("tile" in settings)


@needs_openvino
def test_whole_photos_and_tiles_and_copies_agree(lite_file: LiteFile, photos: Photos) -> None:
    stylizer, [photo] = in_openvino(lite_file(styles=3), threads=1), photos(1, 120, 90)
    check_equal(in_openvino(lite_file(styles=3), tile=32)(photo), stylizer(photo))
    copy = pickle.loads(pickle.dumps(stylizer))
    assert np.array_equal(copy(photo), stylizer(photo))
    assert copy.identity == stylizer.identity
    changed = stylizer.copy_for_clips()
    changed.adjust(strength=0.5, style=(0, 1, 0))
    check_equal(changed(photo), load_stylizer(lite_file(styles=3), strength=0.5, style=1)(photo))


@needs_openvino
def test_batches_and_filters_without_options(red_filter: Path, photos: Photos) -> None:
    batch = np.stack(photos(3, 20, 31))
    assert np.array_equal(in_openvino(red_filter).run(batch), OnnxStylizer(red_filter).run(batch))
    assert "openvino" in available_devices()


@needs_openvino
def test_a_graph_that_cannot_run_in_any_size_runs_in_each(
    red_filter: Path, photos: Photos, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> None:
        raise RuntimeError("Can not clone with new dims")

    monkeypatch.setattr(OpenVinoSession, "_request_for_any_size", refuse)
    stylizer, expected = in_openvino(red_filter), OnnxStylizer(red_filter)
    for side in (20, 30, 40, 20):  # more sizes than are kept
        [photo] = photos(1, side, 31)
        assert np.array_equal(stylizer(photo), expected(photo))


@needs_openvino
def test_eval_and_serve_take_it(lite_file: LiteFile, photos: Photos) -> None:
    filters, [photo] = ServedFilters.from_sources([str(lite_file())]), photos(1, 40, 52)
    served = Stylizers(filters, 1, "openvino").load(filters.default)
    [evaluated] = load_stylizers([str(lite_file())], None, "openvino").values()
    for stylizer in (served, evaluated):
        assert isinstance(stylizer, OnnxStylizer)
        assert stylizer._session.get().get_providers() == [OPENVINO]
        check_equal(stylizer(photo), load_stylizer(lite_file())(photo))


@needs_openvino
def test_8_bit_filters_are_refused() -> None:
    message = r"^--device openvino: .*aquarelle\.onnx is an 8-bit filter, .* leave out"
    with pytest.raises(ConfigError, match=message):
        load_stylizer("aquarelle", device="OpenVINO")
    with pytest.raises(ConfigError, match=message):
        serve_cli._make_pool(["aquarelle"], LimitOptions(), 1, 1, "openvino")


def test_without_the_package(red_filter: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "openvino", None)
    with pytest.raises(MissingExtraError, match=r"^this needs openvino, which is not installed: install the extra"):
        load_stylizer(red_filter, device="openvino")


_FORK = """
import os, sys
import numpy as np
from pix2style import load_stylizer
from pix2style.errors import ConfigError
stylizer, photo = load_stylizer(sys.argv[1], device="openvino"), np.zeros((40, 40, 3), np.uint8)
stylizer(photo)
if os.fork():
    sys.exit(os.waitstatus_to_exitcode(os.wait()[1]))
try:
    stylizer(photo)
except ConfigError as error:
    print(error)
"""


@needs_openvino
@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_forked_processes_are_refused_instead_of_waiting_for_ever(red_filter: Path) -> None:
    command = [sys.executable, "-c", _FORK, red_filter]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=60)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.startswith("--device openvino: cannot be used in a process that was forked")
