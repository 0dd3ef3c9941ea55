"""Adam and L-BFGS on a picture's values, watched: a picture with NaN never leaves here."""

from __future__ import annotations

import math
from collections.abc import Callable

import torch
from torch import Tensor

from pix2style.errors import PhotoError
from pix2style.teachers.gatys.objective import Losses
from pix2style.teachers.gatys.settings import GatysSettings

Evaluate = Callable[[Tensor], Losses]
OnStep = Callable[[int, Losses, Tensor], None]

# Twice 20 pictures are kept. (SciPy's default is 10, torch's 100: gigabytes for a large picture.)
LBFGS_MEMORY = 20
_LBFGS_RESTARTS = 3
_LBFGS_TRIALS = 25
_LBFGS_LOSS = 1e4
# Adam may rise for a while; a thousand times higher than it began is no descent any more.
_EXPLODED = 1e3
_SMALL = 1e-6
# A Wolfe search only descends, unless it was misled (by NaN: comparisons with it are false); 1% is for rounding.
_RISEN = 1.01


def optimize(start: Tensor, evaluate: Evaluate, settings: GatysSettings, steps: int, on_step: OnStep) -> Tensor:
    """Change a picture's values until `evaluate` is small, for so many steps.

    Adam's picture is put back into [0, 1] after every step. L-BFGS's may leave that range, as in the paper's code:
    clipping would falsify what it remembers of gradients; who rounds to bytes clips.

    Args:
        start: [1, 3, height, width] in [0, 1]; it stays as it is.
        evaluate: losses of a picture, differentiable.
        settings: optimizer and learning rate.
        steps: how many; fewer are done if L-BFGS stands still.
        on_step: told the number of the step (from 1), the losses of the last evaluation, and the picture.

    Returns:
        The picture after the last step, finite.

    Raises:
        PhotoError: the losses or the picture are not finite, or the losses exploded. L-BFGS first goes back to its last
            sound picture and forgets its gradients, up to 3 times.
    """
    picture = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    if settings.optimizer == "adam":
        _adam(picture, evaluate, settings.learning_rate, steps, on_step)
    else:
        _lbfgs(picture, evaluate, settings.learning_rate, steps, on_step)
    return picture.detach()


def _adam(picture: Tensor, evaluate: Evaluate, learning_rate: float, steps: int, on_step: OnStep) -> None:
    optimizer = torch.optim.Adam([picture], lr=learning_rate)
    limit = None
    for step in range(1, steps + 1):
        losses = evaluate(picture)
        [picture.grad] = torch.autograd.grad(losses.total, [picture])
        losses = losses.detached()
        limit = _EXPLODED * max(float(losses.total), _SMALL) if limit is None else limit
        optimizer.step()
        with torch.no_grad():
            picture.clamp_(0, 1)
        if not _sound(losses, picture, limit):
            raise _diverged(step, "adam")
        on_step(step, losses, picture.detach())


def _lbfgs(picture: Tensor, evaluate: Evaluate, learning_rate: float, steps: int, on_step: OnStep) -> None:
    closure = _Remembered(picture, evaluate)
    limit = float(closure.losses.total)
    if not _sound(closure.losses, picture, limit):
        raise _diverged(0, "lbfgs")
    optimizer, last_sound, restarts = _new_lbfgs(picture, learning_rate), picture.detach().clone(), 0
    for step in range(1, steps + 1):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        closure()  # the search's last trial need not be the point that it chose; the next step would ask anyway
        if not _sound(closure.losses, picture, limit):
            restarts += 1
            if restarts > _LBFGS_RESTARTS:
                raise _diverged(step, "lbfgs")
            with torch.no_grad():
                picture.copy_(last_sound)
            optimizer = _new_lbfgs(picture, learning_rate)
        elif torch.equal(picture, last_sound):
            return
        else:
            limit = _RISEN * float(closure.losses.total)
            last_sound.copy_(picture.detach())
            on_step(step, closure.losses, last_sound)


def _new_lbfgs(picture: Tensor, learning_rate: float) -> torch.optim.LBFGS:
    # One iteration a call: what it remembers stays between calls. No tolerances: they are absolute, the losses' scale
    # is the user's.
    return torch.optim.LBFGS(
        [picture],
        lr=learning_rate,
        max_iter=1,
        max_eval=_LBFGS_TRIALS + 1,  # by default too few for any search
        tolerance_grad=0,
        tolerance_change=0,
        history_size=LBFGS_MEMORY,
        line_search_fn="strong_wolfe",
    )


class _Remembered:
    """Losses and gradient of `picture`, computed only if it changed, and scaled as torch's L-BFGS can bear it.

    Each call of it begins with the point at which its last search ended: nearly half of all evaluations. Its search
    squares slopes in float32, which overflows for the paper's losses of 1e10, and it takes no notice of curvature below
    1e-10. A power of two changes nothing else, to the last bit.
    """

    def __init__(self, picture: Tensor, evaluate: Evaluate) -> None:
        self._picture, self._evaluate = picture, evaluate
        self._compute()
        self._scale = _power_of_two(_LBFGS_LOSS, float(self.losses.total))

    def __call__(self) -> Tensor:
        if not torch.equal(self._at, self._picture):
            self._compute()
        self._picture.grad = (self._gradient * self._scale).contiguous()
        return self.losses.total * self._scale

    def _compute(self) -> None:
        with torch.enable_grad():
            losses = self._evaluate(self._picture)
            [self._gradient] = torch.autograd.grad(losses.total, [self._picture])
        self._at = self._picture.detach().clone()
        self.losses = losses.detached()


def _power_of_two(goal: float, value: float) -> float:
    """What brings `value` near `goal`; 1 where that is not possible."""
    return 2.0 ** round(math.log2(goal / value)) if math.isfinite(value) and value > _SMALL**4 else 1.0


def _sound(losses: Losses, picture: Tensor, limit: float) -> bool:
    # Comparisons with NaN are false.
    return float(losses.total) <= limit < float("inf") and bool(picture.isfinite().all())


def _diverged(step: int, optimizer: str) -> PhotoError:
    advice = "use --optimizer adam, or" if optimizer == "lbfgs" else "lower --learning-rate, or"
    return PhotoError(
        f"the optimisation ({optimizer}) became infinite or no number at step {step}: {advice} smaller weights"
        " (--style-weight, --content-weight)"
    )
