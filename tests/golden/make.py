"""Golden losses: the losses of 20 training steps of each tiny experiment, on one thread of a CPU.

A change that is not meant to change the mathematics must not change them. After one that is, write the file again and
check the differences: `python tests/golden/make.py && git diff tests/golden/losses.json`.
"""

from __future__ import annotations

import json
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import torch

from pix2style.config import Config, load_config, parse_config
from pix2style.images import Image8, Picture, to_batch, write_picture
from pix2style.nets.autoencoder import Autoencoder, save_autoencoder
from pix2style.runs.folder import CheckpointMeta
from pix2style.training.batch import PairBatch
from pix2style.training.run.checkpoints.checkpoint import gather_random_states, save_checkpoint
from pix2style.training.run.prepare import create_run
from pix2style.training.step.build import build_state
from pix2style.training.step.train_step import train_step

FILE = Path(__file__).with_name("losses.json")
_CONFIGS = Path(__file__).parents[2] / "configs"
_STEPS, _BATCH, _CROP_PX, _STYLES = 20, 2, 64, 4
_DIGITS = 7
# Shares of patches are left out: a patch at the threshold changes them by far more than rounding.
_COUNTS = ("real_share_right", "fake_share_right")

# Small networks, without dropout, whose random numbers depend on the processor, and without coarse rounding (bf16).
_SMALL = (
    f"train.augment.crop={_CROP_PX}",
    "train.augment.resize=null",
    f"train.batch={_BATCH}",
    f"train.images={_STEPS * _BATCH}",
    "train.device=cpu",
    "train.precision=fp32",
    "train.compile=false",
    "train.minutes=null",
    "model.start_from=null",
    "model.unet.channels=8",
    "model.unet.levels=2",
    "model.unet_2017={channels: 4, downsamplings: 5, dropout: false}",
    "model.resnet.channels=4",
    "model.resnet.blocks=1",
    "model.lite.channels=8",
    "model.lite.blocks=1",
    "model.lite.scale=2",
    "model.discriminator.channels=4",
)
_LATE_ADVERSARIAL = ("losses.adversarial.start_images=10", "losses.adversarial.ramp_images=20")  # of 40 images
_PERCEPTUAL = "losses.perceptual.layers={enc1: 0.25, enc2: 0.5, enc3: 1}"
_STYLE = "losses.style.layers={enc1: 1, enc2: 1, enc3: 1}"
_CONTENT = "losses.content.layers={enc2: 1}"
# At the learning rates of these configurations, normalisation over few values and adversarial training are chaotic:
# within 10 steps they would amplify the rounding of another processor into visible differences.
_SLOWER = ("train.generator.lr=2e-5", "train.discriminator.lr=2e-5")
_EVERYTHING = (
    "losses.charbonnier=5",
    "losses.ms_ssim=5",
    "losses.color=5",
    "losses.total_variation=0.1",
    "losses.feature_matching=5",
    "losses.adversarial={weight: 1, kind: relativistic, r1: 0.1, r2: 0.1}",
    "losses.style.weight=100",
    "losses.style.to=painting",
    "losses.content.weight=1",
    "losses.balance.style_to_content=0.5",
    "model.discriminator.kind=multiscale",
    "train.augment.discriminator=[color, translation, cutout]",
)
# name -> configuration file, and the changes to it besides `_SMALL`
_EXPERIMENTS: dict[str, tuple[str, tuple[str, ...]]] = {
    "pix2pix-2017": ("pix2pix-2017", _SLOWER),
    "watercolor": ("watercolor", (*_LATE_ADVERSARIAL, _PERCEPTUAL, _STYLE)),
    "watercolor-and-painting": (
        "watercolor",
        (*_LATE_ADVERSARIAL, _PERCEPTUAL, _STYLE, "losses.style.painting_weight=1"),
    ),
    "johnson": ("johnson", (*_SLOWER, _CONTENT, _STYLE)),
    "multi-style": ("multi-style", (*_LATE_ADVERSARIAL, _PERCEPTUAL, _STYLE)),
    "finetune": ("finetune", (_PERCEPTUAL, _STYLE, *_SLOWER)),
    "finetune-without-norm": ("finetune", (_PERCEPTUAL, _STYLE, "model.lite.norm=none")),
    # Muon updates convolutions between at least 16 channels.
    "finetune-16-channels": (
        "finetune",
        (_PERCEPTUAL, _STYLE, "model.lite.norm=none", "model.lite.channels=16"),
    ),
    "distill": ("distill", (_STYLE, *_SLOWER)),
    "video": ("video", (_STYLE, "losses.consistency.flow_px=1", *_SLOWER)),
    "everything": ("real-input-cpu", (*_EVERYTHING, *_SLOWER, _PERCEPTUAL, _STYLE, _CONTENT)),
}
NAMES = tuple(_EXPERIMENTS)


def losses_of(experiment: str, folder: Path) -> dict[str, list[float | None]]:
    """Train one experiment and return its losses.

    Args:
        experiment: One of `NAMES`.
        folder: Folder to write the painting, the feature network and the teacher run to.

    Returns:
        Name in metrics.jsonl ("generator/l1", ...) -> value at each step, in 7 digits; None in steps in which it was
        not computed.
    """
    with _one_thread(), torch.random.fork_rng(devices=[]):
        config = tiny_experiment(experiment, folder)
        state = build_state(config)
        steps: list[dict[str, float]] = []
        for step in range(_STEPS):
            report = train_step(state, [tiny_batch(step, config)], config.train)
            metrics = {f"generator/{name}": value for name, value in report.generator_losses.metrics().items()}
            if report.discriminator_losses is not None:
                for name, value in report.discriminator_losses.metrics().items():
                    if name not in _COUNTS:
                        metrics[f"discriminator/{name}"] = value
            steps.append({name: float(f"{float(value):.{_DIGITS}g}") for name, value in metrics.items()})
    names = dict.fromkeys(name for step in steps for name in step)
    return {name: [step.get(name) for step in steps] for name in names}


def tiny_experiment(name: str, folder: Path, *overrides: str) -> Config:
    """Return the configuration of an experiment of `NAMES`, with further overrides; see `losses_of`."""
    painting, features = folder / "painting.png", folder / "features.safetensors"
    write_picture(painting, Picture(_photo(1_000)))
    torch.manual_seed(0)
    save_autoencoder(features, Autoencoder((4, 6, 8, 10)))
    file, changes = _EXPERIMENTS[name]
    paths = [f"losses.features={{network: autoencoder, weights: '{features}'}}"]
    if name in ("watercolor-and-painting", "johnson", "everything"):
        paths.append(f"pairs.style='{painting}'")
    if name == "distill":
        paths.append(f"distill.teacher_run='{_teacher_run(folder / 'teacher')}'")
    return load_config(_CONFIGS / f"{file}.yaml", [*_SMALL, *changes, *paths, *overrides])


def _teacher_run(run: Path) -> Path:
    """Write a run whose generator is an untrained U-Net."""
    config = parse_config({}, overrides=[*_SMALL, "losses.perceptual.weight=0", "losses.adversarial.weight=0"])
    state = build_state(config)
    meta = CheckpointMeta(0, 0, pairs_sha256="0" * 64, teacher="golden", teacher_sha256="0" * 64, style_sha256=())
    create_run(run, config)
    save_checkpoint(run, state, meta, gather_random_states(state), config.train)
    return run


def tiny_batch(step: int, config: Config) -> PairBatch:
    """Make a batch of synthetic photos with brown-toned targets, darker for each further style."""
    rows = range(_BATCH * step, _BATCH * (step + 1))
    content = torch.from_numpy(to_batch([_photo(row) for row in rows]))
    if config.train.unpaired:
        return PairBatch(content, None, None)
    styles = torch.tensor([row % config.model.styles for row in rows])
    tones = torch.tensor([1.0, 0.8, 0.5])[:, None, None] * (1 - 0.15 * styles)[:, None, None, None]
    target = content.mean(dim=1, keepdim=True).add(1).mul(tones).sub(1)
    several = config.model.styles > 1
    style = torch.nn.functional.one_hot(styles, _STYLES).float() if several else None
    return PairBatch(content, target, style, position=rows.start)


def _photo(seed: int) -> Image8:
    rng = np.random.default_rng(seed)
    y, x = np.mgrid[0:_CROP_PX, 0:_CROP_PX] / _CROP_PX
    waves = np.stack([np.sin(9 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))], axis=-1)
    photo = 0.5 + 0.3 * waves
    top, left = rng.integers(0, _CROP_PX // 2, 2)
    photo[top : top + _CROP_PX // 3, left : left + _CROP_PX // 2] = rng.uniform(0, 1, 3)
    return np.clip(photo * 255, 0, 255).astype(np.uint8)


@contextmanager
def _one_thread() -> Iterator[None]:
    """Use one thread, because the number of threads changes the order of additions and so the last digits."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    try:
        yield
    finally:
        torch.set_num_threads(before)


def main() -> None:
    """Write the golden losses of all experiments."""
    with tempfile.TemporaryDirectory() as folder:
        found = {name: losses_of(name, Path(folder)) for name in NAMES}
    FILE.write_text(json.dumps({"steps": _STEPS, "losses": found}, indent=1) + "\n", encoding="utf-8")
    print(f"{FILE}: {len(found)} objectives")


if __name__ == "__main__":
    main()
