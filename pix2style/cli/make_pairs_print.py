"""What make-pairs says when it is done."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

import typer

if TYPE_CHECKING:
    from pix2style.pairs.build.report import BuildPreview, BuildReport, SliceReport
    from pix2style.pairs.format.records import Failure

_SHOWN_FAILURES = 20


def print_preview(preview: BuildPreview, *, planned: bool, as_json: bool) -> None:
    """Of `--dry-run` and `--plan`.

    Args:
        preview: what would be done.
        planned: the plan was written.
        as_json: for scripts.
    """
    if as_json:
        print(json.dumps(preview.to_json(), indent=2, ensure_ascii=False))
        return
    plan, counts = preview.plan, preview.plan.photos_per_split
    each = f", each in {plan.styles_per_photo} styles" if plan.styles_per_photo > 1 else ""
    verb = "will" if planned else "would"
    varied = f" and {plan.variant_count} variants of them" if plan.variant_count else ""
    print(f"{verb} paint {counts.total} photos{varied} at {plan.size} px{each} with {plan.teacher_names}")
    print(f"  splits  train {counts.train}, val {counts.val}, test {counts.test}")
    print(f"  into    {preview.out} ({preview.state}; {preview.finished_shards} of {plan.shard_count} shards done)")
    print_aside(preview.notes, plan.unreadable)


def print_slice(report: SliceReport, *, as_json: bool) -> None:
    """Of `--shard`."""
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
        return
    print(f"part {report.slice_name}: painted {report.new_pairs} pairs in {report.seconds:.1f} s")
    left = "the set is complete" if report.complete else "the other parts write the rest"
    print(f"  where   {report.out} ({report.finished_shards} of {report.shards} shards are finished: {left})")


def print_report(report: BuildReport, *, as_json: bool) -> bool:
    """Of a finished set.

    Returns:
        Whether this run has left out files.
    """
    counts = report.manifest.pairs
    if as_json:
        print(json.dumps(report.to_json(), indent=2, ensure_ascii=False))
    elif report.already_finished:
        print(f"{report.out}: already finished ({counts.total} pairs); nothing was changed")
    else:
        kept = f" and kept {report.kept_pairs} from before" if report.kept_pairs else ""
        names = ", ".join(teacher.name for teacher in report.manifest.teachers[:3])
        print(
            f"painted {report.new_pairs} pairs{kept} in {report.seconds:.1f} s ({report.pairs_per_second:.1f} pairs/s)"
            f" with {names}"
        )
        varied = f" ({report.manifest.variants} variants of each photo among them)" if report.manifest.variants else ""
        print(f"  splits  train {counts.train}{varied}, val {counts.val}, test {counts.test}")
        print(f"  failed  {_failed(report)}")
        print(f"  where   {report.out}")
    print_aside([] if as_json else report.notes, report.manifest.failures)
    return bool(report.manifest.failures) and not report.already_finished


def print_aside(notes: Sequence[str], failures: Sequence[Failure]) -> None:
    """Notes and failures, on stderr."""
    for note in notes:
        typer.echo(f"note: {note}", err=True)
    for failure in failures[:_SHOWN_FAILURES]:
        typer.echo(f"failed: {failure.source}: {failure.reason}", err=True)
    if len(failures) > _SHOWN_FAILURES:
        typer.echo(f"failed: {len(failures) - _SHOWN_FAILURES} more files: see manifest.json", err=True)


def _failed(report: BuildReport) -> str:
    reasons = report.manifest.statistics.failures_by_reason
    said = "; ".join(f"{count} {reason}" for reason, count in reasons.items())
    return f"{len(report.manifest.failures)}{f' ({said})' if said else ''}"
