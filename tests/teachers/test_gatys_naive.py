"""Compare the optimisation with an independent implementation: loops over channels and torch's own optimisers.

In float64, because the first line search of L-BFGS extrapolates from a tiny step, which in float32 depends on rounding.
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


def naive_features(tensors: dict[str, Tensor], image: Tensor, pooling: str) -> dict[str, Tensor]:
    # Rounded to float32, as the network stores them.
    mean, std = (torch.tensor(values).double() for values in ([0.485, 0.456, 0.406], [0.229, 0.224, 0.225]))
    x = (image[0] - mean[:, None, None]) / std[:, None, None]

    def conv(at: int, x: Tensor) -> Tensor:
        return F.conv2d(x, tensors[f"features.{at}.weight"], tensors[f"features.{at}.bias"], padding=1)

    activations = {"conv1_1": conv(0, x)}
    activations["relu1_2"] = conv(2, activations["conv1_1"].clamp(min=0)).clamp(min=0)
    corners = torch.stack(
        [activations["relu1_2"][:, i : 2 * (x.shape[1] // 2) : 2, j::2] for i in (0, 1) for j in (0, 1)]
    )
    activations["conv2_1"] = conv(5, corners.amax(dim=0) if pooling == "max" else corners.mean(dim=0))
    return {name: SCALE * tensor for name, tensor in activations.items()}


def naive_gram(features: Tensor) -> dict[tuple[int, int], Tensor]:
    """Return the products of channels i >= j; the matrix is symmetric."""
    flat = features.reshape(len(features), -1)
    return {(i, j): flat[i].dot(flat[j]) for i in range(len(flat)) for j in range(i + 1)}


class NaiveObjective:
    def __init__(self, weights: Path, photo: Tensor, painting: Tensor, kind: str, pooling: str) -> None:
        self.tensors = {name: tensor.double() for name, tensor in load_file(weights).items()}
        self.kind, self.pooling = kind, pooling
        self.photo = naive_features(self.tensors, photo, pooling)
        style = naive_features(self.tensors, painting, pooling)
        self.grams = {name: naive_gram(style[name]) for name, _ in STYLE}
        self.positions = {name: style[name][0].numel() for name, _ in STYLE}
        self.evaluations: list[tuple[float, ...]] = []

    def __call__(self, image: Tensor) -> Tensor:
        activations = naive_features(self.tensors, image, self.pooling)
        down = (image[..., 1:, :] - image[..., :-1, :]).abs().mean()
        right = (image[..., 1:] - image[..., :-1]).abs().mean()
        terms = self.content(activations), self.style(activations), VARIATION * (down + right)
        self.evaluations.append(tuple(term.item() for term in terms))
        return terms[0] + terms[1] + terms[2]

    def content(self, activations: dict[str, Tensor]) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64)
        for name, weight in CONTENT:
            factor = 0.5 if self.kind == "paper" else 1 / activations[name].numel()
            for channel, target in zip(activations[name], self.photo[name], strict=True):
                loss = loss + WEIGHTS[self.kind][0] * weight * factor * ((channel - target) ** 2).sum()
        return loss

    def style(self, activations: dict[str, Tensor]) -> Tensor:
        loss = torch.zeros((), dtype=torch.float64)
        for name, weight in STYLE:
            n, m = len(activations[name]), activations[name][0].numel()
            factor = 1 / (4 * n**2) if self.kind == "paper" else 1 / n**4
            squares = [
                (1 if i == j else 2) * (product / m - self.grams[name][i, j] / self.positions[name]) ** 2
                for (i, j), product in naive_gram(activations[name]).items()
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
def test_losses_and_image_are_those_of_the_naive_implementation(
    kind: str, optimizer: str, pooling: str, vgg_to_conv3_1: Path, photos: Callable[..., list[Image8]]
) -> None:
    photo, painting = to_tensor(photos(1, 14, 18)[0]), to_tensor(photos(2, 20, 16)[1])
    start = (photo + 0.1).clamp(0, 1)
    naive_image, naive = start.clone().requires_grad_(), NaiveObjective(vgg_to_conv3_1, photo, painting, kind, pooling)
    naive_optimize(naive_image, naive, optimizer)

    chosen = settings(kind, optimizer, pooling)
    network = load_network(chosen, vgg_to_conv3_1, torch.device("cpu")).double()
    objective = Objective(network, chosen, photo, painting_grams(network, chosen, [painting], [1.0]))
    our_losses: list[tuple[float, ...]] = []

    def evaluate(image: Tensor) -> Losses:
        losses = objective(image)
        our_losses.append(tuple(float(term.detach()) for term in (losses.content, losses.style, losses.variation)))
        return losses

    image = optimize(start, evaluate, chosen, STEPS, lambda *_: None)

    # As many evaluations as torch's own loop, so none twice (L-BFGS: one more if it did not take its last trial).
    assert STEPS <= len(naive.evaluations) <= len(our_losses) <= len(naive.evaluations) + 1
    np.testing.assert_allclose(our_losses[: len(naive.evaluations)], naive.evaluations, rtol=1e-5)
    torch.testing.assert_close(image, naive_image.detach(), rtol=0, atol=1e-5)
    assert (image - start).abs().max() > 0.01  # the image did change, so the agreement means something
    assert sum(our_losses[-1]) < sum(our_losses[0])


def naive_optimize(image: Tensor, loss: Callable[[Tensor], Tensor], optimizer: str) -> None:
    if optimizer == "adam":
        adam = torch.optim.Adam([image], lr=0.01)
        for _ in range(STEPS):
            adam.zero_grad()
            loss(image).backward()
            adam.step()
            image.data = image.data.clamp(0, 1)
        return
    lbfgs = torch.optim.LBFGS(
        [image], lr=1, max_iter=STEPS, max_eval=1000, history_size=20, line_search_fn="strong_wolfe"
    )

    def closure() -> Tensor:
        lbfgs.zero_grad()
        value = loss(image)
        value.backward()
        return value

    lbfgs.step(closure)
