"""What a filter file says of itself: `GeneratorSpec`, kept as JSON in the ONNX metadata. Plain Python only."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, field, fields
from typing import Any

from pix2style.errors import ArtifactError

SPEC_KEY = "pix2style.generator_spec"
SPEC_VERSION = 2
_READ_VERSIONS = (1, 2)  # 1 lacks the fields that have defaults
INPUT_NAME = "photo"
OUTPUT_NAME = "stylized"
STRENGTH_NAME, STYLE_NAME, GLIMPSE_NAME = "strength", "style", "glimpse"


@dataclass(frozen=True, slots=True)
class Provenance:
    """Where a filter came from.

    Attributes:
        pairs_sha256: digest of the pair set's manifest.
        teacher: name of the stylizer that painted the targets.
        teacher_sha256: digest of the teacher's weights or algorithm.
        style_sha256: digests of the paintings' files.
        run_config_sha256: digest of the resolved configuration.
        step: the checkpoint's optimiser step.
        images_seen: training pictures seen up to there.
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
    """A filter's description.

    The file's input `photo` and output `stylized` are uint8 [batch, height, width, 3], RGB, sRGB values of 0..255; any
    height and width, and the output has the input's. A file of 8 bits takes one photo (batch is 1), unless it was made
    for OpenCV. Ranges, padding and rounding are inside the graph. Files of the lightweight generator have optional
    inputs: `strength`, `glimpse`, and `style` where there are several.

    Attributes:
        name: of the filter, for example `watercolor`.
        architecture: the generator's kind: `lite`, `unet`, `unet-2017`, `resnet`, `transformer`.
        parameters: weights in the file, after folding.
        size_multiple: the graph pads to a multiple of this, by repeating the edge, and crops again.
        receptive_field_px: how far from a pixel the input can change it, without global context.
        global_context: whether every pixel also depends on the whole picture, through a glimpse of it or through
            normalisations' statistics.
        trained_at_px: side of the training crops; the strokes' size belongs to this scale.
        licence: of the filter, as far as its makers stated it.
        pix2style_version: that exported it.
        precision: `fp32`; `fp16`: weights kept as float16; `int8`: computed in 8 bits.
        styles: names of the styles, in the order of the input `style`; empty where the file holds one.
        glimpse_px: side of the input `glimpse`; 0 where there is none. With a glimpse of the whole photo, tiles that
            start at multiples of `size_multiple` equal the whole, but for `receptive_field_px` at their cut sides.
        quality: figures measured at export, by name; see `export.quality.measure`.
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
        """One line of JSON with sorted keys."""
        return json.dumps(asdict(self), sort_keys=True)

    @classmethod
    def from_json(cls, text: str, *, source: str) -> GeneratorSpec:
        """Read what `to_json` wrote.

        Args:
            text: the JSON.
            source: the file it came from, for messages.

        Raises:
            ArtifactError: damaged, or of a schema version that this pix2style does not know.
        """
        try:
            value: dict[str, Any] = json.loads(text)
            version = value["schema_version"]
        except (ValueError, KeyError, TypeError) as error:
            raise ArtifactError(f"{source}: its description is damaged ({error}): export it again") from error
        if version not in _READ_VERSIONS:
            raise ArtifactError(
                f"{source}: has description version {version}, this pix2style reads up to {SPEC_VERSION}:"
                " update pix2style or export it again"
            )
        try:
            origin = dict(value["provenance"])
            origin["style_sha256"] = tuple(origin["style_sha256"])
            known = {f.name for f in fields(cls)} - {"provenance", "styles"}
            styles = tuple(value.get("styles", ()))
            return cls(provenance=Provenance(**origin), styles=styles, **{k: v for k, v in value.items() if k in known})
        except (KeyError, TypeError, ValueError) as error:
            raise ArtifactError(f"{source}: its description is damaged ({error}): export it again") from error
