"""The command `pix2style judge`."""

from __future__ import annotations

import contextlib
import sys
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pix2style.cli.app import app
from pix2style.cli.common_options import JsonOption
from pix2style.cli.terminal import json_text
from pix2style.errors import ConfigError, require
from pix2style.printable import printable
from pix2style.progress import print_note
from pix2style.writable import check_can_write

if TYPE_CHECKING:
    from pix2style.judge.analysis import VoteReport
    from pix2style.judge.judging import Judging

_USUAL_HOST, _USUAL_PORT, _USUAL_COUNT = "127.0.0.1", 7861, 60


class QuestionChoice(StrEnum):
    """Questions to ask."""

    better = "better"
    teacher = "teacher"
    both = "both"


_SheetsArgument = Annotated[
    list[Path],
    typer.Argument(
        metavar="SHEETS...",
        help="What to compare: a folder for each stylizer, with pictures of the same names, as `infer` writes them; or"
        " contact sheets of `eval --sheet`. With --report: files of votes.",
    ),
]
_TeacherOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder with the teacher's pictures, for example teacher/; it may be one of SHEETS. Default: what a"
        " contact sheet shows as target.",
    ),
]
_PhotosOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FOLDER",
        help="Folder with the photos, for example photos/, which judges can look at beside the pictures.",
    ),
]
_QuestionOption = Annotated[
    QuestionChoice | None,
    typer.Option(
        help="What to ask: which picture looks better, which is the teacher's, or both. Default: both if a teacher is"
        " known, else better."
    ),
]
_VotesOption = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="File to which votes are appended, for example anna.jsonl. Default: votes.jsonl beside the first of"
        " SHEETS.",
    ),
]
_CountOption = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=2000,
        metavar="N",
        help=f"Largest number of pairs for each judge and question, for example 30. Default: {_USUAL_COUNT}.",
    ),
]
_SeedOption = Annotated[
    int,
    typer.Option(
        min=0,
        metavar="N",
        help="Seed of the order of pairs, and of the bootstrap that gives the report's intervals of strengths.",
    ),
]
_ReportOption = Annotated[
    bool,
    typer.Option(
        "--report", help="Open no page: print the report of files of votes, for example --report anna.jsonl ben.jsonl."
    ),
]
_PortOption = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=65535,
        metavar="PORT",
        help=f"Port of the page, for example 8080; 0 for any free one. Default: {_USUAL_PORT}.",
    ),
]
_HostOption = Annotated[
    str | None,
    typer.Option(
        metavar="ADDRESS",
        help="Address to listen at. With 0.0.0.0 people on other computers can judge; they need the page's token."
        f" Default: {_USUAL_HOST}, for this computer alone.",
    ),
]
_TokenOption = Annotated[
    bool,
    typer.Option(
        "--token", help="Ask for a token on this computer, too, for example where other people have accounts on it."
    ),
]
_OpenOption = Annotated[
    bool | None,
    typer.Option(
        "--open/--no-open", " /--no-browser", help="Open the page in the browser. Default: if started from a terminal."
    ),
]


@app.command("judge")
def judge_command(
    sheets: _SheetsArgument,
    teacher: _TeacherOption = None,
    photos: _PhotosOption = None,
    question: _QuestionOption = None,
    votes: _VotesOption = None,
    count: _CountOption = None,
    seed: _SeedOption = 0,
    report: _ReportOption = False,
    port: _PortOption = None,
    host: _HostOption = None,
    token: _TokenOption = False,
    open_: _OpenOption = None,
    as_json: JsonOption = False,
) -> None:
    """Let people compare pictures blindly in the browser: which looks better, and which is the teacher's?

    The page shows two pictures of one photo without names, on random sides. Each vote is stored before the next pair is
    shown. Ctrl-C ends the test and prints the report: win rates with intervals, strengths (Bradley-Terry), and how
    often judges found the teacher's picture. To continue a test, start the same command again. Only this computer can
    open the page, unless --host lets others in. Needs the extra studio, except for --report.

    Example: pix2style judge filter-a filter-b --teacher teacher --photos photos
    """
    if report:
        _refuse_options_of_the_page(
            {
                "--teacher": teacher,
                "--photos": photos,
                "--question": question,
                "--votes": votes,
                "--count": count,
                "--port": port,
                "--host": host,
                "--token": token or None,
                "--no-open" if open_ is False else "--open": open_,
            }
        )
        _report_files(sheets, seed, as_json=as_json)
        return
    require("studio", "starlette", "uvicorn")
    from pix2style.judge.http_app import make_app
    from pix2style.judge.votes import only_writer
    from pix2style.listening import listen
    from pix2style.page_server.run_server import address, make_access, make_server, open_browser

    host = host or _USUAL_HOST
    file = votes or sheets[0].resolve().parent / "votes.jsonl"
    _check_inputs(sheets, teacher, photos)
    check_can_write(file)
    with (
        only_writer(file),
        listen(host, _USUAL_PORT if port is None else port, program="judge", usual_port=_USUAL_PORT) as listener,
    ):
        judging = _open_judging(sheets, teacher, photos, question, file, count or _USUAL_COUNT, seed)
        access = make_access(host, with_token=token, program="judge")
        url = address(host, listener.getsockname()[1], access.token)

        def say_where() -> None:
            # With --json, stdout is the report's.
            stream = sys.stderr if as_json else sys.stdout
            print(printable(f"judge: {url}   (Ctrl-C ends it and prints the report)"), file=stream, flush=True)
            if open_ or (open_ is None and sys.stdout.isatty()):
                open_browser(url)

        with contextlib.suppress(KeyboardInterrupt):
            make_server(make_app(judging, access), say_where).run(sockets=[listener])
    _print_report(judging.report(), as_json=as_json)


def _refuse_options_of_the_page(options: dict[str, object]) -> None:
    """Refuse options that `--report` would ignore, given with their values; None for those that were not given."""
    given = [name for name, value in options.items() if value is not None]
    if given:
        raise ConfigError(f"--report: takes files of votes only: leave out {' and '.join(given)}")


def _check_inputs(sheets: list[Path], teacher: Path | None, photos: Path | None) -> None:
    for path in (*sheets, *(path for path in (teacher, photos) if path is not None)):
        if path.suffix == ".jsonl" and path.is_file():
            raise ConfigError(f"{path}: is a file of votes: add --report to print its report")
    for option, folder in (("--teacher", teacher), ("--photos", photos)):
        if folder is not None and not folder.is_dir():
            raise ConfigError(f"{option} {folder}: is not a folder: name the folder that holds the pictures")


def _open_judging(
    sheets: list[Path],
    teacher: Path | None,
    photos: Path | None,
    question: QuestionChoice | None,
    file: Path,
    count: int,
    seed: int,
) -> Judging:
    from pix2style.judge.judging import Judging
    from pix2style.judge.pictures import open_pictures
    from pix2style.judge.plan import QUESTIONS
    from pix2style.judge.votes import VotesFile

    votes_file = VotesFile(file)
    pictures = open_pictures(sheets, teacher=teacher, photos=photos)
    wanted = None if question in (None, QuestionChoice.both) else str(question)
    asked = [one for one in QUESTIONS if wanted in (None, one)]
    if pictures.teacher is None:
        if question in (QuestionChoice.teacher, QuestionChoice.both):
            raise ConfigError(f"--question {question}: no teacher is known: add --teacher FOLDER")
        asked = ["better"]
    for note in pictures.notes:
        print_note(note)
    judging = Judging(pictures, votes_file, questions=asked, count=count, seed=seed)
    print_note(f"votes go to {file}")
    return judging


def _report_files(files: list[Path], seed: int, *, as_json: bool) -> None:
    from pix2style.judge.analysis import analyse_votes
    from pix2style.judge.votes import read_votes

    _print_report(analyse_votes(read_votes(files), seed=seed), as_json=as_json)


def _print_report(report: VoteReport, *, as_json: bool) -> None:
    from pix2style.judge.table import render_report

    print(json_text(report.to_json(), allow_nan=False) if as_json else render_report(report))
