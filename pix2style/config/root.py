"""The whole configuration of an experiment: all sections together."""

from __future__ import annotations

from typing import Any, Self

from pydantic import Field, model_validator

from pix2style.config.distill import DistillConfig
from pix2style.config.losses import LossesConfig
from pix2style.config.model import ModelConfig
from pix2style.config.output import EvalConfig, ExportConfig
from pix2style.config.pairs import PairsConfig
from pix2style.config.section import Section
from pix2style.config.train import TrackingConfig, TrainConfig


class Config(Section):
    """All settings of one experiment, from the pair set to the filter file."""

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    """Name of the experiment, of its run folder (`runs/NAME`) and of its filter file: letters, digits, dots, dashes and
    underscores."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Seed of all random numbers of the training: initial weights, order of photos, crops and dropout."""
    pairs: PairsConfig = PairsConfig()
    """How photos become a pair set."""
    model: ModelConfig = ModelConfig()
    """The networks that are trained."""
    losses: LossesConfig = LossesConfig()
    """The losses of the generator and their weights."""
    distill: DistillConfig = DistillConfig()
    """What is distilled from a trained run, besides the pair set."""
    train: TrainConfig = TrainConfig()
    """Length, speed and device of the training."""
    tracking: TrackingConfig = TrackingConfig()
    """Experiment trackers."""
    export: ExportConfig = ExportConfig()
    """The filter file that `export` writes."""
    eval: EvalConfig = EvalConfig()
    """Which photos `eval` evaluates stylizers on."""

    @model_validator(mode="before")
    @classmethod
    def _read_earlier_keys(cls, values: Any) -> Any:
        """Read `model.start_from`, as `model.start_from` was called until November 2026."""
        train = values.get("train") if isinstance(values, dict) else None
        if not isinstance(train, dict) or "start_from" not in train:
            return values
        model = {"start_from": train["start_from"], **(values.get("model") or {})}
        return {**values, "model": model, "train": {key: train[key] for key in train if key != "start_from"}}

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.distill.photos or self.distill.painted) and (self.model.styles > 1 or self.train.unpaired):
            raise ValueError(
                "distill.photos and distill.painted need a pair set with targets and a single style: leave them out, or"
                " set model.styles: 1 and train.unpaired: false"
            )
        if not (self.losses.is_active or self.distill.is_active):
            raise ValueError("losses: every weight is 0, so that nothing would be trained: set at least one weight")
        if not (self.losses.has_loss_in_every_step or self.distill.is_active):
            raise ValueError(
                "losses: there are steps without any loss, because each active one begins later (start_images,"
                " start_share, ramp_images, ramp_share) or is part of some steps only (every): set losses.l1, or let"
                " one loss begin at once and be part of every step"
            )
        if self.train.unpaired and self.losses.paired_keys:
            raise ValueError(
                f"train.unpaired: the photos have no targets, but {', '.join(self.losses.paired_keys)} compare with"
                " targets: set their weights to 0, or set train.unpaired: false"
            )
        style = self.losses.style
        names_painting = self.pairs.style is not None or bool(self.pairs.styles)
        # A pair set may hold its painting, which is found when it is opened.
        if style.compares_paintings and not names_painting and (self.pairs.path is None or self.train.unpaired):
            raise ValueError(
                "losses.style: to: painting and painting_weight need a painting: set pairs.style to its file"
            )
        return self
