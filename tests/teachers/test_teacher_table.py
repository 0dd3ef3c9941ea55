"""Tests of the table of teachers, and of what reads it: the configuration and the loading by name."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from pix2style.config import parse_config
from pix2style.errors import ArtifactError, ConfigError
from pix2style.loading import load_stylizer
from pix2style.teacher_table import (
    DEFAULT_PAINTING_TEACHER,
    DEFAULT_TEACHER,
    TEACHERS,
    TeacherEntry,
    find_teacher,
    parse_teacher,
)
from pix2style.teachers.registry import import_teacher


@pytest.mark.parametrize("entry", TEACHERS, ids=lambda entry: entry.name)
def test_every_row_names_a_module_that_loads_the_teacher(entry: TeacherEntry) -> None:
    module = import_teacher(entry)
    assert callable(module.load_for_pairs)
    assert callable(module.load_by_name)
    assert parse_config({"pairs": {"teacher": entry.name}}).pairs.teacher == entry.name


def test_the_defaults_are_in_the_table() -> None:
    assert not find_teacher(DEFAULT_TEACHER).needs_painting
    assert find_teacher(DEFAULT_PAINTING_TEACHER).needs_painting
    assert parse_config({}).pairs.teacher == DEFAULT_TEACHER


def test_the_configuration_names_the_nearest_teacher() -> None:
    with pytest.raises(ConfigError, match=r"pairs -> teacher.*watercolor, magenta, gatys: did you mean 'magenta'\?"):
        parse_config({"pairs": {"teacher": "magneta"}})


def test_names_are_parsed_with_a_painting_where_the_teacher_needs_one() -> None:
    assert parse_teacher("watercolor") == (find_teacher("watercolor"), None)
    assert parse_teacher("gatys:a:b.jpg") == (find_teacher("gatys"), Path("a:b.jpg"))
    for text in ("magenta", "watercolor:a.jpg", "runs/x", "x.onnx@1"):
        assert parse_teacher(text) is None


def test_the_message_for_an_unknown_stylizer_lists_the_teachers() -> None:
    with pytest.raises(ArtifactError, match='"watercolor", "magenta:PAINTING", "gatys:PAINTING", a run folder'):
        load_stylizer("magenta")


def test_reading_the_table_imports_nothing_else() -> None:
    program = (
        "import sys; before = set(sys.modules); import pix2style.teacher_table\n"
        "print(sorted({name.split('.')[0] for name in set(sys.modules) - before} - set(sys.stdlib_module_names)))"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout == "['pix2style']\n"
