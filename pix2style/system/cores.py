"""Find out how many cores a container or a service may use."""

from __future__ import annotations

import contextlib
import math
from pathlib import Path

_GROUPS = Path("/proc/self/cgroup")
_ROOT = Path("/sys/fs/cgroup")


def allotted_cores() -> int | None:
    """Return the number of cores that a container's or service's limit of processor time equals, rounded up.

    `docker run --cpus`, limits of Kubernetes and `CPUQuota` of systemd are such limits (cgroups of version 1 and 2).
    They leave all cores visible, so one process for each visible core would be too many.

    Returns:
        The number of cores, at least 1; None if there is no limit.
    """
    shares = [share for folder in _folders() if (share := _share(folder)) is not None]
    return max(1, math.ceil(min(shares))) if shares else None


def _folders() -> list[Path]:
    """Return the folders of this process's groups, and of those around them."""
    folders = {_ROOT, _ROOT / "cpu"}
    with contextlib.suppress(OSError, ValueError):
        for line in _GROUPS.read_text(encoding="utf-8").splitlines():
            _, kinds, path = line.split(":", 2)
            if not kinds or "cpu" in kinds.split(","):
                group = (_ROOT / "cpu" if kinds else _ROOT) / path.lstrip("/")
                folders |= {group, *(parent for parent in group.parents if parent.is_relative_to(_ROOT))}
    return sorted(folders)


def _share(folder: Path) -> float | None:
    """Return the share of a group in cores; None if it has no limit."""
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        quota, period = map(int, (folder / "cpu.max").read_text(encoding="utf-8").split())  # "max" is no limit
        return quota / period
    with contextlib.suppress(OSError, ValueError, ZeroDivisionError):
        texts = [(folder / f"cpu.cfs_{name}_us").read_text(encoding="utf-8") for name in ("quota", "period")]
        quota, period = map(int, texts)
        return quota / period if quota > 0 else None
    return None
