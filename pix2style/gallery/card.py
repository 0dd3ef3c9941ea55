"""The card of a filter in the gallery: where it comes from, what it may be used for, and how good it is.

A card is a JSON file beside the filter, with the fields of `Card`:

    {
      "title": "The Great Wave",
      "summary": "Prussian blue and paper white, with hard outlines.",
      "painting": {
        "title": "The Great Wave off Kanagawa", "artist": "Katsushika Hokusai", "year": "1831",
        "source": "https://...", "licence": "public domain", "sha256": "..."
      },
      "teacher": {"name": "magenta:great-wave.jpg", "source": "https://...", "licence": "Apache-2.0"},
      "licence": "CC0-1.0",
      "photos": {"list": "photos.md", "count": 185, "licences": ["CC0-1.0", "CC-BY-4.0"]},
      "figures": {
        "held_out_photos": 40, "psnr_db": 24.1, "ssim": 0.81,
        "gram_distance": 0.12, "float_psnr_db": 42.1, "shift_error": 9.1, "noise_gain": 1.3
      },
      "limits": ["Faces lose their eyes in photos below 300 pixels."]
    }
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields
from pathlib import Path
from typing import Any

FIGURES: Mapping[str, str] = {
    "held_out_photos": "Photos that were not used for training, on which the filter was measured",
    "psnr_db": "PSNR against the teacher in dB; more is closer",
    "ssim": "SSIM against the teacher; 1 is equal",
    "gram_distance": "Relative Gram distance to the teacher's images on four of the photos; 0 is the same texture",
    "float_psnr_db": "PSNR of the 8-bit filter against its float weights in dB; above 40 it is hardly visible",
    "shift_error": (
        "RMS change, in levels of 255, when a photo moves by one pixel, mean of four photos; less is steadier in clips"
    ),
    "noise_gain": "Gain of the noise of a camera, mean of four photos; below 1 the filter calms it",
}
"""What each figure of a card means."""


@dataclass(frozen=True, slots=True)
class Painting:
    """The painting that defines a style.

    Attributes:
        title: Title of the painting.
        artist: Name of the painter.
        year: Year as text, for example `c. 1831`.
        source: Address, or package and path, of the reproduction that was used.
        licence: Licence of the painting and its reproduction.
        sha256: Digest of the picture's file.
    """

    title: str
    artist: str
    year: str
    source: str
    licence: str
    sha256: str = ""


@dataclass(frozen=True, slots=True)
class Teacher:
    """The stylizer whose results the filter learned.

    Attributes:
        name: Name as `load_stylizer` takes it, for example `magenta:great-wave.jpg` or `watercolor`.
        source: Where the teacher comes from.
        licence: Licence of the teacher.
    """

    name: str
    source: str
    licence: str


@dataclass(frozen=True, slots=True)
class Photos:
    """The photos that a filter was trained, validated and measured on.

    Attributes:
        list: Name of a file beside the card that lists all photos with their authors and licences.
        count: Number of all these photos; the list says which were held out.
        licences: The licences that occur among them.
    """

    list: str
    count: int
    licences: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Card:
    """The card of a filter.

    Attributes:
        name: Name of the filter, which is that of its file.
        title: Title for people.
        summary: What the style looks like, on one line.
        painting: The painting; None for a teacher without one, as the watercolour.
        teacher: The teacher.
        licence: Licence of the weights.
        photos: The photos of training, validation and measurement.
        figures: Figures on held-out photos, by the names in `FIGURES`.
        limits: Known limits, each one sentence.
    """

    name: str
    title: str
    summary: str
    painting: Painting | None
    teacher: Teacher
    licence: str
    photos: Photos
    figures: dict[str, float]
    limits: tuple[str, ...]

    @property
    def artist(self) -> str:
        """Name of the painter; empty if there is no painting."""
        return self.painting.artist if self.painting else ""

    def to_json(self) -> dict[str, Any]:
        """Return the card as values for JSON."""
        return asdict(self)


def read_card(path: Path) -> Card:
    """Read a card.

    Args:
        path: Path of the filter or of its card.

    Raises:
        ValueError: The card is incomplete or has unknown fields. The message names the file and the field.
    """
    path = path.with_suffix(".json")
    value = json.loads(path.read_text("utf-8"))
    painting = value.get("painting")
    try:
        card = Card(
            **{
                **value,
                "name": path.stem,
                "painting": Painting(**painting) if painting else None,
                "teacher": Teacher(**value["teacher"]),
                "photos": Photos(**{**value["photos"], "licences": tuple(value["photos"]["licences"])}),
                "limits": tuple(value["limits"]),
            }
        )
    except (KeyError, TypeError) as error:
        raise ValueError(f"{path}: {error}") from error
    if empty := [field.name for field in fields(card) if field.name != "painting" and not getattr(card, field.name)]:
        raise ValueError(f"{path}: {', '.join(empty)} must not be empty")
    if set(card.figures) != set(FIGURES):
        raise ValueError(f"{path}: figures must be {', '.join(FIGURES)}")
    return card
