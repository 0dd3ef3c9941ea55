"""The description in filter files, in this schema version and in the one before."""

from __future__ import annotations

import dataclasses
import json

import pytest

from pix2style.errors import ArtifactError
from pix2style.spec import GeneratorSpec, Provenance

PROVENANCE = Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6)
SPEC = GeneratorSpec("x", "lite", 7, 4, 30, True, 128, "MIT", "1", PROVENANCE, "int8", ("a", "b"), 96, {"photos": 3.0})


def test_json_round_trip() -> None:
    assert GeneratorSpec.from_json(SPEC.to_json(), source="x") == SPEC


def test_version_1_can_still_be_read() -> None:
    old = json.loads(SPEC.to_json())
    for name in ("precision", "styles", "glimpse_px", "quality"):
        del old[name]
    spec = GeneratorSpec.from_json(json.dumps({**old, "schema_version": 1}), source="x")
    expected = dataclasses.replace(SPEC, precision="fp32", styles=(), glimpse_px=0, quality={}, schema_version=1)
    assert spec == expected


def test_unknown_versions_are_refused() -> None:
    newer = json.dumps({**json.loads(SPEC.to_json()), "schema_version": 3})
    with pytest.raises(ArtifactError, match="description version 3, this pix2style reads up to 2: update"):
        GeneratorSpec.from_json(newer, source="x")
