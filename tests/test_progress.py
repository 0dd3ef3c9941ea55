"""What long work says: a bar on a terminal, and else a line now and then."""

from __future__ import annotations

import pytest

from pix2style import progress
from pix2style.progress import ProgressBar, StagedProgress, print_next, print_note, set_quiet, track


@pytest.fixture
def now(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """The time in seconds, which a test sets."""
    now = [0.0]
    monkeypatch.setattr(progress.time, "monotonic", lambda: now[0])
    return now


def test_counted_work_prints_a_line_every_15_seconds(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("pairs", 1200, done=200) as bar:
        for second in range(1, 41):
            now[0] = float(second)
            bar.advance(10, status="loss 1.5")
    assert capsys.readouterr().err.splitlines() == [
        "pairs: 350 of 1,200 done, 1 min 25 s left, loss 1.5",
        "pairs: 500 of 1,200 done, 1 min 10 s left, loss 1.5",
    ]


def test_hours_of_work_print_fewer_lines(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("pairs", 36_000) as bar:
        for second in range(36_000):
            now[0] = float(second)
            bar.advance()
    lines = capsys.readouterr().err.splitlines()
    assert 100 < len(lines) < 250


def test_each_stage_prints_lines(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with StagedProgress() as show:
        for stage in ("reading", "stylizing"):
            for done in range(3):
                show(stage, done, 2)
                now[0] += 20
    assert [line.partition(":")[0] for line in capsys.readouterr().err.splitlines()] == 2 * ["reading"] + 2 * [
        "stylizing"
    ]


def test_work_inside_other_work_says_nothing(now: list[float], capsys: pytest.CaptureFixture[str]) -> None:
    with ProgressBar("candidates", 2) as bar:
        for _ in range(2):
            for _ in track("photos", [1, 2, 3]):
                now[0] += 20
            bar.advance()
    lines = capsys.readouterr().err.splitlines()
    assert [line.partition(":")[0] for line in lines] == ["candidates", "candidates"]
    assert list(track("photos", "ab")) == ["a", "b"]


def test_quiet_leaves_out_remarks_progress_and_the_next_command(
    now: list[float], capsys: pytest.CaptureFixture[str]
) -> None:
    set_quiet(True)
    try:
        print_note("a remark")
        print_next("pix2style", "train")
        for _ in track("photos", [1, 2, 3]):
            now[0] += 20
    finally:
        set_quiet(False)
    assert capsys.readouterr().err == ""
    print_note("a remark")
    assert capsys.readouterr().err == "note: a remark\n"


def test_the_next_command_can_be_pasted(capsys: pytest.CaptureFixture[str]) -> None:
    print_next("pix2style", "train", "--pairs", "my pairs", "losses.perceptual.layers={enc1: 1}")
    assert capsys.readouterr().err == (
        "next: pix2style train --pairs 'my pairs' 'losses.perceptual.layers={enc1: 1}'\n"
    )
