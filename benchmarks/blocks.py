"""Compare small variants of `unet` and `lite`, each trained for a few steps on pairs of the built-in watercolour.

python benchmarks/blocks.py --content PHOTOS [--photos 72] [--steps 200] [--seeds 2]

Writes benchmarks/results/blocks.md. Networks are small and runs short, so the table shows which variant learns fastest
at first, not which one is best in the end.
"""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch
from torch import Tensor, nn

from pix2style.images import Image8, crop_to_square, read_picture, to_batch
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.unet import Unet
from pix2style.teachers.watercolor import WatercolorTeacher

_SIZE_PX = 160
_CROP_PX = 96
_BATCH = 2
_HELD_OUT_SHARE = 0.25


def plain_lite(*, fresh: bool) -> Generator:
    """Build a Lite of plain convolutions, initialised as in torch or as the merged branches of RepConv."""
    lite = Lite(channels=24).folded().train()
    for layer in lite.body:
        if fresh and isinstance(layer, nn.Conv2d):
            layer.reset_parameters()
    return lite


@dataclass(frozen=True)
class Variant:
    """A network to compare, with the learning rate of Adam for its kind."""

    name: str
    build: Callable[[], Generator]
    lr: float


VARIANTS = (
    Variant("unet, no normalisation", lambda: Unet(12, 3), 1e-3),
    Variant("unet, GroupNorm", lambda: Unet(12, 3, norm="group"), 1e-3),
    Variant("lite, re-parametrised blocks", lambda: Lite(channels=24), 5e-4),
    Variant("lite, plain blocks that start at the merged kernels", lambda: plain_lite(fresh=False), 5e-4),
    Variant("lite, plain blocks with torch's start", lambda: plain_lite(fresh=True), 5e-4),
)


@dataclass(frozen=True)
class Pairs:
    """Photos and their targets: uint8 [height, width, 3]."""

    photos: list[Image8]
    targets: list[Image8]

    def crops(self, random: np.random.Generator) -> tuple[Tensor, Tensor]:
        """Return a batch of random crops: [batch, 3, crop, crop] in [-1, 1]."""
        batch: list[tuple[Image8, Image8]] = []
        for _ in range(_BATCH):
            index = random.integers(len(self.photos))
            top, left = random.integers(0, _SIZE_PX - _CROP_PX + 1, 2)
            cut = np.s_[top : top + _CROP_PX, left : left + _CROP_PX]
            batch.append((self.photos[index][cut], self.targets[index][cut]))
        photos, targets = zip(*batch, strict=True)
        return _tensor(list(photos)), _tensor(list(targets))


def main() -> None:
    """Train all variants, print the table, and write it into benchmarks/results."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--content", type=Path, required=True)
    parser.add_argument("--photos", type=int, default=72)
    parser.add_argument("--steps", type=int, default=200)
    parser.add_argument("--seeds", type=int, default=2)
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "results" / "blocks.md")
    options = parser.parse_args()
    learned, held_out = _pairs(options.content, options.photos)
    photo = _tensor(held_out.photos)
    untouched = float((photo - _tensor(held_out.targets)).abs().mean())
    intro = (
        f"L1 to the watercolour, in [-1, 1], on {len(held_out.photos)} photos not learned from; the photo itself has"
        f" {untouched:.4f}. {options.steps} steps of {_BATCH} crops of {_CROP_PX} px from {len(learned.photos)} photos,"
        " L1 and Adam, one column for each seed of weights and crops."
    )
    lines = [
        intro,
        "",
        f"| variant | Adam's step | {' | '.join(f'seed {seed}' for seed in range(options.seeds))} | ms a step |",
        "|---|---|" + "---|" * (options.seeds + 1),
    ]
    for variant in VARIANTS:
        runs = [_train(variant, learned, held_out, options.steps, seed) for seed in range(options.seeds)]
        figures = " | ".join(f"{l1:.4f}" for l1, _ in runs)
        lines.append(f"| {variant.name} | {variant.lr:g} | {figures} | {min(ms for _, ms in runs):.0f} |")
        print(lines[-1], flush=True)
    command = f"`python benchmarks/blocks.py --content PHOTOS --photos {options.photos} --steps {options.steps}`"
    text = "\n".join(["# Blocks of unet and lite", "", command, "", *lines])
    print(text)
    options.out.write_text(text + "\n", encoding="utf-8")


def _pairs(content: Path, count: int) -> tuple[Pairs, Pairs]:
    files = sorted(path for path in content.rglob("*") if path.suffix.lower() in (".jpg", ".jpeg", ".png"))[:count]
    held_out = round(len(files) * _HELD_OUT_SHARE)
    if held_out < 1:
        raise SystemExit(f"{content}: has {len(files)} photos (.jpg, .png): name a folder with more")
    photos = [crop_to_square(read_picture(file, to_srgb=True).on_white(), _SIZE_PX) for file in files]
    targets = WatercolorTeacher().stylize(photos)
    return Pairs(photos[held_out:], targets[held_out:]), Pairs(photos[:held_out], targets[:held_out])


def _train(variant: Variant, learned: Pairs, held_out: Pairs, steps: int, seed: int) -> tuple[float, float]:
    """Train a variant; return its L1 on held-out photos and the milliseconds per step."""
    torch.manual_seed(seed)
    random = np.random.default_rng(seed)
    generator = variant.build().to(memory_format=torch.channels_last)
    adam = torch.optim.Adam(generator.parameters(), variant.lr, fused=True)
    begun = time.perf_counter()
    for _ in range(steps):
        photo, target = learned.crops(random)
        adam.zero_grad()
        (generator(photo) - target).abs().mean().backward()
        adam.step()
    ms = 1000 * (time.perf_counter() - begun) / steps
    generator.eval()
    with torch.inference_mode():
        differences = [
            (generator(_tensor([photo])) - _tensor([target])).abs().mean()
            for photo, target in zip(held_out.photos, held_out.targets, strict=True)
        ]
    return float(torch.stack(differences).mean()), ms


def _tensor(pictures: list[Image8]) -> Tensor:
    return torch.from_numpy(to_batch(pictures)).contiguous(memory_format=torch.channels_last)


if __name__ == "__main__":
    main()
