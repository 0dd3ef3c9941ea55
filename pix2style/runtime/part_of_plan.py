"""Take one part of the work of a call, for batch systems that start several processes."""

from __future__ import annotations

from dataclasses import replace

from pix2style.runtime.output_paths import OutputPlan
from pix2style.slices import Slice


def part_of_plan(plan: OutputPlan, part: Slice) -> OutputPlan:
    """Return the part of a plan that one of several processes does.

    All processes plan the whole call, so that outputs have the names that one call would give them. Photos are dealt
    out one by one, and then clips, so that all parts have as many of both, up to one. What does not belong to a single
    photo (entries of a list that do not exist, empty folders, what is left out) belongs to the first part: so the
    reports of all parts add up to that of one call, and one missing file does not make every part fail.

    Args:
        plan: The plan of the whole call.
        part: The part to take.
    """
    photos_first = sorted(plan.jobs, key=lambda job: job.is_clip)
    jobs = [job for position, job in enumerate(photos_first) if part.contains(position)]
    targets = {job.target for job in jobs}
    renamed = [job for job in plan.renamed if job.target in targets]
    if part.number == 1:
        return replace(plan, jobs=jobs, renamed=renamed)
    return OutputPlan(jobs, renamed=renamed)
