"""Minimise a loss over an image's values by Adam or L-BFGS, and stop before the image becomes infinite or NaN."""

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

# Steps that L-BFGS keeps. Each takes the memory of two images: torch's default of 100 would take gigabytes for a large
# photo. (SciPy's default is 10.)
LBFGS_HISTORY = 20
_LBFGS_RESTARTS = 3
_LBFGS_EVALUATIONS = 25
# L-BFGS sees the losses scaled to about this value, see _CachedClosure.
_LBFGS_LOSS = 1e4
# Adam's loss may rise for a while, but a thousand times its first value means that it diverges.
_DIVERGED_FACTOR = 1e3
_SMALL = 1e-6
# A Wolfe line search only accepts a lower loss, unless NaN misled it (comparisons with NaN are false). 1% is allowed
# for rounding.
_LBFGS_RISE = 1.01


def optimize(start: Tensor, evaluate: Evaluate, settings: GatysSettings, steps: int, on_step: OnStep) -> Tensor:
    """Minimise the total loss of an image.

    After every step of Adam the image is clipped to [0, 1]. L-BFGS may leave that range, as in the paper's code:
    clipping would invalidate the history of gradients from which it estimates the curvature. Whoever rounds the result
    to 8 bits has to clip it.

    Args:
        start: Image to start from, [1, 3, height, width] in [0, 1]; it is not changed.
        evaluate: Function that computes the losses of an image, differentiable.
        settings: Settings; optimizer and learning rate are used.
        steps: Number of steps. L-BFGS stops earlier if the image no longer changes.
        on_step: Function that is called after each step with its number (from 1), the losses of the last evaluation,
            and the image.

    Returns:
        The image after the last step, finite.

    Raises:
        PhotoError: If the losses or the image are not finite, or the losses grow without limit. L-BFGS first returns to
            its last good image and forgets its history, up to 3 times.
    """
    image = start.detach().clone(memory_format=torch.contiguous_format).requires_grad_()
    if settings.optimizer == "adam":
        _adam(image, evaluate, settings.learning_rate, steps, on_step)
    else:
        _lbfgs(image, evaluate, settings.learning_rate, steps, on_step)
    return image.detach()


def _adam(image: Tensor, evaluate: Evaluate, learning_rate: float, steps: int, on_step: OnStep) -> None:
    optimizer = torch.optim.Adam([image], lr=learning_rate)
    limit = None
    for step in range(1, steps + 1):
        losses = evaluate(image)
        [image.grad] = torch.autograd.grad(losses.total, [image])
        losses = losses.detached()
        limit = _DIVERGED_FACTOR * max(float(losses.total), _SMALL) if limit is None else limit
        optimizer.step()
        with torch.no_grad():
            image.clamp_(0, 1)
        if not _is_sound(losses, image, limit):
            raise _diverged(step, "adam")
        on_step(step, losses, image.detach())


def _lbfgs(image: Tensor, evaluate: Evaluate, learning_rate: float, steps: int, on_step: OnStep) -> None:
    closure = _CachedClosure(image, evaluate)
    limit = float(closure.losses.total)
    if not _is_sound(closure.losses, image, limit):
        raise _diverged(0, "lbfgs")
    optimizer, last_sound, restarts = _new_lbfgs(image, learning_rate), image.detach().clone(), 0
    for step in range(1, steps + 1):
        optimizer.step(closure)  # type: ignore[no-untyped-call]
        # The last trial of the line search need not be the point that it chose, so evaluate that point. This costs
        # nothing: the next step begins with the same evaluation, which is then cached.
        closure()
        if not _is_sound(closure.losses, image, limit):
            restarts += 1
            if restarts > _LBFGS_RESTARTS:
                raise _diverged(step, "lbfgs")
            with torch.no_grad():
                image.copy_(last_sound)
            optimizer = _new_lbfgs(image, learning_rate)
        elif torch.equal(image, last_sound):
            return
        else:
            limit = _LBFGS_RISE * float(closure.losses.total)
            last_sound.copy_(image.detach())
            on_step(step, closure.losses, last_sound)


def _new_lbfgs(image: Tensor, learning_rate: float) -> torch.optim.LBFGS:
    # One iteration per call, so that the loop above can check every step; the history stays between the calls. The
    # tolerances are 0 because torch compares them with absolute values, and the scale of the losses is the user's.
    return torch.optim.LBFGS(
        [image],
        lr=learning_rate,
        max_iter=1,
        max_eval=_LBFGS_EVALUATIONS + 1,  # the default for one iteration is too few for any line search
        tolerance_grad=0,
        tolerance_change=0,
        history_size=LBFGS_HISTORY,
        line_search_fn="strong_wolfe",
    )


class _CachedClosure:
    """Closure for torch's L-BFGS: evaluates the losses and gradient only where the image has changed, and scales them.

    torch's L-BFGS begins each call with the point at which its last search ended; without the cache, these would be
    nearly half of all evaluations. The scaling is needed because its line search squares slopes in float32, which
    overflows for the paper's losses of 1e10, and because it ignores curvature below 1e-10. The factor is a power of
    two, so that it changes no other bit of the result.

    Attributes:
        losses: Losses of the image at the last evaluation, not scaled.
    """

    def __init__(self, image: Tensor, evaluate: Evaluate) -> None:
        self._image, self._evaluate = image, evaluate
        self._compute()
        self._scale = _power_of_two(_LBFGS_LOSS, float(self.losses.total))

    def __call__(self) -> Tensor:
        if not torch.equal(self._evaluated_image, self._image):
            self._compute()
        self._image.grad = (self._gradient * self._scale).contiguous()
        return self.losses.total * self._scale

    def _compute(self) -> None:
        with torch.enable_grad():  # also where the caller has switched gradients off
            losses = self._evaluate(self._image)
            [self._gradient] = torch.autograd.grad(losses.total, [self._image])
        self._evaluated_image = self._image.detach().clone()
        self.losses = losses.detached()


def _power_of_two(goal: float, value: float) -> float:
    """Return the power of two that brings `value` near `goal`; 1 for values that are not finite or nearly 0."""
    return 2.0 ** round(math.log2(goal / value)) if math.isfinite(value) and value > _SMALL**4 else 1.0


def _is_sound(losses: Losses, image: Tensor, limit: float) -> bool:
    # Written so that NaN fails: comparisons with it are false.
    return float(losses.total) <= limit < float("inf") and bool(image.isfinite().all())


def _diverged(step: int, optimizer: str) -> PhotoError:
    advice = "use --optimizer adam, or" if optimizer == "lbfgs" else "lower --learning-rate, or"
    # Pair sets store the messages of PhotoError: other words would change the digests of sets with failed photos.
    return PhotoError(
        f"the optimisation ({optimizer}) became infinite or no number at step {step}: {advice} smaller weights"
        " (--style-weight, --content-weight)"
    )
