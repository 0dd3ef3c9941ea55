"""Run the network itself in torch: for the reference output that its file must reproduce, and to observe its layers."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import torch
from torch.utils.hooks import RemovableHandle

from pix2style.errors import ArtifactError
from pix2style.images import Image8, from_batch, to_batch
from pix2style.nets.generator import Generator
from pix2style.progress import track


@torch.inference_mode()
def generate(
    network: Generator, photos: list[Image8], *, style: int = 0, glimpse: Image8 | None = None
) -> list[Image8]:
    """Return what a network makes of photos, as bytes.

    Args:
        network: Network in evaluation mode, on the CPU.
        photos: Photos of the same size.
        style: Id of the style, for a network that holds several.
        glimpse: Glimpse from which the network takes its global context, for all photos; None for the glimpses of the
            photos themselves. Only for networks with `uses_glimpse`.

    Raises:
        ArtifactError: The output holds values that are not finite.
    """
    weights = torch.eye(network.styles)[[style] * len(photos)] if network.styles > 1 else None
    context = None if glimpse is None else network.context_from_glimpse(torch.from_numpy(to_batch([glimpse])))
    output = network(torch.from_numpy(to_batch(photos)), context=context, style=weights)
    if not torch.isfinite(output).all():
        raise ArtifactError(
            "the output of the network is not finite (NaN or infinity): the training diverged; export an earlier"
            " checkpoint"
        )
    return from_batch(output.numpy())


@torch.inference_mode()
def run_with_hooks(network: Generator, photos: Iterable[Image8], hooks: Sequence[RemovableHandle]) -> None:
    """Run a network on photos for the sake of its hooks, and remove the hooks afterwards.

    Args:
        network: Network in evaluation mode, on the CPU. If it holds several styles, the photos take turns with them.
        photos: Photos of any sizes.
        hooks: Handles of the hooks, as returned by `register_forward_hook`.
    """
    try:
        for number, photo in enumerate(track("photos for calibration", tuple(photos))):
            style = torch.eye(network.styles)[[number % network.styles]] if network.styles > 1 else None
            network(torch.from_numpy(to_batch([photo])), style=style)
    finally:
        for hook in hooks:
            hook.remove()
