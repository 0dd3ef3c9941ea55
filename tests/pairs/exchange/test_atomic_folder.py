"""Folders appear only when they are complete, also where a link leads to them."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.errors import DataError
from pix2style.pairs.exchange.atomic_folder import atomic_folder


@pytest.mark.parametrize("exists", [True, False])
def test_a_link_to_a_folder(tmp_path: Path, *, exists: bool) -> None:
    (tmp_path / "far").mkdir()
    if exists:
        (tmp_path / "far" / "set").mkdir()
    (tmp_path / "link").symlink_to(Path("far", "set"))
    with atomic_folder(tmp_path / "link") as folder:
        (folder / "a").write_text("done")
    assert (tmp_path / "link").is_symlink()
    assert (tmp_path / "far" / "set" / "a").read_text() == "done"
    assert [path.name for path in (tmp_path / "far").iterdir()] == ["set"]
    with pytest.raises(DataError, match="link: exists already"), atomic_folder(tmp_path / "link"):
        pass


def test_a_link_in_place_of_the_unfinished_folder_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine").mkdir()
    (tmp_path / "mine" / "letter").write_text("dear")
    (tmp_path / ".set.unfinished").symlink_to("mine")
    with pytest.raises(DataError, match=r"\.set\.unfinished is a link and no folder"), atomic_folder(tmp_path / "set"):
        pass
    assert (tmp_path / "mine" / "letter").read_text() == "dear"


def test_a_folder_that_a_file_manager_has_made_is_new(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / ".DS_Store").write_text("")
    with atomic_folder(tmp_path / "set") as folder:
        (folder / "a").write_text("done")
    assert [path.name for path in (tmp_path / "set").iterdir()] == ["a"]


def test_what_somebody_writes_there_meanwhile_stays(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    with pytest.raises(DataError, match="cannot be written"), atomic_folder(tmp_path / "set"):
        (tmp_path / "set" / "letter").write_text("dear")
    assert (tmp_path / "set" / "letter").read_text() == "dear"


def test_a_failure_leaves_a_linked_folder_as_it_was(tmp_path: Path) -> None:
    (tmp_path / "set").mkdir()
    (tmp_path / "link").symlink_to("set")
    with pytest.raises(ZeroDivisionError), atomic_folder(tmp_path / "link"):
        raise ZeroDivisionError
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link", "set"]
