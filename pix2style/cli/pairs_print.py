"""Print the results of `pairs verify`, `pairs show` and `pairs import`."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from pix2style.cli.terminal import json_text
from pix2style.plural import counted
from pix2style.progress import print_failures

if TYPE_CHECKING:
    from pix2style.images import LeftOut
    from pix2style.pairs.check.overview import PairSetSummary
    from pix2style.pairs.check.suspicion import Suspicion
    from pix2style.pairs.check.verify import VerifyReport
    from pix2style.pairs.exchange.importing import ImportReport

_SHOWN_SUSPICIONS = 50


def print_verified(report: VerifyReport, *, as_json: bool) -> None:
    """Print the result of `pairs verify`."""
    if as_json:
        print(json_text(report.to_json()))
    else:
        _print_problems(report)
        print(_verified_line(report))


def _print_problems(report: VerifyReport) -> None:
    for damage in report.damage:
        print(f"damaged: {damage}\n  to do: {damage.advice}")
    _print_suspicions(report.suspicions, "suspicious: ")
    for note in report.notes:
        print(f"note: {note}")


def _verified_line(report: VerifyReport) -> str:
    state = f"damaged ({counted(len(report.damage), 'problem')})" if report.damage else "undamaged"
    suspicious = f", {counted(len(report.suspicions), 'suspicious pair')}" if report.inspected else ""
    megabytes = report.bytes_read / 1e6
    return f"{report.folder}: {state}: {counted(report.pairs.total, 'pair')}, {megabytes:.1f} MB of shards{suspicious}"


def print_summary(
    summary: PairSetSummary, suspicions: Sequence[Suspicion] | None, sheet: Path | None, *, as_json: bool
) -> None:
    """Print the result of `pairs show`.

    Args:
        summary: Summary of the set.
        suspicions: Suspicious pairs; None if the pairs were not inspected.
        sheet: File of the contact sheet; None if none was written.
        as_json: Print JSON.
    """
    if as_json:
        listed = None if suspicions is None else [suspicion.to_json() for suspicion in suspicions]
        report: dict[str, Any] = {**summary.to_json(), "suspicious": listed, "sheet": str(sheet) if sheet else None}
        print(json_text(report))
        return
    print("\n".join(summary.lines()))
    if suspicions is not None:
        print(f"  suspicious  {len(suspicions)}")
        _print_suspicions(suspicions, "    ")
    if sheet is not None:
        print(f"  sheet       {sheet}")


def print_imported(report: ImportReport, left_out: Sequence[LeftOut], *, as_json: bool) -> None:
    """Print the result of `pairs import`.

    Args:
        report: The result.
        left_out: What else lies in the source.
        as_json: Print JSON.
    """
    from pix2style.images import count_left_out, describe_left_out

    if as_json:
        print(json_text({**report.to_json(), "left_out": count_left_out(left_out)}))
    else:
        _print_counts(report)
        if left_out:
            print(f"  left out    {describe_left_out(left_out)}")
    print_failures([(failure.source, failure.reason) for failure in report.manifest.failures], "manifest.json")


def _print_counts(report: ImportReport) -> None:
    counts = report.manifest.pairs
    print(f"imported {counted(counts.total, 'pair')} from {report.kind} to {report.out}")
    print(f"  splits      train {counts.train}, val {counts.val}, test {counts.test}, {report.split_reason}")
    if report.content_note:
        print(f"  content     {report.content_note}")
    print(f"  failed      {len(report.manifest.failures)}")
    print(f"  suspicious  {len(report.suspicions)}")
    _print_suspicions(report.suspicions, "    ")


def _print_suspicions(suspicions: Sequence[Suspicion], prefix: str) -> None:
    for suspicion in suspicions[:_SHOWN_SUSPICIONS]:
        print(f"{prefix}{suspicion}")
    if len(suspicions) > _SHOWN_SUSPICIONS:
        print(f"{prefix}{counted(len(suspicions) - _SHOWN_SUSPICIONS, 'more pair')}: see the report of --json")
