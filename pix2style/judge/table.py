"""The report of votes as text for a terminal."""

from __future__ import annotations

from collections.abc import Sequence

from pix2style.judge.analysis import JudgeResult, VoteReport
from pix2style.judge.intervals import Rate
from pix2style.plural import counted
from pix2style.printable import printable

_LEGEND = """\
"neither" counts half for each side. "95 %": confidence intervals. Those of rates (Wilson) treat votes as independent,
and are too narrow if there are few photos or judges. "needed": how many more votes an interval of ±5 points takes.
Strengths: Bradley-Terry, with the mean 0; half a win and half a loss against an average stylizer are added for each, so
that all stay finite; intervals by a bootstrap over judges and photos. "not shown to differ": 50 % (guessing) lies in
the interval, which is no proof that people cannot tell. Repeated pairs count in the table of judges only; who guesses
left or right gives the same answer in about half of them."""


def render_report(report: VoteReport) -> str:
    """Return the report of votes as text."""
    if not report.votes:
        return "there are no votes yet"
    numbers = {"vote": report.votes, "judge": len(report.judges), "photo": report.photos}
    votes, judges, photos = (counted(number, noun) for noun, number in numbers.items())
    parts = [f"{votes} of {judges} on {photos}"]
    if report.pairs:
        rows = [
            [
                f"{pair.first} over {pair.second}",
                f"{pair.first_wins}:{pair.second_wins}",
                str(pair.neither),
                *_rate(pair.rate),
            ]
            for pair in report.pairs
        ]
        parts.append(_table("which looks better?", ["votes", "neither", "win rate", "95 %", "needed"], rows))
        strengths = [
            [one.stylizer, f"{one.log_strength:+.2f}", f"{one.low:+.2f} to {one.high:+.2f}", _share(one.chance)]
            for one in report.strengths
        ]
        parts.append(_table("strength", ["log-strength", "95 %", "wins over an average one"], strengths))
    if report.teacher:
        rows = [
            [one.stylizer, f"{one.right}:{one.wrong}", str(one.neither), *_rate(one.rate), one.verdict]
            for one in report.teacher
        ]
        columns = ["right:wrong", "neither", "right", "95 %", "needed", "result"]
        parts.append(_table("which is the teacher's?", columns, rows))
    people = [*report.judges, *([report.everybody] if len(report.judges) > 1 else [])]
    columns = ["votes", "median s", "left side", "95 %", "consistent", "repeats"]
    parts.append(_table("judge", columns, [_judge_row(one) for one in people]))
    return printable("\n\n".join([*parts, _LEGEND]), keep="\n")


def _judge_row(one: JudgeResult) -> list[str]:
    seconds = "" if one.seconds is None else f"{one.seconds:.1f}"
    consistency = one.consistency
    shown = [_share(consistency.rate), f"{consistency.successes:.0f} of {consistency.votes}"]
    return [one.judge, str(one.votes), seconds, *_rate(one.left)[:2], *(shown if consistency.votes else ["", "none"])]


def _rate(rate: Rate) -> list[str]:
    if not rate.votes:
        return ["", "", ""]
    return [_share(rate.rate), f"{rate.low * 100:.0f} to {rate.high * 100:.0f} %", f"{rate.votes_needed:,}"]


def _share(value: float) -> str:
    return f"{value * 100:.0f} %"


def _table(title: str, columns: Sequence[str], rows: Sequence[Sequence[str]]) -> str:
    lines = [[title, *columns], *rows]
    widths = [max(len(line[i]) for line in lines) for i in range(len(columns) + 1)]

    def text(line: Sequence[str]) -> str:
        cells = [
            line[0].ljust(widths[0]),
            *(cell.rjust(width) for cell, width in zip(line[1:], widths[1:], strict=True)),
        ]
        return "  ".join(cells).rstrip()

    return "\n".join([text(lines[0]), "\N{BOX DRAWINGS LIGHT HORIZONTAL}" * len(text(lines[0])), *map(text, rows)])
