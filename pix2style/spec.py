"""The description that every filter file carries: `GeneratorSpec`, stored as JSON in the ONNX metadata."""

from __future__ import annotations

import json
import reprlib
from dataclasses import asdict, field, fields
from typing import Any

from pix2style.errors import ArtifactError
from pix2style.light_dataclass import dataclass

SPEC_KEY = "pix2style.generator_spec"
SPEC_VERSION = 2
_READABLE_VERSIONS = (1, 2)  # version 1 lacks the fields that have defaults here
INPUT_NAME = "photo"
OUTPUT_NAME = "stylized"
STRENGTH_NAME, STYLE_NAME, GLIMPSE_NAME = "strength", "style", "glimpse"
_LONGEST_REASON = 200
_LARGEST_FIGURE = 1e300  # excludes infinity and NaN, which are no JSON
# Smallest and largest value of each whole number in a description; tiles are computed from two of them.
_RANGES = {
    "parameters": (0, 2**53),
    "size_multiple": (1, 2**12),
    "receptive_field_px": (0, 2**20),
    "trained_at_px": (0, 2**20),
    "glimpse_px": (0, 2**12),
    "step": (0, 2**53),
    "images_seen": (0, 2**53),
}


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a filter comes from.

    Attributes:
        pairs_sha256: Digest of the manifest of the pair set.
        teacher: Name of the stylizer that made the targets.
        teacher_sha256: Digest of the teacher's weights or algorithm.
        style_sha256: Digests of the style images' files.
        run_config_sha256: Digest of the resolved configuration of the run.
        step: Optimiser step of the exported checkpoint.
        images_seen: Number of training images processed up to that step.
    """

    pairs_sha256: str
    teacher: str
    teacher_sha256: str
    style_sha256: tuple[str, ...]
    run_config_sha256: str
    step: int
    images_seen: int


@dataclass(frozen=True, slots=True)
class GeneratorSpec:
    """The description of a filter.

    The input `photo` and the output `stylized` of the file are uint8 [batch, height, width, 3], RGB, sRGB levels of
    0..255. Height and width are free, and the output has those of the input. int8 files take one photo at a time (batch
    is 1), unless they were made for OpenCV. Value ranges, padding and rounding are handled inside the graph. Files of
    the lightweight generator have the optional inputs `strength`, `glimpse` (small patches from all over the photo,
    from which the generator takes its global context), and `style` if they hold several styles.

    Attributes:
        name: Name of the filter, for example `watercolor`.
        architecture: Kind of the generator: `lite`, `unet`, `unet-2017`, `resnet` or `transformer`.
        parameters: Number of weights in the file, after folding.
        size_multiple: The graph pads height and width to multiples of this by repeating the edge, and crops afterwards.
        receptive_field_px: Largest distance at which an input pixel can change an output pixel, apart from the global
            context.
        global_context: Whether every output pixel also depends on the whole photo, through a glimpse or through the
            statistics of normalisation layers.
        trained_at_px: Side of the training crops in pixels. The size of the strokes fits photos of that scale.
        licence: Licence of the filter, as stated by its makers.
        pix2style_version: Version of pix2style that exported the file.
        provenance: Where the filter comes from.
        precision: `fp32`; `fp16`, with weights stored as float16; or `int8`, computed in 8 bits.
        styles: Names of the styles, in the order of the input `style`; empty if the file holds one style.
        glimpse_px: Side of the input `glimpse` in pixels; 0 if there is no such input. If tiles start at multiples of
            `size_multiple` and get the glimpse of the whole photo, their output equals that part of the whole output,
            except within `receptive_field_px` of a side where the photo was cut.
        quality: Figures measured at export, by name; see `export.quality.measure_quality`.
        schema_version: Version of this format.
    """

    name: str
    architecture: str
    parameters: int
    size_multiple: int
    receptive_field_px: int
    global_context: bool
    trained_at_px: int
    licence: str
    pix2style_version: str
    provenance: Provenance
    precision: str = "fp32"
    styles: tuple[str, ...] = ()
    glimpse_px: int = 0
    quality: dict[str, float] = field(default_factory=dict)
    schema_version: int = field(default=SPEC_VERSION)

    def to_json(self) -> str:
        """Return the description as one line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> GeneratorSpec:
        """Read a description that `to_json` wrote, in this schema version or an older one.

        Args:
            text: The JSON.
            source: Name of the file that contains it, for messages.

        Raises:
            ArtifactError: The description is damaged, or has a schema version that this pix2style does not know.
        """
        try:
            value: dict[str, Any] = json.loads(text)
            version = value["schema_version"]
        except (ValueError, KeyError, TypeError, RecursionError) as error:
            raise _damaged(source, error) from error
        if type(version) is not int or version not in _READABLE_VERSIONS:
            raise ArtifactError(
                f"{source}: has description version {reprlib.repr(version)}, this pix2style reads up to {SPEC_VERSION}:"
                " update pix2style or export it again"
            )
        try:
            provenance = dict(value["provenance"])
            provenance["style_sha256"] = _texts(provenance["style_sha256"])
            styles = _texts(value.get("styles", []))
            plain_fields = {f.name for f in fields(cls)} - {"provenance", "styles"}
            plain_values = {key: item for key, item in value.items() if key in plain_fields}
            spec = cls(provenance=Provenance(**provenance), styles=styles, **plain_values)
            _check_values(spec)
            _check_values(spec.provenance)
        except (KeyError, TypeError, ValueError) as error:
            raise _damaged(source, error) from error
        return spec


def _damaged(source: str, error: Exception) -> ArtifactError:
    # The text may hold what a stranger wrote into the file.
    text = "".join(character if character.isprintable() else "?" for character in str(error))[:_LONGEST_REASON]
    return ArtifactError(f"{source}: its description is damaged ({text}): export it again")


def _check_values(part: GeneratorSpec | Provenance) -> None:
    """Check the types and ranges of all values, which a stranger may have written.

    Raises:
        ValueError: A value has another type or is out of range.
    """
    for entry in fields(part):
        value = getattr(part, entry.name)
        low, high = _RANGES.get(entry.name, (0, 0))
        fits = {
            "str": isinstance(value, str),
            "bool": isinstance(value, bool),
            "int": type(value) is int and (entry.name not in _RANGES or low <= value <= high),
            "dict[str, float]": _holds_numbers(value),
        }
        if not fits.get(str(entry.type), True):
            number = f": must be a whole number from {low} to {high}" if entry.name in _RANGES else ""
            raise ValueError(f"{entry.name} is {reprlib.repr(value)}{number}")


def _holds_numbers(value: Any) -> bool:
    return isinstance(value, dict) and all(
        isinstance(number, int | float) and -_LARGEST_FIGURE < number < _LARGEST_FIGURE for number in value.values()
    )


def _texts(value: Any) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(text, str) for text in value):
        raise ValueError(f"{reprlib.repr(value)} is no list of texts")
    return tuple(value)
