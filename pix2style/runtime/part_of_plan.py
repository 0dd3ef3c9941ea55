"""Take one part of the work of a call, for batch systems that start several processes."""

from __future__ import annotations

from itertools import chain

from pix2style.runtime.output_paths import OutputPlan
from pix2style.slices import Slice


def part_of_plan(plan: OutputPlan, part: Slice) -> OutputPlan:
    """Return the part of a plan that one of several processes does.

    All processes plan the whole call, so that outputs have the names that one call would give them. Photos are dealt
    out in turn, and then clips, so that all parts have the same number of each, give or take one. What does not belong
    to a single photo (entries of a list that do not exist, empty folders, what is left out) belongs to the first part:
    so the reports of all parts add up to that of one call, and one missing file does not make every part fail.

    Args:
        plan: The plan of the whole call.
        part: The part to take.
    """
    photos_first = chain(plan.jobs.positions_of(clips=False), plan.jobs.positions_of(clips=True))
    own = [position for place, position in enumerate(photos_first) if part.contains(place)]
    numbered_in_call = set(plan.numbered)
    numbered = [place for place, position in enumerate(own) if position in numbered_in_call]
    if part.number > 1:
        return OutputPlan(plan.jobs.at(own), numbered=numbered)
    return OutputPlan(plan.jobs.at(own), plan.left_out, plan.empty_folders, numbered, plan.missing)
