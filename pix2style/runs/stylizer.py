"""A run's generator as a `Stylizer`: what the validation grid, eval and `load_stylizer("runs/x")` all use."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from pix2style.files import sha256_file
from pix2style.images import Image8, from_batch, to_batch
from pix2style.nets.generator import Generator
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.runs.styles import select_style
from pix2style.style_choice import StyleChoice, format_style
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity


class RunStylizer(Stylizer):
    """The averaged weights of a run's checkpoint, as they would ship.

    Args:
        path: the run folder.
        checkpoint: `latest`, `best` or a checkpoint's name.
        device: of torch.
        style: of a run that holds several: an id from 0 on, or a weight for each.

    Raises:
        ArtifactError: the run cannot be used.
        ConfigError: a style is not given, not wanted, or not there.
    """

    def __init__(
        self, path: Path, *, checkpoint: str = "latest", device: str = "cpu", style: StyleChoice | None = None
    ) -> None:
        run = RunFolder(path)
        generator, meta = select_style(*load_generator(run, checkpoint=checkpoint), style, run=path)
        self._generator = generator.folded().to(device)
        folder = run.checkpoint(checkpoint)
        file = folder / EMA_FILE if (folder / EMA_FILE).is_file() else folder / GENERATOR_FILE
        self.parameters = sum(p.numel() for p in self._generator.parameters())
        self.bytes = file.stat().st_size
        settings: dict[str, Setting] = {"step": meta.step, "generator": run.config.model.generator}
        if style is not None:
            settings["style"] = format_style(style)
        self._identity = StylizerIdentity(
            name=run.name if style is None else f"{run.name}@{format_style(style)}",
            sha256=sha256_file(file),
            style_sha256=meta.style_sha256,
            licence=run.config.export.licence,
            settings=settings,
        )

    @property
    def identity(self) -> StylizerIdentity:
        """Name of the run (and of its style), digest of the weights' file."""
        return self._identity

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`."""
        return stylize_with(self._generator, images)


@torch.inference_mode()
def stylize_with(generator: Generator, images: Sequence[Image8]) -> list[Image8]:
    """Run a generator in evaluation mode over pictures of any sizes, in float32, one at a time.

    Raises:
        ValueError: the generator is in training mode, where dropout and batch statistics would change the result.
    """
    if generator.training:
        raise ValueError("the generator is in training mode: call .eval() first")
    device = next(generator.parameters()).device
    outputs = []
    for image in images:
        output = generator(torch.from_numpy(to_batch([image])).to(device))
        outputs += from_batch(output.float().cpu().numpy())
    return outputs
