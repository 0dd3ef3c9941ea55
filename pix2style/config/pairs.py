"""The section `pairs`: photos, teacher and format of a pair set."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from pix2style.config.paths import UserPath, UserPathText
from pix2style.config.section import Section
from pix2style.plural import counted
from pix2style.teacher_table import DEFAULT_TEACHER, TEACHER_NAMES, find_teacher


def _check_teacher(name: str) -> str:
    return find_teacher(name).name


class StyleConfig(Section):
    """One style, made from one or several paintings."""

    paintings: tuple[UserPath, ...] = Field(min_length=1)
    """Image files of the paintings. Several are blended into one style."""
    weights: tuple[float, ...] = ()
    """Weight of each painting in the blend; only their ratios matter. If empty, the weights are equal."""
    strength: float = Field(1.0, ge=0, le=1)
    """How much of the paintings' style: 0 is the photo's own style, 1 the paintings'."""
    name: str | None = None
    """Name of the style. Without a value, it is made of the names of the paintings."""

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.weights and len(self.weights) != len(self.paintings):
            raise ValueError(
                f"{counted(len(self.weights), 'weight')} for {counted(len(self.paintings), 'painting')}: give one"
                " for each"
            )
        if not all(weight > 0 for weight in self.weights):
            raise ValueError("every weight must be above 0")
        return self


class GatysConfig(Section):
    """Settings of the teacher `gatys`."""

    preset: str = "gatys-2015"
    """Settings of the optimisation: `gatys-2015`, `adam-7000` or `shallow`; see `pix2style stylize --help`."""
    steps: int | None = Field(None, ge=1)
    """Optimisation steps at the smallest size. Without a value, those of the preset."""
    weights: UserPath | None = None
    """Safetensors file with the weights of VGG19. Without a value, as for `losses.features.weights`."""
    precision: Literal["fp32", "bf16"] = "fp32"
    """bf16: VGG19 in bfloat16 in all but the last steps, which is faster where the processor multiplies it natively."""


class PairsConfig(Section):
    """How `make-pairs` makes a pair set from photos and a teacher, and where the other commands read it."""

    path: UserPath | None = None
    """Folder of the pair set: written by `make-pairs`, read by `train`, `distill`, `export` and `eval`."""
    content: tuple[UserPath, ...] = ()
    """Photos to stylize: files, and folders that are searched recursively."""
    teacher: Annotated[str, AfterValidator(_check_teacher), Field(json_schema_extra={"enum": list(TEACHER_NAMES)})] = (
        DEFAULT_TEACHER
    )
    """What stylizes the photos. `watercolor`: a watercolour filter that needs no painting. `magenta`: Google Magenta's
    network, in the style of a painting. `gatys`: optimisation towards a painting, minutes per photo on a CPU."""
    style: UserPath | None = None
    """Image file of the painting, for `magenta` and `gatys`. Use `styles` instead for blends and for several styles."""
    styles: tuple[StyleConfig, ...] = ()
    """Blends of paintings, and several styles. A style's number is its position in this list, from 0."""
    styles_per_photo: int | None = Field(None, ge=1)
    """Number of the styles in which each photo is stylized; a hash of the photo chooses them. Without a value, each
    photo is stylized in every style."""
    module: UserPathText | None = None
    """Network of the teacher `magenta`: `mobile` (the small one of the extra painting), `full` (the large one, which is
    downloaded if it is not in the cache), a SavedModel folder, a converted folder or an address. Without a value, the
    environment variable `PIX2STYLE_MAGENTA`, else the large network if it was fetched, else the mobile one."""
    backend: Literal["auto", "tensorflow", "onnx"] = "auto"
    """Library that runs the teacher `magenta`. `auto`: ONNX Runtime if the network has been converted (`pix2style
    teacher convert`), else TensorFlow."""
    painting_size: int = Field(256, ge=64, le=1024)
    """Size in pixels at which the teacher `magenta` sees the middle square of a painting. Larger paintings give larger
    and fewer strokes, and keep more of the photo; smaller ones give finer texture. The network was trained with 256."""
    gatys: GatysConfig = Field(default_factory=GatysConfig)
    """Settings of the teacher `gatys`."""
    preserve_color: bool = False
    """Whether targets keep the photo's colours, and take only the lightness (L in CIE Lab) of the teacher's image."""
    size: int = Field(256, ge=32, le=4096)
    """Size of the images in pixels; `fit` says which side."""
    fit: Literal["crop", "fit", "keep"] = "crop"
    """`crop`: the square in the photo's middle, resized to `size` x `size`. `fit`: the whole photo, shrunk until its
    longer side is at most `size`. `keep`: the photo as it is."""
    format: Literal["png", "jpeg"] = "png"
    """File format of the images. `png` is lossless. `jpeg` (quality 95, no chroma subsampling) takes a fifth of the
    space."""
    variants: int = Field(0, ge=0)
    """Number of augmented copies of each training photo that are stylized too: mirrored, rotated, scaled, cropped and
    recoloured (`pix2style/pairs/build/variants.py` has the ranges). Useful for few photos. Augmenting finished pairs is
    no substitute: what a teacher makes of a mirrored photo is not the mirrored target."""
    learn_style: int | None = Field(None, ge=0)
    """Number of the style that is trained, from 0, if the set has several. Without a value and with `model.styles`
    above 1, all styles are trained."""
    val_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos for validation during training, chosen by a hash of the photo's file."""
    test_share: float = Field(0.05, ge=0, lt=1)
    """Share of photos for testing, which only `eval` and `export` read, chosen by the same hash."""
    pairs_per_shard: int = Field(256, ge=1, le=100_000)
    """Approximate number of pairs in each shard (a tar file)."""
    batch: int | None = Field(None, ge=1, le=256)
    """Number of photos that the teacher stylizes at once. Without a value, 4, or 1 for the slow teacher `gatys`."""

    @property
    def teacher_batch(self) -> int:
        """Number of photos that the teacher stylizes at once: `batch`, or a default that suits the teacher."""
        return self.batch or (4 if find_teacher(self.teacher).fast else 1)

    @property
    def paintings(self) -> tuple[Path, ...]:
        """Image files of all paintings of `style` or `styles`, without duplicates."""
        named = (self.style,) if self.style is not None else ()
        return tuple(dict.fromkeys((*named, *(painting for style in self.styles for painting in style.paintings))))

    @model_validator(mode="after")
    def _check(self) -> Self:
        if self.val_share + self.test_share >= 1:
            raise ValueError("val_share and test_share together leave nothing to train on: use smaller shares")
        if self.style is not None and self.styles:
            raise ValueError("style and styles cannot both be set: put the painting into styles")
        return self
