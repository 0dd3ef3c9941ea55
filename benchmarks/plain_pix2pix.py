"""The baseline of benchmarks/train_step.py: pix2pix as pytorch-CycleGAN-and-pix2pix trains it, written anew.

It is eager and in fp32, opens PNG files in one loader process, uses torch.optim.Adam with its defaults, and freezes the
discriminator in the generator's step, as
https://github.com/junyanz/pytorch-CycleGAN-and-pix2pix/blob/master/models/pix2pix_model.py and data/aligned_dataset.py
there do. The networks are those of pix2style, which have the same layers.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from pathlib import Path

import torch
from PIL import Image
from torch import Tensor, nn
from torch.utils.data import DataLoader, Dataset
from torchvision.transforms import InterpolationMode
from torchvision.transforms import functional as tv

from pix2style.config import Config
from pix2style.nets.features import FeatureNetwork
from pix2style.runs.networks import build_discriminator, build_generator

_LOAD_SIDE_PX, _CROP_PX = 286, 256
_L1_WEIGHT = 100.0


class PlainPix2Pix:
    """Generator, discriminator, and their optimisers.

    Args:
        config: Configuration of the networks, with the seed.
        device: Device of the networks.
        features: Feature network of the perceptual loss; None leaves the loss out.
        layers: Weights of its layers.
        weight: Weight of the perceptual loss.
    """

    def __init__(
        self,
        config: Config,
        device: torch.device,
        features: FeatureNetwork | None = None,
        layers: dict[str, float] | None = None,
        weight: float = 0.0,
    ) -> None:
        torch.manual_seed(config.seed)
        self.generator = build_generator(config.model).to(device).train()
        self.discriminator = build_discriminator(config.model).to(device).train()
        self._features, self._layers, self._weight = features, layers or {}, weight
        self._generator_adam = torch.optim.Adam(self.generator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self._discriminator_adam = torch.optim.Adam(self.discriminator.parameters(), lr=2e-4, betas=(0.5, 0.999))
        self._bce, self._l1 = nn.BCEWithLogitsLoss(), nn.L1Loss()

    def step(self, content: Tensor, target: Tensor) -> tuple[Tensor, Tensor]:
        """Train on a batch; return the losses of discriminator and generator."""
        output = self.generator(content)
        self._freeze(False)
        self._discriminator_adam.zero_grad()
        fake = self._judge(content, output.detach())
        real = self._judge(content, target)
        d_loss = (self._bce(fake, torch.zeros_like(fake)) + self._bce(real, torch.ones_like(real))) * 0.5
        d_loss.backward()
        self._discriminator_adam.step()
        self._freeze(True)
        self._generator_adam.zero_grad()
        fake = self._judge(content, output)
        g_loss = self._bce(fake, torch.ones_like(fake)) + _L1_WEIGHT * self._l1(output, target)
        if self._features is not None:
            output_features, target_features = self._features(output), self._features(target)
            terms = [
                weight * self._l1(output_features[name], target_features[name].detach())
                for name, weight in self._layers.items()
            ]
            g_loss = g_loss + self._weight * torch.stack(terms).sum()
        g_loss.backward()
        self._generator_adam.step()
        return d_loss.detach(), g_loss.detach()

    def _judge(self, content: Tensor, picture: Tensor) -> Tensor:
        logits: Tensor = self.discriminator(content, picture)[-1][-1]
        return logits

    def _freeze(self, frozen: bool) -> None:
        for parameter in self.discriminator.parameters():
            parameter.requires_grad = not frozen


class AlignedPngs(Dataset[tuple[Tensor, Tensor]]):
    """Photos and targets side by side in PNG files: opened, resized to 286, cropped to 256, mirrored, normalised."""

    def __init__(self, files: list[Path]) -> None:
        self._files = files

    def __len__(self) -> int:
        return len(self._files)

    def __getitem__(self, index: int) -> tuple[Tensor, Tensor]:
        with Image.open(self._files[index]) as image:
            both = image.convert("RGB")
        half = both.width // 2
        top, left = (random.randint(0, _LOAD_SIDE_PX - _CROP_PX) for _ in range(2))  # noqa: S311 (crops)
        flip = random.random() > 0.5  # noqa: S311
        content, target = (_transformed(both.crop((x, 0, x + half, both.height)), top, left, flip) for x in (0, half))
        return content, target


def plain_loader(files: list[Path], batch: int) -> Iterator[tuple[Tensor, Tensor]]:
    """Yield batches without end, from one loader process."""
    loader: DataLoader[tuple[Tensor, Tensor]] = DataLoader(
        AlignedPngs(files), batch_size=batch, shuffle=True, num_workers=1, drop_last=True, persistent_workers=True
    )
    while True:
        yield from loader


def _transformed(picture: Image.Image, top: int, left: int, flip: bool) -> Tensor:
    picture = tv.resize(picture, [_LOAD_SIDE_PX, _LOAD_SIDE_PX], InterpolationMode.BICUBIC)
    picture = tv.crop(picture, top, left, _CROP_PX, _CROP_PX)
    if flip:
        picture = tv.hflip(picture)
    return tv.normalize(tv.to_tensor(picture), [0.5] * 3, [0.5] * 3)
