"""The recipes and sources of the gallery's filters, from which gallery/make.sh makes them again."""

from __future__ import annotations

import csv
import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from pix2style import gallery
from pix2style.config import load_config
from pix2style.gallery.card import read_card

_REPOSITORY = Path(__file__).parents[2]
_GALLERY = _REPOSITORY / "gallery"
_SHA256 = re.compile("[0-9a-f]{64}")

pytestmark = pytest.mark.skipif(not _GALLERY.is_dir(), reason="the recipes are part of the repository only")


def _read(name: str) -> dict[str, Any]:
    return yaml.safe_load((_GALLERY / name).read_text("utf-8"))


def _recipes() -> list[str]:
    return sorted(path.stem for path in (_GALLERY / "recipes").glob("*.yaml"))


def test_every_filter_has_a_recipe_and_a_text_and_the_reverse() -> None:
    assert gallery.names() == _recipes() == sorted(set(_read("texts.yaml")) - {"all"})
    assert len(gallery.names()) >= 12


def test_recipes_are_configurations() -> None:
    paintings = _read("sources.yaml")["paintings"]
    for name in _recipes():
        config = load_config(_GALLERY / "recipes" / f"{name}.yaml")
        assert config.name == name
        assert config.export.precision == "int8"
        assert config.export.licence == "Apache-2.0"
        assert (config.pairs.style is not None) == (name in paintings), name
        assert config.pairs.style is None or config.pairs.style.stem == name


def test_every_painting_and_photo_has_a_licence_and_a_digest() -> None:
    for name, painting in _read("sources.yaml")["paintings"].items():
        assert painting["licence"] == "public domain", name
        assert painting["died"] < 1955, name
        assert painting["stated"], name
        assert painting["stated_in"], name
        assert _SHA256.fullmatch(painting["sha256"]), name
    with (_REPOSITORY / "pipelines/base/sources.csv").open(encoding="utf-8", newline="") as file:
        photos = [row for row in csv.DictReader(file) if row["folder"] == "photos"]
    assert len(photos) > 100
    for row in photos:
        assert re.fullmatch(r"public domain|CC0 1\.0|CC BY [234]\.0", row["licence"]), row["file"]
        assert _SHA256.fullmatch(row["sha256"]), row["file"]


def test_cards_agree_with_recipes_and_sources(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.syspath_prepend(str(_GALLERY))
    monkeypatch.setattr(sys, "dont_write_bytecode", True)
    import write_card

    for name in gallery.names():
        path = gallery.find(name)
        assert path is not None
        card = json.loads(path.with_suffix(".json").read_text("utf-8"))
        assert card == write_card.make_card(name, read_card(path).figures)
        assert path.stat().st_size < 250_000
    page = (gallery.folder.FOLDER / write_card.PHOTO_PAGE).read_text("utf-8")
    assert all(row["file"] in page for row in write_card.read_photos())
