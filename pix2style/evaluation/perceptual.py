"""LPIPS and DISTS: distances between output and target that were learned from the judgement of people.

Both compare activations of a network that was trained on ImageNet, with weights of their own for its channels. The
package torchmetrics (extra `metrics`) brings these weights; the networks are torchvision's, which are large downloads.
"""

from __future__ import annotations

import contextlib
import importlib.util
import pickle
import sys
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import torch
from torch import Tensor

from pix2style.errors import ArtifactError, require
from pix2style.fidelity import pad_to_side
from pix2style.files import sha256_file
from pix2style.images import Image8, resize_shorter_side
from pix2style.installation import install_extras
from pix2style.nets.weights import WeightsRecord

Distance = Callable[[Tensor, Tensor], Tensor]
"""Takes two images [1, 3, height, width] in [0, 1], and returns one number."""

# AlexNet halves five times, and begins with an 11x11 convolution.
_MIN_SIDE_PX = 64
# The authors of DISTS shrink larger images to this shorter side.
_DISTS_SIDE_PX = 256


@dataclass(frozen=True, slots=True)
class _Metric:
    """A learned metric, and torchvision's download that it needs.

    Attributes:
        title: Name of the metric for people.
        network: Name of the network.
        file: Name of torchvision's file.
        megabytes: Size of the file.
        load: Builds the metric.
    """

    title: str
    network: str
    file: str
    megabytes: int
    load: Callable[[], Distance]

    @property
    def path(self) -> Path:
        """Where torchvision keeps the file; it need not exist."""
        return Path(torch.hub.get_dir()) / "checkpoints" / self.file


def _load_lpips() -> Distance:
    """Load LPIPS (Zhang et al. 2018, arXiv 1801.03924) with AlexNet, which its authors advise for measuring."""
    from torchmetrics.image.lpip import LearnedPerceptualImagePatchSimilarity

    metric: Distance = LearnedPerceptualImagePatchSimilarity(net_type="alex", normalize=True)
    return metric


def _load_dists() -> Distance:
    """Load DISTS (Ding et al. 2020, arXiv 2004.07728); torchmetrics' class for it reads VGG16 again for each image."""
    from torchmetrics.functional.image.dists import DISTSNetwork

    network: Distance = DISTSNetwork()
    return network


_METRICS = {
    "lpips": _Metric("LPIPS", "AlexNet", "alexnet-owt-7be5be79.pth", 233, _load_lpips),
    "dists": _Metric("DISTS", "VGG16", "vgg16-397923af.pth", 528, _load_dists),
}


@dataclass(frozen=True, slots=True)
class PerceptualMetrics:
    """The learned metrics whose weights are at hand.

    Attributes:
        distances: For each of the names `lpips` and `dists` that can be measured, the metric.
        weights: For each of them, the network and its weights file.
    """

    distances: Mapping[str, Distance]
    weights: Mapping[str, WeightsRecord]

    @torch.inference_mode()
    def measure(self, output: Image8, target: Image8) -> dict[str, float]:
        """Return each metric's distance between two images uint8 [height, width, 3]; 0 for equal images."""
        return {name: float(distance(*_tensors(name, output, target))) for name, distance in self.distances.items()}


def _tensors(name: str, *images: Image8) -> tuple[Tensor, ...]:
    return tuple(_tensor(_shrink(image) if name == "dists" else image) for image in images)


def _shrink(image: Image8) -> Image8:
    return resize_shorter_side(image, _DISTS_SIDE_PX) if min(image.shape[:2]) > _DISTS_SIDE_PX else image


def _tensor(image: Image8) -> Tensor:
    padded = pad_to_side(image, _MIN_SIDE_PX)
    return torch.from_numpy(padded.transpose(2, 0, 1).copy())[None].float() / 255


def load_perceptual_metrics(wanted: bool | None = None) -> tuple[PerceptualMetrics | None, str | None]:
    """Load LPIPS and DISTS, or say what is missing.

    Args:
        wanted: Whether to measure them. True downloads what is missing; None measures what needs no download; False
            measures neither.

    Returns:
        The metrics, None if there are none; and a note for the report if one of them is missing.

    Raises:
        MissingExtraError: They are wanted, and torchmetrics is not installed.
        ArtifactError: They are wanted, and a network cannot be downloaded or read.
    """
    if wanted is False:
        return None, "LPIPS and DISTS were not measured (--no-perceptual)"
    if wanted:
        require("metrics", "torchmetrics")
        return _load(list(_METRICS)), None
    if importlib.util.find_spec("torchmetrics") is None:
        return None, (
            f"LPIPS and DISTS were not measured: install the extra metrics with {install_extras('metrics')}, and add"
            f" --perceptual, which downloads {_downloads(list(_METRICS))}"
        )
    missing = [name for name, metric in _METRICS.items() if not metric.path.is_file()]
    try:
        metrics = _load([name for name in _METRICS if name not in missing])
    except ArtifactError as error:
        return None, f"LPIPS and DISTS were not measured ({error})"
    titles = " and ".join(_METRICS[name].title for name in missing)
    were = "were" if len(missing) > 1 else "was"
    note = f"{titles} {were} not measured: add --perceptual to download {_downloads(missing)}" if missing else None
    return metrics, note


def _downloads(names: list[str]) -> str:
    parts = [f"{_METRICS[name].network} ({_METRICS[name].megabytes} MB)" for name in names]
    return " and ".join(parts)


def _load(names: list[str]) -> PerceptualMetrics | None:
    """Load metrics by name, from torchvision's cache or by a download; None if there are no names."""
    distances = {name: _load_one(_METRICS[name]) for name in names}
    weights = {
        name: WeightsRecord(f"torchvision's {_METRICS[name].network}", sha256_file(_METRICS[name].path))
        for name in names
    }
    return PerceptualMetrics(distances, weights) if names else None


def _load_one(metric: _Metric) -> Distance:
    try:
        with contextlib.redirect_stdout(sys.stderr):  # torch.hub prints "Downloading: ..." on stdout, where JSON may go
            return metric.load()
    except (OSError, RuntimeError, EOFError, pickle.UnpicklingError) as error:
        raise ArtifactError(
            f"{metric.title} needs torchvision's {metric.network}, which cannot be downloaded or read"
            f" ({_first_line(error)}): leave out --perceptual, or put {metric.file} ({metric.megabytes} MB) into"
            f" {metric.path.parent}"
        ) from error


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [type(error).__name__])[0]
