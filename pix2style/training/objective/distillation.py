"""A trained generator teaches a small one: its pictures, and what it thinks while painting them.

After OMGD (Ren et al. 2021, arXiv 2108.06908), whose student hears nothing but its teachers. What differs: the teacher
is finished and frozen, not trained along; pairs, feature network and discriminator teach as well, as `losses` says, so
that OMGD's perceptual, style and total variation parts are not repeated here; and inner features are compared place by
place through 1x1 maps (as FitNets does, Romero et al. 2014, arXiv 1412.6550), where OMGD compares each channel's mean.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import torch
import torch.nn.functional as F  # noqa: N812
from torch import Tensor, nn

from pix2style import losses
from pix2style.config import Config
from pix2style.config.distill import DistillConfig
from pix2style.errors import ArtifactError, ConfigError
from pix2style.files import sha256_file
from pix2style.losses.tensors import wide
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.unet import Unet
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.training.batch import PairBatch

_LEAST = 1e-6  # of the teacher's features, which a division must survive
_PROBE_PX = 64


class Distiller(nn.Module):
    """What a trained generator makes of a batch, compared with what the one that learns makes of it.

    The maps learn with the generator (`maps.parameters()` are its optimiser's too); nothing else here does.

    Args:
        config: the section `distill`.
        teacher: trained, of one style or of as many as the student.
        student: the one that learns; its inner features are taken while `watching`.
        sha256: of the teacher's weights.

    Raises:
        ConfigError: features are wanted of a generator that has none to compare.
    """

    def __init__(self, config: DistillConfig, teacher: Generator, student: Generator, sha256: str) -> None:
        super().__init__()
        self._config, self._sha256 = config, sha256
        self.teacher = teacher.eval().requires_grad_(requires_grad=False)
        self.maps = nn.ModuleList()
        self._watching = False
        self._theirs: list[Tensor] = []
        self._painting: list[Tensor] = []
        self._painted: deque[list[Tensor]] = deque()  # of each part until its losses are asked for
        if config.features > 0:
            self._compare(student)

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Take the student's features of one pass, for the next `forward` that has none.

        A pass that is repeated for its gradient (`train.accumulate`) happens outside, and is not taken twice.
        """
        self._watching, self._painting = True, []
        try:
            yield
        finally:
            self._watching = False
        if self.maps:
            self._painted.append(self._painting)

    def forward(self, output: Tensor, batch: PairBatch) -> dict[str, Tensor]:
        """The parts by their names, before their weights.

        Args:
            output: the student's pictures, [batch, 3, height, width] in [-1, 1], painted while `watching`.
            batch: the photos that they were painted from.
        """
        with torch.no_grad():
            wanted, theirs = self._teach(batch)
        parts: dict[str, Tensor] = {}
        if self._config.output.weight > 0:
            parts["distill_output"] = losses.l1(output, wanted)
            if self._config.output.structure > 0:
                structure = losses.ms_ssim(output, wanted)
                parts["distill_output"] = parts["distill_output"] + self._config.output.structure * structure
        if self.maps:
            ours = self._painted.popleft()
            each = [_apart(to(one), other) for to, one, other in zip(self.maps, ours, theirs, strict=True)]
            parts["distill_features"] = torch.stack(each).mean()
        return parts

    def weights(self) -> dict[str, float]:
        """Of the parts."""
        return {"distill_output": self._config.output.weight, "distill_features": self._config.features}

    def resume_state(self) -> dict[str, Tensor]:
        """What going on exactly needs; on the CPU."""
        maps = {f"distill_maps.{name}": value.cpu().clone() for name, value in self.maps.state_dict().items()}
        return {"distill_teacher": torch.tensor(list(bytes.fromhex(self._sha256)), dtype=torch.uint8), **maps}

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Go on where `state` was taken.

        Raises:
            ArtifactError: with another teacher.
            KeyError: it is not complete.
        """
        if bytes(state["distill_teacher"].tolist()).hex() != self._sha256:
            raise ArtifactError(
                f"[distill -> teacher_run] {self._config.teacher_run}: has other weights than when this run began (was"
                " it trained further?): begin anew, in another --out"
            )
        self.maps.load_state_dict({name: state[f"distill_maps.{name}"] for name in self.maps.state_dict()})

    def _teach(self, batch: PairBatch) -> tuple[Tensor, list[Tensor]]:
        """The teacher's pictures and inner features."""
        self._theirs = []
        glimpse = batch.glimpse if self.teacher.uses_glimpse else None
        context = None if glimpse is None else self.teacher.context_from_glimpse(glimpse)
        painted: Tensor = self.teacher(batch.content, context, batch.style)
        found, self._theirs = self._theirs, []
        return painted, found

    def _compare(self, student: Generator) -> None:
        """Hear what both think at their places, and map the one to the other."""
        if not isinstance(student, Lite):
            raise ConfigError(
                f"[distill -> features] compares the features of a lite, and {student.architecture} learns: set"
                " model.generator=lite, or distill.features=0"
            )

        # plain functions: a copy of the generator must not copy this module with them
        def note_ours(_module: nn.Module, _given: object, found: Tensor) -> None:
            if self._watching:
                self._painting.append(found)

        def note_theirs(_module: nn.Module, _given: object, found: Tensor) -> None:
            self._theirs.append(found)

        ours = _listen(student, _places(student, student.scale), note_ours)
        theirs = _listen(self.teacher, _places(self.teacher, student.scale), note_theirs)
        self.maps.extend(nn.Conv2d(into, out, 1) for into, out in zip(ours, theirs, strict=True))
        self._theirs = []


def build_distiller(config: Config, student: Generator) -> Distiller | None:
    """The teacher that `distill.teacher_run` names; None where it names none, or nothing of it counts.

    Raises:
        ArtifactError: the run cannot be used.
        ConfigError: it holds other styles than the student, or has no features to compare.
    """
    section = config.distill
    if section.teacher_run is None or not section.is_active:
        return None
    run = RunFolder(section.teacher_run)
    teacher, _ = load_generator(run)
    if teacher.styles != student.styles:
        raise ConfigError(
            f"[distill -> teacher_run] {section.teacher_run}: holds {teacher.styles} styles, and the one that learns"
            f" {student.styles}: set model.styles={teacher.styles}, or name another run"
        )
    with torch.random.fork_rng(devices=[]):  # folding may draw and throw away fresh weights: leave no trace
        teacher = teacher.folded()
    return Distiller(section, teacher, student, sha256_file(_weights_file(run)))


def _weights_file(run: RunFolder) -> Path:
    folder = run.checkpoint("latest")
    return folder / EMA_FILE if (folder / EMA_FILE).is_file() else folder / GENERATOR_FILE


def _places(network: Generator, scale: int) -> list[nn.Module]:
    """Two modules, in the order in which they run: halfway and at the end, at about 1/scale of the resolution.

    A U-Net's are where it comes down to that resolution and where it comes up to it again.
    """
    if isinstance(network, Lite):
        blocks = list(network.body)
        return [blocks[(len(blocks) - 1) // 2], blocks[-1]]
    if isinstance(network, Unet):
        levels = len(network.downs)
        level = min(int(math.log2(scale)), levels)
        down = network.downs[level - 1]
        return [down, network.ups[levels - level - 1] if level < levels else down]
    raise ConfigError(
        f"[distill -> features] the teacher run's generator is a {network.architecture}, whose features have no"
        " counterpart: set distill.features=0, or name a run of a unet or a lite"
    )


def _listen(
    network: Generator, places: list[nn.Module], note: Callable[[nn.Module, object, Tensor], None]
) -> list[int]:
    """Let `note` hear of each pass through each place; returns the places' channels."""
    channels: list[int] = []
    handles = [place.register_forward_hook(lambda _m, _g, found: channels.append(found.shape[1])) for place in places]
    weight = next(network.parameters())
    photo = torch.zeros(1, 3, _PROBE_PX, _PROBE_PX, device=weight.device)
    style = torch.full((1, network.styles), 1 / network.styles, device=weight.device) if network.styles > 1 else None
    with torch.no_grad():
        network(photo, style=style)
    for handle, place in zip(handles, places, strict=True):
        handle.remove()
        place.register_forward_hook(note)
    return channels


def _apart(ours: Tensor, theirs: Tensor) -> Tensor:
    """Mean absolute difference, in units of the teacher's mean magnitude."""
    theirs = wide(theirs)
    if theirs.shape[-2:] != ours.shape[-2:]:
        theirs = F.adaptive_avg_pool2d(theirs, (ours.shape[-2], ours.shape[-1]))
    return losses.l1(ours, theirs) / theirs.abs().mean().clamp(min=_LEAST)
