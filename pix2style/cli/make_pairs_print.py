"""Print the results of `make-pairs`."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from pix2style.cli.terminal import json_text
from pix2style.plural import counted
from pix2style.progress import print_failures, print_next, print_note

if TYPE_CHECKING:
    from pix2style.pairs.build.report import BuildPreview, BuildReport, SliceReport
    from pix2style.pairs.build.teacher_preview import TeacherPreview
    from pix2style.pairs.format.records import Failure
    from pix2style.stylizer import Stylizer

_NEXT_CONFIG = "finetune"


def print_teacher(teacher: Stylizer) -> None:
    """Print on stderr what stylizes, where the teacher's name does not say it: which of Magenta's networks."""
    if teacher.description:
        print_note(f"the photos are stylized by {teacher.description}")


def print_preview(preview: BuildPreview, *, planned: bool, as_json: bool) -> None:
    """Print what `make-pairs` would do.

    Args:
        preview: The preview.
        planned: Whether the plan was written (`--plan`) or this is a dry run.
        as_json: Print JSON.
    """
    if as_json:
        print(json_text(preview.to_json()))
        return
    plan, counts = preview.plan, preview.plan.photos_per_split
    styles = f", each in {plan.styles_per_photo} styles" if plan.styles_per_photo > 1 else ""
    verb = "will" if planned else "would"
    variants = f" and {counted(plan.variant_count, 'variant')} of them" if plan.variant_count else ""
    print(
        f"{verb} stylize {counted(counts.total, 'photo')}{variants} at {plan.size} px{styles} with {plan.teacher_names}"
    )
    print(f"  splits  train {counts.train}, val {counts.val}, test {counts.test}")
    print(
        f"  into    {preview.out} ({preview.state}; {preview.finished_shards} of"
        f" {counted(plan.shard_count, 'shard')} done)"
    )
    _print_notes_and_failures(preview.notes, plan.unreadable)


def print_teacher_preview(preview: TeacherPreview, *, as_json: bool) -> None:
    """Print what the teacher makes of a few photos (`--preview`)."""
    print(json_text(preview.to_json()) if as_json else "\n".join(preview.lines()))


def note_teacher_preview(preview: TeacherPreview) -> None:
    """Print what the teacher makes of a few photos on stderr, before the work begins."""
    print_note("\n".join(preview.lines()))


def print_slice(report: SliceReport, *, as_json: bool) -> None:
    """Print the result of one part of the work (`--shard`)."""
    if as_json:
        print(json.dumps(report.to_json(), indent=2))
    else:
        print("\n".join(_slice_lines(report)))
    _print_notes_and_failures([], report.failures)


def _slice_lines(report: SliceReport) -> list[str]:
    state = "the set is complete" if report.complete else "the other parts make the rest"
    return [
        f"part {report.slice_name}: made {counted(report.new_pairs, 'pair')} in {report.seconds:.1f} s",
        *([f"  failed  {len(report.failures)}"] if report.failures else []),
        f"  where   {report.out} ({report.finished_shards} of {counted(report.shards, 'shard')} finished: {state})",
    ]


def print_report(report: BuildReport, *, as_json: bool) -> None:
    """Print the result of a finished pair set."""
    if as_json:
        print(json_text(report.to_json()))
    else:
        print("\n".join(_report_lines(report)))
    _print_notes_and_failures([] if as_json else report.notes, report.manifest.failures)


def print_next_training(pairs: Path, styles: int, config: Path | None = None) -> None:
    """Print on stderr the command that trains on a finished pair set.

    Args:
        pairs: Folder of the pair set.
        styles: Number of its styles.
        config: Configuration that it was made with; None takes the one that comes with pix2style and takes minutes.
    """
    all_styles = (f"model.styles={styles}",) if styles > 1 and config is None else ()
    print_next("pix2style", "train", "--config", config or _NEXT_CONFIG, "--pairs", pairs, *all_styles)


def _report_lines(report: BuildReport) -> list[str]:
    manifest, counts = report.manifest, report.manifest.pairs
    if report.already_finished:
        return [f"{report.out}: already finished ({counted(counts.total, 'pair')}); nothing was changed"]
    kept = f" and kept {report.kept_pairs} of an earlier call" if report.kept_pairs else ""
    teachers = ", ".join(teacher.name for teacher in manifest.teachers[:3])
    variants = f" ({counted(manifest.variants, 'variant')} of each photo among them)" if manifest.variants else ""
    speed = f"in {report.seconds:.1f} s ({report.pairs_per_second:.1f} pairs/s)"
    return [
        f"made {counted(report.new_pairs, 'pair')}{kept} {speed} with {teachers}",
        f"  splits  train {counts.train}{variants}, val {counts.val}, test {counts.test}",
        f"  failed  {_failure_counts(report)}",
        f"  where   {report.out}",
    ]


def _failure_counts(report: BuildReport) -> str:
    counts = report.manifest.statistics.failures_by_reason
    reasons = "; ".join(f"{count} {reason}" for reason, count in counts.items())
    return f"{len(report.manifest.failures)}{f' ({reasons})' if reasons else ''}"


def _print_notes_and_failures(notes: Sequence[str], failures: Sequence[Failure]) -> None:
    for note in notes:
        print_note(note)
    print_failures([(failure.source, failure.reason) for failure in failures], "manifest.json")
