"""pipelines/sweep.yaml and sweep.sh: build the command of a W&B agent with W&B's own code, and run it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pix2style.config import load_config

ROOT = Path(__file__).parents[2]
SWEEP: dict[str, Any] = yaml.safe_load((ROOT / "pipelines" / "sweep.yaml").read_text())


def values(parameter: dict[str, Any]) -> list[Any]:
    """Return both ends of a range, or all values of a list."""
    if "distribution" in parameter:
        assert parameter["min"] < parameter["max"]
        return [parameter["min"], parameter["max"]]
    return list(parameter.get("values", [])) or [parameter["value"]]


def command(**chosen: Any) -> list[str]:
    utils = pytest.importorskip("wandb.sdk.launch.sweeps.utils")
    built = utils.create_sweep_command(list(SWEEP["command"]))
    arguments = utils.create_sweep_command_args({"args": {key: {"value": value} for key, value in chosen.items()}})
    place = built.index("${args_no_hyphens}")
    return [*built[:place], *arguments["args_no_hyphens"], *built[place + 1 :]]


def test_parameters_are_configuration_keys_and_their_values_are_valid() -> None:
    for end in (0, -1):
        chosen = {key: values(parameter)[end] for key, parameter in SWEEP["parameters"].items()}
        assert command(**chosen)[:3] == ["bash", "pipelines/sweep.sh", "trial"]
        load_config(ROOT / "configs" / "watercolor.yaml", command(**chosen)[3:])


def test_the_command_trains(tmp_path: Path, pair_set: Path, vgg_to_conv3_1: Path) -> None:
    experiment = {
        "name": "tiny",
        "model": {"unet": {"levels": 1}, "discriminator": {"channels": 4, "layers": 1}},
        "losses": {
            "features": {"weights": str(vgg_to_conv3_1)},
            "perceptual": {"layers": {"relu1_1": 1.0}},
        },
        "train": {"batch": 4, "augment": {"crop": 32}, "workers": 0, "device": "cpu", "grid_photos": 1},
    }
    (tmp_path / "tiny.yaml").write_text(yaml.safe_dump(experiment))
    (tmp_path / "pipelines").symlink_to(ROOT / "pipelines")
    chosen = {key: values(parameter)[0] for key, parameter in SWEEP["parameters"].items()}
    keep = {name: value for name, value in os.environ.items() if not name.startswith("WANDB_")}
    settings = {"CONFIG": "tiny.yaml", "PAIRS": str(pair_set), "IMAGES": "8", "WANDB_RUN_ID": "trial1"}
    here = {"HOME": str(tmp_path / "home"), "WANDB_BASE_URL": "http://127.0.0.1:9"}
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    done = subprocess.run(
        command(**chosen),
        capture_output=True,
        text=True,
        check=False,
        cwd=tmp_path,
        env={**keep, **settings, **here, "PATH": path},
    )
    assert done.returncode == 0, done.stderr
    run = tmp_path / "runs" / "sweep" / "trial1"
    trained = json.loads((run / "config.json").read_text())["config"]
    assert trained["train"]["generator"]["lr"] == SWEEP["parameters"]["train.generator.lr"]["min"]
    assert trained["model"]["unet"]["channels"] == SWEEP["parameters"]["model.unet.channels"]["values"][0]
    assert "going on offline" in done.stderr
    # The metric of the sweep is in the summary that W&B gets.
    assert SWEEP["metric"] == {"name": "best_ssim", "goal": "maximize"}
    [written] = run.glob("wandb/offline-run-*-trial1/*.wandb")
    assert b"best_ssim" in written.read_bytes()


def test_sweep_sh_prints_its_usage() -> None:
    done = subprocess.run(["bash", "pipelines/sweep.sh", "help"], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 2
    assert "usage" in done.stderr
