"""Give a lightweight generator normalisation without changing what it computes, as a start for training."""

from __future__ import annotations

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor

from pix2style.nets.lite import Lite, ResidualBlock
from pix2style.nets.photo_norm import NORM_EPSILON


@torch.no_grad()
def with_normalisation(lite: Lite, glimpses: Tensor) -> Lite:
    """Return a generator with norm "instance" and the convolutions of one without, which makes nearly the same images.

    Each normalisation multiplies by the mean deviation (or root mean square) that its input has over the given photos,
    so that on an average photo it changes nothing. What the context adds to the stem is replaced by its mean.

    Args:
        lite: Generator of one style with norm "none", not folded.
        glimpses: Glimpses of some photos, [photos, 3, GLIMPSE_SIDE_PX, GLIMPSE_SIDE_PX] in [-1, 1].
    """
    with torch.random.fork_rng(devices=[]):  # the initial weights that are drawn here are overwritten
        normalized = Lite(lite.channels, len(lite.body), lite.scale, norm="instance")
    weights = normalized.state_dict()
    weights.update({name: tensor for name, tensor in lite.state_dict().items() if name in weights})
    normalized.load_state_dict(weights)
    norm = normalized.stem_norm
    assert norm is not None  # noqa: S101 (for mypy: norm is instance)
    features = normalized.stem(glimpses)
    variance, mean = torch.var_mean(features, dim=(2, 3), correction=0)
    norm.weight.copy_((variance + NORM_EPSILON).sqrt().mean(dim=0))
    norm.bias.copy_(mean.mean(dim=0) + lite.context_from_glimpse(glimpses).mean(dim=0))
    features = F.relu(norm(features, norm.measure(features)))
    for block in normalized.body:
        assert isinstance(block, ResidualBlock)  # noqa: S101 (ModuleList has no element type)
        first, second = block.first_norm, block.second_norm
        assert first is not None  # noqa: S101 (for mypy)
        assert second is not None  # noqa: S101
        hidden = block.first(features)
        first.weight.copy_(_root_mean_square(hidden))
        second.weight.copy_(_root_mean_square(block.second(F.relu(first(hidden, first.measure(hidden))))))
        features, _ = block.measure(features)
    return normalized


def _root_mean_square(features: Tensor) -> Tensor:
    """Return the root mean square of each channel over a photo, as a mean over photos: [channels]."""
    return (features.square().mean(dim=(2, 3)) + NORM_EPSILON).sqrt().mean(dim=0)
