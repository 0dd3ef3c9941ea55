"""Knowledge distillation: a small generator learns from a trained one.

After OMGD (Ren et al. 2021, arXiv 2108.06908), with these differences. The teacher is trained beforehand and frozen;
OMGD trains it along with the student. The losses of the section `losses` apply as well, whereas OMGD's student learns
from its teachers only; its perceptual, style and total variation losses are therefore not repeated here. Intermediate
features are compared pixel by pixel through learned 1x1 convolutions (as in FitNets, Romero et al. 2014, arXiv
1412.6550); OMGD compares the mean of each channel.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

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
from pix2style.plural import counted
from pix2style.runs.folder import RunFolder
from pix2style.runs.generator import averaged_weights_file, load_generator
from pix2style.training.batch import PairBatch

# Keeps the division finite if all features of the teacher are 0.
_MIN_MAGNITUDE = 1e-6


class Distiller(nn.Module):
    """The loss terms that compare a student generator with a trained teacher.

    Args:
        config: Section `distill`.
        teacher: Trained generator, with as many styles as the student.
        student: Generator that is trained.
        sha256: Digest of the file with the teacher's weights.

    Attributes:
        teacher: The trained generator, frozen and in eval mode.
        maps: 1x1 convolutions from features of the student to those of the teacher; the optimiser of the student
            trains them.
        student_stages: Stages of the student whose features `forward` needs; empty if `distill.features` is 0.

    Raises:
        ConfigError: `distill.features` is not 0, and the architecture of student or teacher has no features to compare.
    """

    def __init__(self, config: DistillConfig, teacher: Generator, student: Generator, sha256: str) -> None:
        super().__init__()
        self._config, self._sha256 = config, sha256
        self.teacher = teacher.eval().requires_grad_(requires_grad=False)
        self.maps = nn.ModuleList()
        self.student_stages: tuple[int, ...] = ()
        self._teacher_stages: tuple[int, ...] = ()
        self._scales: list[tuple[int, int]] = []  # of the features of student and teacher
        if config.features > 0:
            student_stages, teacher_stages = _comparable_stages(student, teacher)
            self.student_stages = tuple(stage.index for stage in student_stages)
            self._teacher_stages = tuple(stage.index for stage in teacher_stages)
            self._scales = [(s.scale, t.scale) for s, t in zip(student_stages, teacher_stages, strict=True)]
            for student_stage, teacher_stage in zip(student_stages, teacher_stages, strict=True):
                self.maps.append(nn.Conv2d(student_stage.channels, teacher_stage.channels, 1))

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
                _normalised_l1(*_same_places(feature_map(features[student]), target_features[teacher], *scales))
                for feature_map, student, teacher, scales in zip(
                    self.maps, self.student_stages, self._teacher_stages, self._scales, strict=True
                )
            ]
            terms["distill_features"] = torch.stack(distances).mean()
        return terms

    def weights(self) -> dict[str, float]:
        """Return the weight of each loss term."""
        return {"distill_output": self._config.output.weight, "distill_features": self._config.features}

    def resume_state(self) -> dict[str, Tensor]:
        """Return what a checkpoint must hold to resume exactly, on the CPU: the maps and the teacher's digest."""
        maps = {f"distill_maps.{name}": value.cpu().clone() for name, value in self.maps.state_dict().items()}
        return {"distill_teacher": torch.tensor(list(bytes.fromhex(self._sha256)), dtype=torch.uint8), **maps}

    def load_resume_state(self, state: dict[str, Tensor]) -> None:
        """Continue from what `resume_state` returned.

        Raises:
            ArtifactError: The weights of the teacher have changed since.
            KeyError: The state is not complete.
        """
        if bytes(state["distill_teacher"].tolist()).hex() != self._sha256:
            raise ArtifactError(
                f"[distill -> teacher_run] {self._config.teacher_run}: its weights have changed since this run began"
                " (was it trained further?): start a new run in another --out"
            )
        self.maps.load_state_dict({name: state[f"distill_maps.{name}"] for name in self.maps.state_dict()})

    def _run_teacher(self, batch: PairBatch) -> GeneratorOutput:
        glimpse = batch.glimpse if self.teacher.uses_glimpse else None
        context = None if glimpse is None else self.teacher.context_from_glimpse(glimpse)
        output: GeneratorOutput = self.teacher(batch.content, context, batch.style, self._teacher_stages)
        return output


def build_distiller(config: Config, student: Generator) -> Distiller | None:
    """Build the distillation from the run that `distill.teacher_run` names.

    Args:
        config: Experiment.
        student: Generator that is trained.

    Returns:
        None if no run is named, or all weights of the section `distill` are 0.

    Raises:
        ArtifactError: The run cannot be used.
        ConfigError: The run has another number of styles than the student or no features to compare, or it needs whole
            photos and would get crops.
    """
    section = config.distill
    if section.teacher_run is None or not section.is_active:
        return None
    run = RunFolder(section.teacher_run)
    teacher, meta = load_generator(run)
    if teacher.styles != student.styles:
        raise ConfigError(
            f"[distill -> teacher_run] {section.teacher_run}: holds {counted(teacher.styles, 'style')}, but the student"
            f" {student.styles}: set model.styles={teacher.styles}, or name another run"
        )
    # Folding creates layers, and their initial weights, although overwritten at once, advance the random state.
    with torch.random.fork_rng(devices=[]):
        teacher = teacher.folded()
    file = averaged_weights_file(run, run.checkpoint("latest"), meta)
    distiller = Distiller(section, teacher, student, sha256_file(file))
    if teacher.global_context and not teacher.uses_glimpse and config.train.augment.crop is not None:
        raise ConfigError(
            f"[distill -> teacher_run] {section.teacher_run}: its normalisation takes statistics of the whole photo, so"
            " it cannot stylize crops: set train.augment.crop=null train.batch=1"
        )
    return distiller


def _comparable_stages(student: Generator, teacher: Generator) -> tuple[Sequence[FeatureStage], Sequence[FeatureStage]]:
    """Return stages of the student, and as many of the teacher that they are compared with."""
    if not isinstance(student, Lite):
        raise ConfigError(
            f"[distill -> features] only a lite generator can learn features, and the student is a"
            f" {student.architecture}: set model.generator=lite, or distill.features=0"
        )
    teacher_stages = teacher.stages_at_scale(student.scale)
    if teacher_stages is None:
        raise ConfigError(
            f"[distill -> features] the generator of the teacher run is a {teacher.architecture}, whose features cannot"
            " be compared: set distill.features=0, or name a run of a unet or a lite"
        )
    return student.stages_at_scale(student.scale), teacher_stages


def _same_places(output: Tensor, target: Tensor, output_scale: int, target_scale: int) -> tuple[Tensor, Tensor]:
    """Return features of student and teacher so that equal positions are equal places of the photo.

    Both networks pad photos on the right and below, to different multiples, so the larger map is cut there.

    Args:
        output: Features of the student, [batch, channels, h, w].
        target: Features of the teacher, [batch, channels, h', w'].
        output_scale: See `FeatureStage.scale`, of the student. One scale is a multiple of the other.
        target_scale: The same of the teacher.

    Returns:
        Both at the resolution of the student.
    """
    target = wide(target)
    if target_scale > output_scale:
        factor = target_scale // output_scale
        target = target.repeat_interleave(factor, 2).repeat_interleave(factor, 3)
    elif target_scale < output_scale:
        # A map that ends within a position of the student has a mean of what is there.
        target = F.avg_pool2d(target, output_scale // target_scale, ceil_mode=True, count_include_pad=False)
    height, width = (min(sides) for sides in zip(output.shape[-2:], target.shape[-2:], strict=True))
    return output[..., :height, :width], target[..., :height, :width]


def _normalised_l1(output: Tensor, target: Tensor) -> Tensor:
    """Return the mean absolute difference, divided by the target's mean magnitude."""
    return losses.l1(output, target) / target.abs().mean().clamp(min=_MIN_MAGNITUDE)
