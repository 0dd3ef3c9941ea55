"""Use a run's generator as a `Stylizer`. Validation, `eval` and `load_stylizer("runs/x")` share this code."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import torch

from pix2style.files import sha256_file
from pix2style.images import Image8, from_batch, to_batch
from pix2style.nets.forked import compute_in_one_thread_after_fork
from pix2style.nets.generator import Generator
from pix2style.runs.folder import RunFolder
from pix2style.runs.generator import averaged_weights_file, load_generator
from pix2style.runs.styles import select_style
from pix2style.style_choice import StyleChoice, format_style
from pix2style.stylizer import Setting, Stylizer, StylizerIdentity


class RunStylizer(Stylizer):
    """Stylizes with the averaged weights of a checkpoint, which are the ones that are exported.

    Args:
        path: Run folder.
        checkpoint: `latest`, `best`, or the name of a checkpoint.
        device: Device of torch, for example "cpu" or "cuda".
        style: Style of a run with several styles: an id from 0, or a weight for each style; None if it has one style.

    Attributes:
        parameters: Number of weights of the network that runs.
        bytes: Size of the file with the weights.

    Raises:
        ArtifactError: The run cannot be used.
        ConfigError: The run has several styles and `style` is None, or the other way round, or there is no such style.
    """

    def __init__(
        self, path: Path, *, checkpoint: str = "latest", device: str = "cpu", style: StyleChoice | None = None
    ) -> None:
        run = RunFolder(path)
        generator, meta = select_style(*load_generator(run, checkpoint=checkpoint), style, run=path)
        self._generator = generator.folded().to(device)
        compute_in_one_thread_after_fork()
        file = averaged_weights_file(run, run.checkpoint(checkpoint), meta)
        self.parameters = sum(p.numel() for p in self._generator.parameters())
        self.bytes = file.stat().st_size
        settings: dict[str, Setting] = {"step": meta.step, "generator": run.config.model.generator}
        if style is not None:
            settings["style"] = format_style(style)
        self._identity = StylizerIdentity(
            name=run.name if style is None else f"{run.name}@{format_style(style)}",
            sha256=meta.files_sha256.get(file.name) or sha256_file(file),
            style_sha256=meta.style_sha256,
            licence=run.config.export.licence,
            settings=settings,
        )

    @property
    def identity(self) -> StylizerIdentity:
        """Name of the run (and of its style), and digest of the file with the weights."""
        return self._identity

    @property
    def grid_px(self) -> int:
        """See `Stylizer.grid_px`; multiples above 32 count as 32, as with exported filters."""
        return min(self._generator.size_multiple, 32)

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        """See `Stylizer.stylize`."""
        return stylize_with(self._generator, images)


@torch.inference_mode()
def stylize_with(generator: Generator, images: Sequence[Image8]) -> list[Image8]:
    """Stylize images of any sizes with a generator, one at a time and in float32.

    Args:
        generator: Generator of one style, in evaluation mode.
        images: uint8 [height, width, 3] each.

    Returns:
        Images of the same sizes.

    Raises:
        ValueError: The generator is in training mode, in which dropout and batch statistics would change the result.
    """
    if generator.training:
        raise ValueError("the generator is in training mode: call .eval() first")
    device = next(generator.parameters()).device
    outputs = []
    for image in images:
        output = generator(torch.from_numpy(to_batch([image])).to(device))
        outputs += from_batch(output.float().cpu().numpy())
    return outputs
