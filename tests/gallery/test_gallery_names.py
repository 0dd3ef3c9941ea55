"""Names in the gallery stand for filters wherever a filter is taken."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style import gallery, load_stylizer
from pix2style.errors import ArtifactError
from pix2style.gallery.card import read_card
from pix2style.gallery.folder import FOLDER
from pix2style.gallery.pages import card_page
from pix2style.loading import filter_path
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.teacher_table import parse_teacher

from plain_filters import write_filter  # isort: skip


def test_names_are_found(small_gallery: Path) -> None:
    assert gallery.names() == ["negative", "second"]
    assert gallery.find("second") == small_gallery / "second.onnx"
    assert gallery.find("second.onnx") is gallery.find("../second") is gallery.find("") is None
    stylizer = load_stylizer("negative", strength=0.5)
    assert isinstance(stylizer, OnnxStylizer)
    assert stylizer.strength == 0.5
    assert filter_path("second") == small_gallery / "second.onnx"


def test_files_of_the_working_folder_win(small_gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    write_filter(Path("second"))
    assert filter_path("second") == Path("second")
    assert "second: the filter of this name in the gallery is not used" in capsys.readouterr().err
    load_stylizer("second")
    assert filter_path("./second") == Path("second")


def test_output_folders_do_not_stand_in_the_way(small_gallery: Path, capsys: pytest.CaptureFixture[str]) -> None:
    Path("negative").mkdir()
    assert filter_path("negative") == small_gallery / "negative.onnx"
    assert capsys.readouterr().err == ""
    Path("negative/checkpoints").mkdir()
    assert filter_path("negative") == Path("negative")


@pytest.mark.parametrize("text", ["negativ", "Neg_ative", "negatives"])
def test_misspelt_names(small_gallery: Path, text: str) -> None:
    message = f"{text}: no such .*: did you mean negative.*pix2style gallery lists all names"
    with pytest.raises(ArtifactError, match=message):
        load_stylizer(text)
    with pytest.raises(ArtifactError, match=message):
        filter_path(text)


def test_paths_are_not_taken_for_misspelt_names(small_gallery: Path) -> None:
    with pytest.raises(ArtifactError, match=r"no such stylizer: expected .*`pix2style gallery` lists$"):
        load_stylizer("runs/second.onnx")
    with pytest.raises(ArtifactError, match=r"no such filter: expected an \.onnx file .* pix2style gallery lists$"):
        filter_path("runs/second.onnx")


def test_cards(write_card: Callable[..., Path]) -> None:
    card = read_card(write_card())
    assert (card.name, card.title, card.artist) == ("second", "Dark Negative", "Anna Ancher")
    page = card_page(card)
    assert all(
        text in page for text in ("# Dark Negative", "pix2style infer second", "*Red*, Anna Ancher, 1890", "| 24.5 |")
    )
    assert read_card(write_card(painting=None)).artist == ""
    for change in ({"licence": ""}, {"licence": None}, {"figures": {}}, {"figures": {"ssim": 1}}, {"unknown": 1}):
        with pytest.raises(ValueError, match=r"second\.json: .*(licence|figures|unknown)"):
            read_card(write_card(**change))


@pytest.mark.parametrize("name", gallery.names())
def test_filters_are_complete(name: str) -> None:
    assert parse_teacher(name) is None, "the name of a teacher wins"
    file = FOLDER / f"{name}.onnx"
    assert file.stat().st_size <= 250_000
    stylizer = OnnxStylizer(file)
    card = read_card(file)
    assert (stylizer.digest, stylizer.spec.licence, stylizer.spec.precision) == ("matches", card.licence, "int8")
    assert stylizer.proof in {"passed", "in floats"}
    assert (FOLDER / card.photos.list).is_file()
    assert file.with_suffix(".md").read_text("utf-8") == card_page(card), "run: python -m pix2style.gallery.pages"


def test_there_are_at_least_12_filters() -> None:
    assert len(gallery.names()) >= 12
