"""What a network paints, as bytes: that with which its file is compared."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import torch

from pix2style.errors import ArtifactError
from pix2style.images import Image8, from_batch, to_batch
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite


@torch.inference_mode()
def paint(photos: list[Image8], network: Generator, *, style: int = 0, seen: Image8 | None = None) -> list[Image8]:
    """What a network paints, as bytes.

    Args:
        photos: of one size.
        network: in evaluation mode, on the CPU.
        style: its id, where the network holds several.
        seen: a glimpse that `Lite` takes the context from; None: the photos' own.

    Raises:
        ArtifactError: the network does not give numbers.
    """
    weights = torch.eye(network.styles)[[style] * len(photos)] if network.styles > 1 else None
    context = None
    if seen is not None and isinstance(network, Lite):
        context = network.context_from_glimpse(torch.from_numpy(to_batch([seen])))
    painted = network(torch.from_numpy(to_batch(photos)), context=context, style=weights)
    if not torch.isfinite(painted).all():
        raise ArtifactError("the network paints values that are not numbers: the training diverged; use an earlier one")
    return from_batch(painted.numpy())


@torch.inference_mode()
def run_watched(network: Generator, photos: Iterable[Image8], hooks: Sequence[Any]) -> None:
    """Run a network for what its hooks see, in its styles by turns; then take the hooks away.

    Args:
        network: in evaluation mode, on the CPU.
        photos: of any sizes.
        hooks: what `register_forward_hook` gave.
    """
    try:
        for number, photo in enumerate(photos):
            style = torch.eye(network.styles)[[number % network.styles]] if network.styles > 1 else None
            network(torch.from_numpy(to_batch([photo])), style=style)
    finally:
        for hook in hooks:
            hook.remove()
