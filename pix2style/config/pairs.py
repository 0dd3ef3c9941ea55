"""The section `pairs`: which photos, which teacher, what comes out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pix2style.config.section import Section
from pix2style.teacher_table import DEFAULT_TEACHER, TEACHER_NAMES, find_teacher


def _check_teacher(name: str) -> str:
    return find_teacher(name).name


class StyleConfig(Section):
    """One style, from one or more paintings."""

    paintings: tuple[Path, ...] = Field(min_length=1)
    """Their files."""
    weights: tuple[float, ...] = ()
    """How much each painting counts; only the ratios matter; nothing: equally."""
    strength: float = Field(1.0, ge=0, le=1)
    """From 0, the photo's own style, to 1, the paintings'."""
    name: str | None = None
    """For people; nothing: the paintings' names."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weights and len(self.weights) != len(self.paintings):
            raise ValueError(f"{len(self.weights)} weights for {len(self.paintings)} paintings")
        if not all(weight > 0 for weight in self.weights):
            raise ValueError("weights must be positive")
        return self


class GatysConfig(Section):
    """How the teacher gatys optimises."""

    preset: str = "gatys-2015"
    """A recipe: see pix2style stylize --help."""
    steps: int | None = Field(None, ge=1)
    """Other than the recipe's."""
    weights: Path | None = None
    """VGG19 as a safetensors file; nothing: torchvision's, downloaded once."""


class PairsConfig(Section):
    """Photos and a teacher become a pair set; `train` reads it from `path`."""

    path: Path | None = None
    """The pair set's folder: written by make-pairs, read by train and eval."""
    content: tuple[Path, ...] = ()
    """Folders or files of content photos, scanned recursively."""
    teacher: Annotated[str, AfterValidator(_check_teacher), Field(json_schema_extra={"enum": list(TEACHER_NAMES)})] = (
        DEFAULT_TEACHER
    )
    """Who paints: the built-in watercolour, Google Magenta's arbitrary stylization, or optimisation after Gatys."""
    style: Path | None = None
    """The painting; magenta and gatys need one, here or in `styles`."""
    styles: tuple[StyleConfig, ...] = ()
    """Blends of paintings, and several styles: a pair carries its style's place in this list."""
    styles_per_photo: int | None = Field(None, ge=1)
    """Paint each photo in so many of the styles, chosen by its content; nothing: in each."""
    module: str | None = None
    """For magenta: a local folder of the network, or another TF-Hub address than the default."""
    backend: Literal["auto", "tensorflow", "onnx"] = "auto"
    """For magenta: what runs it; auto is ONNX Runtime where the network has been converted, else TensorFlow."""
    gatys: GatysConfig = Field(default_factory=GatysConfig)
    """For gatys."""
    preserve_color: bool = False
    """Keep the photo's colours: the target gets only the lightness of what the teacher paints (in Lab)."""
    size: int = Field(256, ge=32, le=4096)
    """Of the pictures in pixels, as `fit` says."""
    fit: Literal["crop", "fit", "keep"] = "crop"
    """crop: the photo's middle square, scaled to `size` x `size`; fit: the whole photo, its longer side shrunk to
    `size` if it is longer; keep: the photo as it is."""
    format: Literal["png", "jpeg"] = "png"
    """How pictures are stored: png is lossless, jpeg (quality 95, 4:4:4) is a fifth of the size."""
    variants: int = Field(0, ge=0)
    """Besides each photo of train, paint so many varied copies of it: mirrored, turned, scaled, cut, in other colours
    (pairs/build/variants.py). For few photos, as varying finished pairs is no substitute. Only make-pairs reads it."""
    learn_style: int | None = Field(None, ge=0)
    """Which style of a set with several train learns: its place in the set's list, from 0. With model.styles above 1,
    nothing: all of them."""
    val_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos for the validation grid, chosen by a hash of the file's content."""
    test_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos that nothing but eval reads, chosen by the same hash."""
    pairs_per_shard: int = Field(256, ge=1, le=100_000)
    """Pairs in one tar file, about."""
    batch: int | None = Field(None, ge=1, le=256)
    """Photos that the teacher paints at once; nothing: 1 for gatys, which takes long over each, else 4."""

    @property
    def teacher_batch(self) -> int:
        """`batch`, or what suits the teacher."""
        return self.batch or (4 if find_teacher(self.teacher).fast else 1)

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share together leave nothing to train on")
        if self.style is not None and self.styles:
            raise ValueError("style and styles cannot both be set: put the painting into styles")
        return self
