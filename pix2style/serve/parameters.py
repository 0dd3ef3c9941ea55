"""The parameters of `POST /v1/stylize`, as one table by which requests are checked and the OpenAPI document is made.

So the document and the checks cannot differ.
"""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol
from urllib.parse import parse_qsl

from pix2style.errors import ConfigError

_NUMBER = re.compile(r"-?[0-9]{1,9}(\.[0-9]{1,9})?(e-?[0-9]{1,2})?", re.ASCII | re.IGNORECASE)
_INTEGER = re.compile(r"-?[0-9]{1,9}", re.ASCII)
_MOST_FIELDS = 32  # in a query; there are fewer parameters
_LONGEST_SHOWN = 40
SUFFIXES = {"jpeg": ".jpg", "jpg": ".jpg", "png": ".png", "webp": ".webp", "tiff": ".tif"}
"""Suffixes of the formats that a request can ask for."""


class ParameterError(ConfigError):
    """A parameter of a request is unknown or wrong. The message names it."""


class ValueKind(Protocol):
    """A kind of values of a parameter."""

    def parse(self, text: str) -> Any:
        """Return the value that is written as a text.

        Raises:
            ValueError: The text is not such a value. The message continues the name of the parameter and the text.
        """
        ...

    def schema(self) -> dict[str, Any]:
        """Return the JSON schema of the values."""
        ...


@dataclass(frozen=True, slots=True)
class Number:
    """A number from `least` to `most`."""

    least: float
    most: float

    def parse(self, text: str) -> float:
        """See `ValueKind.parse`."""
        if not _NUMBER.fullmatch(text) or not self.least <= float(text) <= self.most:
            raise ValueError(f"is not a number from {self.least:g} to {self.most:g}")
        return float(text)

    def schema(self) -> dict[str, Any]:
        """See `ValueKind.schema`."""
        return {"type": "number", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Integer:
    """A whole number from `least` to `most`."""

    least: int
    most: int

    def parse(self, text: str) -> int:
        """See `ValueKind.parse`."""
        if not _INTEGER.fullmatch(text) or not self.least <= int(text) <= self.most:
            raise ValueError(f"is not a whole number from {self.least} to {self.most}")
        return int(text)

    def schema(self) -> dict[str, Any]:
        """See `ValueKind.schema`."""
        return {"type": "integer", "minimum": self.least, "maximum": self.most}


@dataclass(frozen=True, slots=True)
class Flag:
    """Yes or no."""

    def parse(self, text: str) -> bool:
        """See `ValueKind.parse`."""
        if text not in ("true", "false"):
            raise ValueError("is neither true nor false")
        return text == "true"

    def schema(self) -> dict[str, Any]:
        """See `ValueKind.schema`."""
        return {"type": "boolean"}


@dataclass(frozen=True, slots=True)
class Choice:
    """One of several words."""

    values: tuple[str, ...]

    def parse(self, text: str) -> str:
        """See `ValueKind.parse`."""
        if text not in self.values:
            raise ValueError(f"is not one of {', '.join(self.values)}")
        return text

    def schema(self) -> dict[str, Any]:
        """See `ValueKind.schema`."""
        return {"type": "string", "enum": list(self.values)}


@dataclass(frozen=True, slots=True)
class Text:
    """A text of a limited length that matches a pattern, which is the same in Python and in JSON schemas."""

    longest: int
    pattern: str
    meaning: str

    def parse(self, text: str) -> str:
        """See `ValueKind.parse`."""
        if len(text) > self.longest or not re.fullmatch(self.pattern, text, re.ASCII):
            raise ValueError(f"is not {self.meaning}")
        return text

    def schema(self) -> dict[str, Any]:
        """See `ValueKind.schema`."""
        return {"type": "string", "maxLength": self.longest, "pattern": f"^(?:{self.pattern})$"}


@dataclass(frozen=True, slots=True)
class Parameter:
    """A row of the table.

    Attributes:
        name: Name in the query.
        kind: Kind of its values.
        description: Description for people.
        example: A value for the documentation.
        default: Value if it is left out; None if that depends on something else.
    """

    name: str
    kind: ValueKind
    description: str
    example: str | float | bool
    default: str | float | bool | None = None

    def parse(self, text: str) -> Any:
        """Return the value that is written as a text.

        Raises:
            ParameterError: The text is not a value of this parameter.
        """
        try:
            return self.kind.parse(text)
        except ValueError as error:
            raise ParameterError(f"{self.name}: {_shown(text)} {error}") from error

    def to_openapi(self) -> dict[str, Any]:
        """Return the parameter object of OpenAPI."""
        schema = self.kind.schema() | ({} if self.default is None else {"default": self.default})
        return {
            "name": self.name,
            "in": "query",
            "required": False,
            "description": self.description,
            "schema": schema,
            "example": self.example,
        }


PARAMETERS: tuple[Parameter, ...] = (
    Parameter(
        "filter",
        Text(400, r"[^\x00-\x1f]+", "the name of a filter"),
        "Name of a filter that `GET /v1/filters` lists, or a blend of several: names with weights. Default: the first"
        " filter.",
        "great-wave:0.6,ejiri:0.4",
    ),
    Parameter("strength", Number(0, 1), "Strength of the style: 0 returns the photo, 1 the full style.", 0.8, 1.0),
    Parameter("stroke", Number(0.5, 4), "Size of the strokes, as a multiple of the filter's own.", 2.0),
    Parameter(
        "look",
        Integer(64, 16384),
        "Give a large photo the strokes of a version of it whose longer side has this many pixels.",
        1024,
    ),
    Parameter("preserve_color", Flag(), "Keep the photo's own colours, and stylize light and dark only.", True, False),
    Parameter(
        "style",
        Text(200, r"[0-9.,]+", "the number of a style, or a weight for each style such as 0.5,0.5"),
        "For a filter with several styles: the number of one, from 0, or a weight for each of them. Default: style 0.",
        "0.5,0.5",
    ),
    Parameter(
        "format",
        Choice(tuple(SUFFIXES)),
        "Format of the answer. Default: the photo's format, or PNG if it cannot be written.",
        "webp",
    ),
    Parameter("quality", Integer(1, 100), "Quality of JPEG and WebP. Default: 95.", 85),
    Parameter("lossless", Flag(), "Write without loss: JPEG becomes PNG.", True, False),
    Parameter(
        "keep_metadata",
        Choice(("none", "safe", "all")),
        "Which of the photo's metadata are kept. `safe` leaves out places, names and serial numbers.",
        "safe",
        "none",
    ),
)
"""All parameters, in the order of the documentation."""

_BY_NAME = {parameter.name: parameter for parameter in PARAMETERS}


def parse_query(query: bytes) -> dict[str, Any]:
    """Return the values of the parameters in a query string; those that are left out are missing.

    Raises:
        ParameterError: A parameter is unknown, is given twice or has a wrong value; or two contradict each other.
    """
    try:
        fields = parse_qsl(query.decode("ascii"), keep_blank_values=True, max_num_fields=_MOST_FIELDS)
    except ValueError as error:
        raise ParameterError(f"the query is not a list of at most {_MOST_FIELDS} parameters in ASCII") from error
    values: dict[str, Any] = {}
    for name, text in fields:
        if name not in _BY_NAME:
            raise ParameterError(f"{_shown(name)} is not a parameter: {_advice(name, list(_BY_NAME))}")
        if name in values:
            raise ParameterError(f"{name}: is in the query twice: leave out one of them")
        values[name] = _BY_NAME[name].parse(text)
    _check_together(values)
    return values


def _check_together(values: Mapping[str, Any]) -> None:
    if not values.get("lossless", False):
        return
    if "quality" in values:
        raise ParameterError(f"quality: {values['quality']} has no meaning with lossless=true: leave out one of them")
    if SUFFIXES.get(values.get("format", "")) == ".jpg":
        raise ParameterError("format: JPEG always loses something, so it contradicts lossless=true: take png or webp")


def nearest(name: str, names: Sequence[str]) -> str:
    """Return the most similar name; empty if none is similar."""
    return next(iter(difflib.get_close_matches(name.lower(), names, 1, 0.5)), "")


def _advice(name: str, names: Sequence[str]) -> str:
    meant = nearest(name[:_LONGEST_SHOWN], names)
    return f"did you mean {meant}?" if meant else f"the parameters are {', '.join(names)}"


def _shown(text: str) -> str:
    return ascii(text if len(text) <= _LONGEST_SHOWN else text[:_LONGEST_SHOWN] + "...")
