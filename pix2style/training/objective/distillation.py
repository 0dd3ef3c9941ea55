"""A trained generator teaches a small one: its pictures, and what it thinks while painting them.

After OMGD (Ren et al. 2021, arXiv 2108.06908), whose student hears nothing but its teachers. What differs: the teacher
is finished and frozen, not trained along; pairs, feature network and discriminator teach as well, as `losses` says, so
that OMGD's perceptual, style and total variation parts are not repeated here; and inner features are compared place by
place through 1x1 maps (as FitNets does, Romero et al. 2014, arXiv 1412.6550), where OMGD compares each channel's mean.
"""

from __future__ import annotations

from collections.abc import Mapping
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
from pix2style.nets.generator import FeatureStage, Generator, GeneratorOutput
from pix2style.nets.lite import Lite
from pix2style.runs.folder import EMA_FILE, GENERATOR_FILE, RunFolder
from pix2style.runs.generator import load_generator
from pix2style.training.batch import PairBatch

_LEAST = 1e-6  # of the teacher's features, which a division must survive


class Distiller(nn.Module):
    """What a trained generator makes of a batch, compared with what the one that learns makes of it.

    The maps learn with the generator (`maps.parameters()` are its optimiser's too); nothing else here does.

    Args:
        config: the section `distill`.
        teacher: trained, of one style or of as many as the student.
        student: the one that learns.
        sha256: of the teacher's weights.

    Raises:
        ConfigError: features are wanted of a generator that has none to compare.
    """

    def __init__(self, config: DistillConfig, teacher: Generator, student: Generator, sha256: str) -> None:
        super().__init__()
        self._config, self._sha256 = config, sha256
        self.teacher = teacher.eval().requires_grad_(requires_grad=False)
        self.maps = nn.ModuleList()
        self.student_stages: tuple[int, ...] = ()
        self._teacher_stages: tuple[int, ...] = ()
        if config.features > 0:
            pairs = _stage_pairs(teacher, student)
            self.student_stages = tuple(of_student.index for of_student, _ in pairs)
            self._teacher_stages = tuple(of_teacher.index for _, of_teacher in pairs)
            self.maps.extend(nn.Conv2d(of_student.channels, of_teacher.channels, 1) for of_student, of_teacher in pairs)

    def forward(self, output: Tensor, features: Mapping[int, Tensor], batch: PairBatch) -> dict[str, Tensor]:
        """Compute the loss terms of distillation by name, before their weights.

        Args:
            output: Images of the student, [batch, 3, height, width] in [-1, 1].
            features: Features of the same forward pass at `student_stages`.
            batch: Photos that they were generated from.
        """
        with torch.no_grad():
            target, target_features = self._run_teacher(batch)
        terms: dict[str, Tensor] = {}
        if self._config.output.weight > 0:
            terms["distill_output"] = losses.l1(output, target)
            if self._config.output.structure > 0:
                structure = losses.ms_ssim(output, target)
                terms["distill_output"] = terms["distill_output"] + self._config.output.structure * structure
        if self.maps:
            distances = [
                _normalised_l1(to_teacher(features[ours]), target_features[theirs])
                for to_teacher, ours, theirs in zip(self.maps, self.student_stages, self._teacher_stages, strict=True)
            ]
            terms["distill_features"] = torch.stack(distances).mean()
        return terms

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

    def _run_teacher(self, batch: PairBatch) -> GeneratorOutput:
        glimpse = batch.glimpse if self.teacher.uses_glimpse else None
        context = None if glimpse is None else self.teacher.context_from_glimpse(glimpse)
        output: GeneratorOutput = self.teacher(batch.content, context, batch.style, self._teacher_stages)
        return output


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


def _stage_pairs(teacher: Generator, student: Generator) -> list[tuple[FeatureStage, FeatureStage]]:
    """Stages of the student, each with the stage of the teacher that it is compared with."""
    if not isinstance(student, Lite):
        raise ConfigError(
            f"[distill -> features] compares the features of a lite, and {student.architecture} learns: set"
            " model.generator=lite, or distill.features=0"
        )
    teacher_stages = teacher.stages_at_scale(student.scale)
    if teacher_stages is None:
        raise ConfigError(
            f"[distill -> features] the teacher run's generator is a {teacher.architecture}, whose features have no"
            " counterpart: set distill.features=0, or name a run of a unet or a lite"
        )
    return list(zip(student.stages_at_scale(student.scale), teacher_stages, strict=True))


def _normalised_l1(output: Tensor, target: Tensor) -> Tensor:
    """Mean absolute difference, in units of the mean magnitude of the target."""
    target = wide(target)
    if target.shape[-2:] != output.shape[-2:]:
        target = F.adaptive_avg_pool2d(target, (output.shape[-2], output.shape[-1]))
    return losses.l1(output, target) / target.abs().mean().clamp(min=_LEAST)
