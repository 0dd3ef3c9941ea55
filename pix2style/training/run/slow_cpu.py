"""Tell who trains for days on a CPU, mostly by a configuration that is made for a GPU, which configurations suit it."""

from __future__ import annotations

_LONG_S = 24 * 3600.0
MEASURED_AFTER_S = 30.0
"""Seconds of training after which the time left is known well enough."""


def slow_cpu_advice(device: str, seconds: float | None) -> str | None:
    """Return what to do about a training that would take more than a day on a CPU; None if there is nothing to say.

    Args:
        device: Type of the device, `cpu` or `cuda`.
        seconds: Estimated duration; None if it is not known.
    """
    if device != "cpu" or seconds is None or seconds < _LONG_S:
        return None
    return (
        f"on this CPU the training would take {seconds / _LONG_S:.0f} days: --config finetune takes minutes,"
        " train.minutes sets a limit, and watercolor-cpu and distill are made for a CPU, too (pix2style config)"
    )
