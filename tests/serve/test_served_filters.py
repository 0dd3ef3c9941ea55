"""The table of served filters: what can be served, and what a request can name."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from pix2style import gallery
from pix2style.errors import ArtifactError, ConfigError
from pix2style.loading import gallery_file
from pix2style.serve.served_filters import FilterPart, ServedFilters

from plain_filters import write_filter  # isort: skip


@pytest.fixture
def served(tmp_path: Path) -> ServedFilters:
    write_filter(tmp_path / "two styles, small.onnx", styles=("letters", "waves"), name="letters")
    return ServedFilters.from_sources(["great-wave", str(tmp_path / "two styles, small.onnx")])


def test_without_sources_the_gallery_is_served() -> None:
    filters = ServedFilters.from_sources([])
    assert filters.names == tuple(gallery.names())
    wave = filters.get("great-wave").to_json()
    assert (wave["title"], wave["author"], wave["styles"]) == ("The Great Wave", "Katsushika Hokusai", [])
    assert "path" not in wave


def test_names_are_fit_for_requests(tmp_path: Path) -> None:
    for folder in ("a", "b"):
        (tmp_path / folder).mkdir()
        shutil.copy(gallery_file("ejiri"), tmp_path / folder / "x:1,y@2.onnx")
    filters = ServedFilters.from_sources([str(tmp_path / "a"), str(tmp_path / "b"), str(tmp_path / "a"), "ejiri"])
    assert filters.names == ("x-1-y-2", "x-1-y-2-2", "ejiri")
    assert filters.default == "x-1-y-2"


@pytest.mark.parametrize(
    ("text", "style", "parts"),
    [
        ("great-wave", None, [FilterPart("great-wave")]),
        ("two-styles-small", "1", [FilterPart("two-styles-small", "1")]),
        ("two-styles-small", "0.5,0.5", [FilterPart("two-styles-small", "0.5,0.5")]),
        ("two-styles-small@1", None, [FilterPart("two-styles-small", "1")]),
        ("great-wave,two-styles-small", None, [FilterPart("great-wave"), FilterPart("two-styles-small")]),
        (
            "great-wave:0.25, two-styles-small@1:3",
            None,
            [FilterPart("great-wave", None, 0.25), FilterPart("two-styles-small", "1", 3)],
        ),
    ],
)
def test_requests(served: ServedFilters, text: str, style: str | None, parts: list[FilterPart]) -> None:
    assert served.parse(text, style) == tuple(parts)


@pytest.mark.parametrize(
    ("text", "style", "words"),
    [
        ("", None, "filter '' is not served here: the names are great-wave, two-styles-small"),
        ("great-waev", None, "did you mean great-wave?"),
        ("/etc/passwd", None, "'/etc/passwd' is not served here"),
        ("x" * 10_000, None, "xxx...' is not served here"),
        ("great-wave\nsecond line", None, r"'great-wave\nsecond line' is not served"),
        ("great-wave:0.5", None, "filter great-wave alone takes no weight: use strength for less of its style"),
        ("great-wave:1,two-styles-small", None, "only some filters have a weight"),
        ("great-wave:nan,two-styles-small:1", None, "is not a weight: give a number of at least 0"),
        ("great-wave:-1,two-styles-small:1", None, "is not a weight: give a number of at least 0"),
        ("great-wave:0,two-styles-small:0", None, "no weight above 0"),
        ("great-wave:1e308,two-styles-small:1e308", None, "too large weights: only their ratios matter"),
        (",".join(["great-wave"] * 9), None, "blend at most 8 filters"),
        ("great-wave", "0", "great-wave has only one style: leave out style"),
        ("two-styles-small", "2", "there is no style 2: choose one from 0 to 1"),
        ("two-styles-small", "x", "names no style"),
        ("two-styles-small@1", "0", "style is for one filter"),
        ("great-wave,two-styles-small", "0", "in a blend write NAME@STYLE"),
    ],
)
def test_wrong_requests(served: ServedFilters, text: str, style: str | None, words: str) -> None:
    with pytest.raises(ConfigError) as caught:
        served.parse(text, style)
    assert words in str(caught.value)
    assert len(str(caught.value)) < 300


@pytest.mark.parametrize(
    ("source", "words"),
    [
        ("nowhere.onnx", "no such filter: serve takes filter files (.onnx), folders of them"),
        ("great-waev", "did you mean great-wave?"),
        ("watercolor", "is a teacher"),
        ("magenta:painting.jpg", "is a teacher"),
        ("great-wave@1", "names a style: name only great-wave"),
        ("great-wave:1,ejiri:1", "name its filters one by one, and requests can blend them"),
        ("text.txt", "is not a filter of pix2style"),
        ("empty", "holds no filter files"),
        ("run", "is a run: export it first"),
        ("damaged.onnx", "is damaged"),
    ],
)
def test_what_cannot_be_served(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, source: str, words: str) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "text.txt").write_text("no filter")
    (tmp_path / "empty").mkdir()
    (tmp_path / "run" / "checkpoints").mkdir(parents=True)
    data = bytearray(gallery_file("ejiri").read_bytes())
    data[len(data) // 3] ^= 1
    (tmp_path / "damaged.onnx").write_bytes(data)
    with pytest.raises(ArtifactError) as caught:
        ServedFilters.from_sources([source])
    assert words in str(caught.value)
