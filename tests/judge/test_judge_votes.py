"""The file of votes: nothing that was confirmed is lost, and nothing that is no vote counts."""

from __future__ import annotations

import errno
import json
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from pix2style.errors import DataError
from pix2style.judge.votes import Vote, VotesFile, only_writer, read_votes

MakeVote = Callable[..., Vote]


def test_votes_are_appended_undone_and_read(tmp_path: Path, make_vote: MakeVote) -> None:
    file = VotesFile(tmp_path / "new" / "votes.jsonl")
    first, second, third = (make_vote("a", "b", answer) for answer in ("left", "right", "neither"))
    file.append(first)
    before = file.path.read_bytes()
    file.append(second)
    file.undo(second)
    file.append(third)
    assert file.path.read_bytes().startswith(before)
    assert len(file.path.read_bytes().splitlines()) == 4
    assert file.votes() == read_votes([file.path]) == VotesFile(file.path).votes() == [first, third]
    line = json.loads(before)
    assert line["votes"] == 1
    assert {"judge", "question", "seconds", "left_sha256", "seed", "version", "left", "right"} < set(line)


def test_files_of_several_judges_are_merged_once(tmp_path: Path, make_vote: MakeVote) -> None:
    shared = make_vote("a", "b", "left")
    for name in ("anna", "ben"):
        file = VotesFile(tmp_path / f"{name}.jsonl")
        file.append(shared)
        file.append(make_vote("a", "b", "right", judge=name))
    votes = read_votes([tmp_path / "anna.jsonl", tmp_path / "ben.jsonl", tmp_path / "anna.jsonl"])
    assert [vote.judge for vote in votes] == ["anna", "anna", "ben"]


@pytest.mark.parametrize("length", [1, 40, 200])
def test_a_last_line_that_was_cut_off_is_left_out(
    tmp_path: Path, make_vote: MakeVote, length: int, capsys: pytest.CaptureFixture[str]
) -> None:
    file = VotesFile(tmp_path / "votes.jsonl")
    first, second = make_vote("a", "b", "left"), make_vote("a", "b", "right")
    file.append(first)
    whole = file.path.read_bytes()
    file.path.write_bytes(whole + whole[:length])
    assert read_votes([file.path]) == [first]
    assert "its last line was cut off" in capsys.readouterr().err
    VotesFile(file.path).append(second)
    assert read_votes([file.path]) == [first, second]
    assert file.path.read_bytes().startswith(whole)


def test_a_last_line_without_a_line_break_counts(tmp_path: Path, make_vote: MakeVote) -> None:
    path = tmp_path / "votes.jsonl"
    first, second = make_vote("a", "b", "left"), make_vote("a", "b", "right")
    VotesFile(path).append(first)
    path.write_bytes(path.read_bytes().rstrip(b"\n"))
    VotesFile(path).append(second)
    assert read_votes([path]) == [first, second]


@pytest.mark.parametrize(
    "line",
    [b"nonsense", b"[]", b"{}", b'{"votes": 2, "undo": "x"}', b'{"votes": 1, "undo": 3}', b"\xff", b"[" * 100_000],
)
def test_a_line_that_is_no_vote_is_named(tmp_path: Path, make_vote: MakeVote, line: bytes) -> None:
    path = tmp_path / "votes.jsonl"
    VotesFile(path).append(make_vote("a", "b", "left"))
    path.write_bytes(path.read_bytes() + line + b"\n")
    with pytest.raises(DataError, match=r"votes\.jsonl: line 2 is not a vote"):
        read_votes([path])


@pytest.mark.parametrize(
    "change",
    [
        {"answer": "both"},
        {"question": "nicer"},
        {"left": "b"},
        {"question": "teacher"},
        {"showing": None},
        {"showing": 0},
        {"showing": True},
        {"seconds": float("nan")},
        {"seconds": float("inf")},
        {"seconds": 10**400},
        {"judge": "\ud800"},
    ],
)
def test_votes_with_nonsense_are_refused(tmp_path: Path, make_vote: MakeVote, change: dict[str, object]) -> None:
    path = tmp_path / "votes.jsonl"
    VotesFile(path).append(make_vote("a", "b", "left"))
    path.write_text(json.dumps({**json.loads(path.read_text()), **change}) + "\n")
    with pytest.raises(DataError, match="line 1 is not a vote"):
        read_votes([path])


def test_votes_about_other_pictures_of_the_same_names_are_not_merged(tmp_path: Path, make_vote: MakeVote) -> None:
    VotesFile(tmp_path / "1.jsonl").append(make_vote("a", "b", "left"))
    VotesFile(tmp_path / "2.jsonl").append(make_vote("b", "a", "left", left_sha256="another"))
    with pytest.raises(DataError, match="another picture of castle by b"):
        read_votes([tmp_path / "1.jsonl", tmp_path / "2.jsonl"])
    with pytest.raises(DataError, match=r"3\.jsonl: cannot be read"):
        read_votes([tmp_path / "3.jsonl"])


def test_a_vote_for_which_the_disk_has_no_room_leaves_nothing(
    tmp_path: Path, make_vote: MakeVote, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = VotesFile(tmp_path / "votes.jsonl")
    first, second, third = (make_vote("a", "b", "left") for _ in range(3))
    file.append(first)

    def fail(_handle: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", fail)
        with pytest.raises(DataError, match=r"votes\.jsonl: the vote cannot be written: No space left"):
            file.append(second)
    file.append(third)
    assert file.votes() == read_votes([file.path]) == [first, third]


@pytest.mark.parametrize("text", ["a note", "12", '{"photo": 1}', '{"photo": '])
def test_files_of_something_else_are_refused_and_kept(tmp_path: Path, text: str) -> None:
    path = tmp_path / "notes.txt"
    path.write_text(text)
    with pytest.raises(DataError, match="line 1 is not a vote"):
        VotesFile(path)
    assert path.read_text() == text


def test_one_process_writes_votes_to_a_file(tmp_path: Path, make_vote: MakeVote) -> None:
    path = tmp_path / "new" / "votes.jsonl"
    busy = pytest.raises(DataError, match=r"votes\.jsonl: another `pix2style judge` writes votes to it: .*--votes")
    with only_writer(path), busy, only_writer(path):
        pass
    assert not path.parent.exists()
    with only_writer(path):
        VotesFile(path).append(make_vote("a", "b", "left"))
    assert len(read_votes([path])) == 1
    with pytest.raises(DataError, match=r"votes\.jsonl.x: cannot be written"), only_writer(path / "x"):
        pass
