"""Stylizers in other processes: pickled into a worker, or inherited by a forked child."""

from __future__ import annotations

import multiprocessing
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ArtifactError
from pix2style.images import Image8
from pix2style.runtime.onnx_stylizer import OnnxStylizer

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")

# Four threads and a photo that occupies all of them; the alarm ends a child that hangs.
_FORK = """
import os, signal, sys
import numpy as np
{load}
photo = np.random.default_rng(0).integers(0, 255, ({side}, {side}, 3)).astype(np.uint8)
expected = stylizer(photo)
for uses in (True, False):
    child = os.fork()
    if child == 0:
        signal.alarm(60)
        sys.exit(0 if not uses or np.abs(stylizer(photo).astype(int) - expected).max() <= 1 else 3)
    print(os.waitpid(child, 0)[1])
"""


def fork(load: str, side: int = 700) -> list[str]:
    done = subprocess.run(
        [sys.executable, "-c", _FORK.format(load=load, side=side)],
        capture_output=True,
        text=True,
        check=False,
        timeout=200,
        env={**os.environ, "OMP_NUM_THREADS": "4"},
    )
    assert done.stderr == ""
    return done.stdout.split()


def test_forked_children_use_a_filter_and_end(lite_file: Callable[..., Path]) -> None:
    load = f"from pix2style.runtime.onnx_stylizer import OnnxStylizer; stylizer = OnnxStylizer({str(lite_file())!r}"
    assert fork(f"{load}, threads=4)") == ["0", "0"]


def test_forked_children_use_a_network_of_torch_and_end() -> None:
    load = """
from pix2style.nets.forked import compute_in_one_thread_after_fork
from pix2style.nets.lite import Lite
from pix2style.runs.stylizer import stylize_with
import torch
torch.set_num_threads(4)
network = Lite(8, 1).eval()
compute_in_one_thread_after_fork()
def stylizer(photo):
    return stylize_with(network, [photo])[0]
"""
    assert fork(load, side=256) == ["0", "0"]


def test_forked_children_use_the_watercolour_and_end() -> None:
    assert fork("from pix2style import load_stylizer; stylizer = load_stylizer('watercolor')", side=256) == ["0", "0"]


def test_a_worker_opens_the_filter_again(lite_file: Callable[..., Path], monkeypatch: pytest.MonkeyPatch) -> None:
    path = lite_file(styles=3)
    monkeypatch.chdir(path.parent)  # a relative path means the same in a worker with another working directory
    stylizer = OnnxStylizer(path.name, strength=0.5, style="0.2,0.3,0.5", tile=64)
    photos = [np.random.default_rng(seed).integers(0, 255, (90, 70, 3)).astype(np.uint8) for seed in range(2)]
    pickled = pickle.dumps(stylizer)
    assert len(pickled) < 4000  # the path, not the network
    monkeypatch.chdir("/")
    copy = pickle.loads(pickled)
    assert (copy.identity, copy.spec, copy.styles) == (stylizer.identity, stylizer.spec, 3)
    context = multiprocessing.get_context("spawn")
    with ProcessPoolExecutor(1, mp_context=context) as pool:
        outputs: list[Image8] = list(pool.map(stylizer, photos))
    for photo, output in zip(photos, outputs, strict=True):
        assert (output == stylizer(photo)).all()
        assert (output == copy(photo)).all()


def test_a_filter_that_has_changed_is_not_opened_again(
    red_filter: Path, lite_file: Callable[..., Path], tmp_path: Path
) -> None:
    path = Path(shutil.copy(red_filter, tmp_path))
    copy = pickle.loads(pickle.dumps(OnnxStylizer(path)))
    shutil.copy(lite_file(), path)
    photo = np.zeros((8, 8, 3), np.uint8)
    with pytest.raises(ArtifactError, match=r"red-negative\.onnx: was changed after it had been loaded"):
        copy(photo)
    path.unlink()
    with pytest.raises(ArtifactError, match=r"cannot be opened a second time: No such file"):
        copy(photo)


def test_a_function_of_a_file_is_imported_again(tmp_path: Path) -> None:
    from pix2style.teachers.custom.function import FunctionTeacher

    (tmp_path / "mine.py").write_text("def invert(photo):\n    return 255 - photo\n", encoding="utf-8")
    teacher = FunctionTeacher(f"{tmp_path / 'mine.py'}:invert", files=[], licence="CC0-1.0")
    with ProcessPoolExecutor(1, mp_context=multiprocessing.get_context("spawn")) as pool:
        [output] = pool.map(teacher, [np.full((4, 5, 3), 250, np.uint8)])
    assert (output == 5).all()
    assert pickle.loads(pickle.dumps(teacher)).identity == teacher.identity
