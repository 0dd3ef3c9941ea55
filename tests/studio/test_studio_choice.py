"""What the page sends is checked, and becomes stylizers."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from pix2style.errors import ArtifactError, ConfigError
from pix2style.page_server.refusals import NotHereError
from pix2style.studio.choice import Choice, OutputChoice
from pix2style.studio.filters import Filters

_ONE: dict[str, Any] = {"filters": [{"id": "filter-1"}]}


def test_values_become_a_choice_whose_weights_sum_to_one() -> None:
    rows = [{"id": "a", "weight": 0.2}, {"id": "b", "weight": 0.6}, {"id": "c", "weight": 0}]
    choice = Choice.parse({"filters": rows, "strength": 0.5, "stroke": 2, "preserve_color": True})
    assert choice.filters == (("a", pytest.approx(0.25)), ("b", pytest.approx(0.75)))
    assert (choice.strength, choice.stroke, choice.preserve_color, choice.use_mask) == (0.5, 2.0, True, False)


@pytest.mark.parametrize(
    ("value", "message"),
    [
        (None, "is not an object"),
        ([], "is not an object"),
        ({}, "filters: give a list of 1 to 4"),
        ({"filters": []}, "filters: give a list of 1 to 4"),
        ({"filters": [{"id": "a"}] * 5}, "filters: give a list of 1 to 4"),
        ({"filters": [{"weight": 1}]}, "each needs an id"),
        ({"filters": ["a"]}, "each needs an id"),
        ({"filters": [{"id": "a", "weight": 0}]}, "of which one is above 0"),
        ({"filters": [{"id": "a", "weight": "1"}]}, "weight: '1' is no number from 0 to 1"),
        ({**_ONE, "strength": 1.5}, r"strength: 1\.5 is no number from 0 to 1"),
        ({**_ONE, "strength": float("nan")}, "strength: nan is no number"),
        ({**_ONE, "strength": True}, "strength: True is no number"),
        ({**_ONE, "stroke": 0.1}, r"stroke: 0\.1 is no number from 0\.5 to 4"),
        ({**_ONE, "preserve_color": 1}, "preserve_color: 1 is neither true nor false"),
        ({**_ONE, "source": "/etc/passwd"}, "'source': not known"),
    ],
)
def test_nonsense_is_refused_by_name(value: Any, message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        Choice.parse(value)


@pytest.mark.parametrize("value", [None, [], {"metadata": "some"}, {"lossless": "yes"}, {"path": "/x"}])
def test_nonsense_about_the_output_is_refused(value: Any) -> None:
    with pytest.raises(
        ConfigError, match=r"output: give an object|metadata: 'some' is none of none, safe, all|neither"
    ):
        OutputChoice.parse(value)


def test_filters_are_listed_once_and_found_by_id_only(red_filter: Path, tmp_path: Path) -> None:
    (tmp_path / "many").mkdir()
    for name in ("b.onnx", "a.onnx"):
        (tmp_path / "many" / name).write_bytes(red_filter.read_bytes())
    filters = Filters([str(red_filter), str(tmp_path / "many"), str(red_filter)])
    assert [filter_.name for filter_ in filters.all()] == ["red-negative", "a", "b", "red-negative (2)"]
    assert filters.stylizer(Choice((("filter-1", 1.0),))) is filters.stylizer(Choice((("filter-1", 1.0),)))
    for wrong in (str(red_filter), "a", "", "../filter-1"):
        with pytest.raises(NotHereError, match="there is no filter"):
            filters.stylizer(Choice(((wrong, 1.0),)))


def test_each_style_of_a_file_is_a_filter(lite_file: Any) -> None:
    filters = Filters([str(lite_file(styles=2))])
    assert len(filters.all()) == 2
    assert all(filter_.source.endswith(f".onnx@{style}") for style, filter_ in enumerate(filters.all()))


def test_filters_that_cannot_be_used_end_the_start(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="no such stylizer"):
        Filters([str(tmp_path / "missing.onnx")])
    with pytest.raises(ConfigError, match="is neither a run nor a folder with filter files"):
        Filters([str(tmp_path)])
