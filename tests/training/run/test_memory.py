"""Running out of memory: the error message names the settings to lower."""

from __future__ import annotations

import errno
import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
import torch

from pix2style.config import Config
from pix2style.errors import DataError, ImageError, TrainingError
from pix2style.training.run.memory import (
    available_bytes,
    explain_out_of_memory,
    is_out_of_memory,
    memory_saving_settings,
)

# All modules are loaded before the limit is set, so that the training runs into it and not the imports.
_LIMITED_PROGRAM = """
import resource, sys
import albumentations, kornia, torch, torchvision
import pix2style.training.run.train, pix2style.training.run.dry_run
from pix2style.cli import main
torch.nn.functional.conv2d(torch.zeros(1, 3, 64, 64), torch.zeros(8, 3, 3, 3))
pages = int(open("/proc/self/statm").read().split()[0])
limit = pages * resource.getpagesize() + int(sys.argv[1]) * 2**20
resource.setrlimit(resource.RLIMIT_AS, (limit, limit))
sys.argv = ["pix2style", *sys.argv[2:]]
main()
"""


def run_limited(megabytes: int, *arguments: str) -> subprocess.CompletedProcess[str]:
    """Run pix2style with a limit on the memory that it may allocate beyond what its imports take."""
    command = [sys.executable, "-c", _LIMITED_PROGRAM, str(megabytes), *arguments]
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=250)


@pytest.mark.skipif(sys.platform != "linux", reason="needs /proc and RLIMIT_AS")
@pytest.mark.parametrize("dry_run", [False, True])
def test_a_process_that_runs_out_of_memory_names_the_settings_to_lower(
    tmp_path: Path, pair_set: Path, dry_run: bool
) -> None:
    options = ["model.generator=unet", "model.unet={channels: 256, levels: 2}", "losses.perceptual.weight=0"]
    options += ["train={images: 64, batch: 64, workers: 0, device: cpu, decoded_cache_gb: 0, augment: {crop: 48}}"]
    options += ["--pairs", str(pair_set), "--out", str(tmp_path / "run"), *(["--dry-run"] if dry_run else [])]
    completed = run_limited(600, "train", *options)
    assert completed.returncode == 6, completed.stderr
    assert completed.stdout == ""
    assert "Traceback" not in completed.stderr
    last = completed.stderr.strip().splitlines()[-1]
    assert "out of memory" in last
    order = ["train.batch (64", "train.accumulate", "train.augment.crop (48)", "model.unet.channels (256)"]
    places = [last.index(words) for words in order]
    assert places == sorted(places)
    assert not list(tmp_path.rglob("*.partial"))
    assert not (tmp_path / "run" / "cache").exists()


def test_a_small_network_trains_within_the_limit(tmp_path: Path, pair_set: Path) -> None:
    """This shows that in the test above the limit is not too low for any training."""
    options = ["model.generator=unet", "model.unet={channels: 8, levels: 2}", "losses.perceptual.weight=0"]
    options += ["train={images: 8, batch: 2, workers: 0, device: cpu, decoded_cache_gb: 0, augment: {crop: 48}}"]
    completed = run_limited(600, "train", *options, "--pairs", str(pair_set), "--out", str(tmp_path / "run"), "--json")
    assert completed.returncode == 0, completed.stderr
    assert json.loads(completed.stdout)["step"] == 4


def _raised_from(error: Exception, cause: Exception) -> Exception:
    error.__cause__ = cause
    return error


def test_other_errors_are_not_changed(experiment: Callable[..., Config]) -> None:
    missing = _raised_from(DataError("01.png: cannot be read"), FileNotFoundError())
    for error in (RuntimeError("shapes do not fit"), OSError(errno.ENOSPC, "disk full"), missing, DataError("damaged")):
        with pytest.raises(type(error)) as caught, explain_out_of_memory(experiment()):
            raise error
        assert caught.value is error
    with pytest.raises(KeyboardInterrupt), explain_out_of_memory(experiment()):
        raise KeyboardInterrupt


@pytest.mark.parametrize(
    "error",
    [
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 2.00 GiB. GPU 0 has ...\nand much more"),
        RuntimeError("CUDA error: CUBLAS_STATUS_ALLOC_FAILED when calling `cublasCreate(handle)`"),
        RuntimeError("std::bad_alloc"),
        RuntimeError("could not create a primitive"),
        MemoryError(),
        OSError(errno.ENOMEM, "Cannot allocate memory"),
        _raised_from(
            DataError("01.png: cannot be read"), _raised_from(ImageError("01.png", "too large"), MemoryError())
        ),
    ],
)
def test_out_of_memory_errors_are_recognised(experiment: Callable[..., Config], error: Exception) -> None:
    assert is_out_of_memory(error)
    with pytest.raises(TrainingError, match="out of memory") as caught, explain_out_of_memory(experiment()):
        raise error
    assert "\n" not in str(caught.value)
    assert caught.value.__cause__ is error


def test_the_named_settings_are_those_of_the_experiment(experiment: Callable[..., Config]) -> None:
    gpu = torch.OutOfMemoryError("CUDA out of memory")
    settings = memory_saving_settings(experiment("train.batch=8", "train.accumulate=2"), gpu)
    assert [setting.split(" ")[0] for setting in settings] == [
        "train.batch",
        "train.augment.crop",
        "train.pairs_on_device_gb",
        "model.lite.channels",
        "model.discriminator.channels",
    ]
    # A micro-batch of one pair cannot become smaller, and without adversarial loss there is no discriminator.
    smallest = experiment(
        "train.batch=4", "train.accumulate=4", "losses.adversarial.weight=0", "model.generator=unet-2017"
    )
    assert memory_saving_settings(smallest) == ["train.augment.crop (32)", "model.unet_2017.channels (4)"]


@pytest.mark.skipif(sys.platform != "linux", reason="read from /proc")
def test_available_memory_is_plausible() -> None:
    available = available_bytes(torch.device("cpu"))
    assert available is not None
    assert 10**8 < available < 10**14
