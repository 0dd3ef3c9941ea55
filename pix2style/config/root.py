"""One experiment: all sections together."""

from __future__ import annotations

from typing import Self

from pydantic import Field, model_validator

from pix2style.config.distill import DistillConfig
from pix2style.config.losses import LossesConfig
from pix2style.config.model import ModelConfig
from pix2style.config.output import EvalConfig, ExportConfig
from pix2style.config.pairs import PairsConfig
from pix2style.config.section import Section
from pix2style.config.train import TrackingConfig, TrainConfig


class Config(Section):
    """Everything that one experiment needs, in one file."""

    name: str = Field("run", pattern=r"^[A-Za-z0-9][A-Za-z0-9._-]{0,79}$")
    """Of the experiment, its run folder and its filter: letters, digits, dots, dashes."""
    seed: int = Field(0, ge=0, lt=2**32)
    """Of weights, order, crops and dropout."""
    pairs: PairsConfig = PairsConfig()
    """Photos to pairs."""
    model: ModelConfig = ModelConfig()
    """Networks."""
    losses: LossesConfig = LossesConfig()
    """What is learned."""
    distill: DistillConfig = DistillConfig()
    """What a trained run teaches besides."""
    train: TrainConfig = TrainConfig()
    """How it is learned."""
    tracking: TrackingConfig = TrackingConfig()
    """Who hears of it."""
    export: ExportConfig = ExportConfig()
    """The filter file."""
    eval: EvalConfig = EvalConfig()
    """Measuring."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if (self.distill.photos or self.distill.painted) and (self.model.styles > 1 or self.train.unpaired):
            raise ValueError(
                "distill.photos and distill.painted are for one style, and learned besides pairs: leave them out, or"
                " set model.styles: 1 and train.unpaired: false"
            )
        if not (self.losses.is_active or self.distill.is_active):
            raise ValueError("losses: every weight is 0: nothing would be learned")
        if self.train.unpaired and self.losses.paired_keys:
            raise ValueError(
                f"train.unpaired: nobody painted these photos, and {', '.join(self.losses.paired_keys)} compare with"
                " the teacher's pictures: set their weights to 0, or train.unpaired: false"
            )
        style = self.losses.style
        if style.compares_paintings and self.pairs.style is None and not self.pairs.styles:
            raise ValueError(
                "losses.style.to: painting, and painting_weight, need a painting: set pairs.style to its file"
            )
        return self
