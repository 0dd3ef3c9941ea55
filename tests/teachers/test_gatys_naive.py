"""The optimisation against an implementation that knows nothing of it: loops over channels, torch's own optimisers.

In float64: the first search of L-BFGS extrapolates from a tiny step, which in float32 follows the rounding.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F  # noqa: N812
from safetensors.torch import load_file
from torch import Tensor

from pix2style.images import Image8
from pix2style.teachers.gatys.network import load_network
from pix2style.teachers.gatys.objective import Losses, Objective, painting_grams
from pix2style.teachers.gatys.optimize import optimize
from pix2style.teachers.gatys.settings import GatysSettings

STEPS = 4
STYLE = (("conv1_1", 0.3), ("relu1_2", 0.7))
CONTENT = (("conv2_1", 1.0), ("relu1_2", 0.5))
WEIGHTS = {"paper": (0.01, 40.0), "mean": (3.0, 2e5)}
SCALE = 1.5
VARIATION = 0.4


def to_tensor(photo: Image8) -> Tensor:
    return torch.from_numpy(photo.astype(np.float64) / 255).permute(2, 0, 1)[None].contiguous()


def naive_features(tensors: dict[str, Tensor], picture: Tensor, pooling: str) -> dict[str, Tensor]:
    # The numbers as float32 holds them, in which the network keeps them.
    mean, std = (torch.tensor(one).double() for one in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = (picture[0] - mean[:, None, None]) / std[:, None, None]

    def conv(at: int, x: Tensor) -> Tensor:
        return F.conv2d(x, tensors[f"features.{at}.weight"], tensors[f"features.{at}.bias"], padding=1)

    found = {"conv1_1": conv(0, x)}
    found["relu1_2"] = conv(2, found["conv1_1"].clamp(min=0)).clamp(min=0)
    corners = torch.stack([found["relu1_2"][:, i : 2 * (x.shape[1] // 2) : 2, j::2] for i in (0, 1) for j in (0, 1)])
    found["conv2_1"] = conv(5, corners.amax(dim=0) if pooling == "max" else corners.mean(dim=0))
    return {name: SCALE * one for name, one in found.items()}


def naive_gram(features: Tensor) -> dict[tuple[int, int], Tensor]:
    """Products of channels i >= j; the matrix is symmetric."""
    flat = features.reshape(len(features), -1)
    return {(i, j): flat[i].dot(flat[j]) for i in range(len(flat)) for j in range(i + 1)}


class Naive:
    def __init__(self, weights: Path, photo: Tensor, painting: Tensor, kind: str, pooling: str) -> None:
        self.tensors = {name: tensor.double() for name, tensor in load_file(weights).items()}
        self.kind, self.pooling = kind, pooling
        self.photo = naive_features(self.tensors, photo, pooling)
        style = naive_features(self.tensors, painting, pooling)
        self.grams = {name: naive_gram(style[name]) for name, _ in STYLE}
        self.positions = {name: style[name][0].numel() for name, _ in STYLE}
        self.seen: list[tuple[float, ...]] = []

    def __call__(self, picture: Tensor) -> Tensor:
        mine = naive_features(self.tensors, picture, self.pooling)
        down = (picture[..., 1:, :] - picture[..., :-1, :]).abs().mean()
        right = (picture[..., 1:] - picture[..., :-1]).abs().mean()
        parts = self.content(mine), self.style(mine), VARIATION * (down + right)
        self.seen.append(tuple(part.item() for part in parts))
        return parts[0] + parts[1] + parts[2]

    def content(self, mine: dict[str, Tensor]) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64)
        for name, weight in CONTENT:
            factor = 0.5 if self.kind == "paper" else 1 / mine[name].numel()
            for channel, target in zip(mine[name], self.photo[name], strict=True):
                loss = loss + WEIGHTS[self.kind][0] * weight * factor * ((channel - target) ** 2).sum()
        return loss

    def style(self, mine: dict[str, Tensor]) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64)
        for name, weight in STYLE:
            n, m = len(mine[name]), mine[name][0].numel()
            factor = 1 / (4 * n**2) if self.kind == "paper" else 1 / n**4
            squares = [
                (1 if i == j else 2) * (product / m - self.grams[name][i, j] / self.positions[name]) ** 2
                for (i, j), product in naive_gram(mine[name]).items()
            ]
            loss = loss + WEIGHTS[self.kind][1] * weight * factor * torch.stack(squares).sum()
        return loss


def settings(kind: str, optimizer: str, pooling: str) -> GatysSettings:
    alpha, beta = WEIGHTS[kind]
    return GatysSettings(
        content_layers=CONTENT,
        style_layers=STYLE,
        content_weight=alpha,
        style_weight=beta,
        variation_weight=VARIATION,
        normalization=kind,
        activation_scale=SCALE,
        optimizer=optimizer,
        learning_rate=0.01 if optimizer == "adam" else 1.0,
        pooling=pooling,
    )


@pytest.mark.parametrize(
    ("kind", "optimizer", "pooling"),
    [("paper", "lbfgs", "average"), ("paper", "adam", "max"), ("mean", "lbfgs", "max"), ("mean", "adam", "average")],
)
def test_losses_and_picture_are_the_naive_ones(
    kind: str, optimizer: str, pooling: str, vgg_to_conv3_1: Path, photos: Callable[..., list[Image8]]
) -> None:
    photo, painting = to_tensor(photos(1, 14, 18)[0]), to_tensor(photos(2, 20, 16)[1])
    start = (photo + 0.1).clamp(0, 1)
    theirs, naive = start.clone().requires_grad_(), Naive(vgg_to_conv3_1, photo, painting, kind, pooling)
    naive_optimize(theirs, naive, optimizer)

    chosen = settings(kind, optimizer, pooling)
    network = load_network(chosen, vgg_to_conv3_1, torch.device("cpu")).double()
    objective = Objective(network, chosen, photo, painting_grams(network, chosen, [painting], [1.0]))
    found: list[tuple[float, ...]] = []

    def ours(picture: Tensor) -> Losses:
        losses = objective(picture)
        found.append(tuple(float(part.detach()) for part in (losses.content, losses.style, losses.variation)))
        return losses

    mine = optimize(start, ours, chosen, STEPS, lambda *_: None)

    # As many evaluations as torch's own loop: none twice (L-BFGS: one more if its last trial was not what it took).
    assert STEPS <= len(naive.seen) <= len(found) <= len(naive.seen) + 1
    np.testing.assert_allclose(found[: len(naive.seen)], naive.seen, rtol=1e-5)
    torch.testing.assert_close(mine, theirs.detach(), rtol=0, atol=1e-5)
    assert (mine - start).abs().max() > 0.01  # it moved: the agreement is not that of standing still
    assert sum(found[-1]) < sum(found[0])


def naive_optimize(picture: Tensor, loss: Callable[[Tensor], Tensor], optimizer: str) -> None:
    if optimizer == "adam":
        adam = torch.optim.Adam([picture], lr=0.01)
        for _ in range(STEPS):
            adam.zero_grad()
            loss(picture).backward()
            adam.step()
            picture.data = picture.data.clamp(0, 1)
        return
    lbfgs = torch.optim.LBFGS(
        [picture], lr=1, max_iter=STEPS, max_eval=1000, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(picture)
        value.backward()
        return value

    lbfgs.step(closure)
