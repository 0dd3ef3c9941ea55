"""Print the results of `train` and `distill`."""

from __future__ import annotations

import dataclasses
import json
import sys
from typing import TYPE_CHECKING

from pix2style.plural import counted
from pix2style.processes import is_main_process
from pix2style.progress import print_next, print_note

if TYPE_CHECKING:
    from pix2style.training.run.plan import NetworkSummary, RunPlan
    from pix2style.training.run.report import TrainReport


def print_plan(plan: RunPlan, *, as_json: bool) -> None:
    """Print the plan of a dry run, and what it noted on stderr."""
    for note in plan.notes:
        print_note(note)
    if as_json:
        print(json.dumps(plan.to_json()))
        return
    print(f"{plan.name} on {plan.device} -> {plan.run} (dry run: nothing was written)")
    networks = {
        "generator": plan.generator,
        "discriminator": plan.discriminator,
        "features": plan.features,
        "teacher run": plan.teacher,
    }
    for role, network in networks.items():
        if network is not None:
            print(_network_line(role, network, plan.picture_px))
    print("\n".join([*_data_lines(plan), *_cost_lines(plan)]))
    from pix2style.training.run.slow_cpu import slow_cpu_advice

    if (advice := slow_cpu_advice(plan.device, plan.seconds)) is not None:
        print_note(advice)


def _network_line(role: str, network: NetworkSummary, side_px: int) -> str:
    gmacs = network.macs_per_picture / 1e9
    return f"{role}: {network.kind}, {network.parameters:,} parameters, {gmacs:.2f} GMAC for {side_px}x{side_px}"


def _data_lines(plan: RunPlan) -> list[str]:
    samples = "pairs" if plan.paired else "photos without targets"
    styles = f", {plan.styles} styles" if plan.styles > 1 else ""
    lines = [f"data: {plan.training_pairs} {samples} for training, {plan.validation_pairs} for validation{styles}"]
    if plan.photos_to_paint:
        lines.append(f"before training, the teacher run would stylize {counted(plan.photos_to_paint, 'more photo')}")
    micro_batches = f" in {plan.accumulate} micro-batches" if plan.accumulate > 1 else ""
    pictures = "whole pairs" if plan.crop_px is None else f"crops of {plan.crop_px} px"
    lines.append(f"training: {_length(plan)}steps of {plan.batch}{micro_batches}, {pictures}")
    return lines


def _length(plan: RunPlan) -> str:
    """Return the length of the training, as the beginning of a line."""
    limit = "" if plan.minutes is None else f"at most {plan.minutes:g} minutes, everything included; "
    if plan.images is None or plan.epochs is None:
        return limit
    return f"{limit}{counted(plan.images, 'image')} ({plan.epochs:.1f} epochs), {plan.steps} "


def _cost_lines(plan: RunPlan) -> list[str]:
    lines = []
    if plan.images_per_s is not None and plan.seconds is not None:
        lines.append(f"time: about {_duration(plan.seconds)}, at {plan.images_per_s:.3g} images/s in a short trial")
    available = "" if plan.available_bytes is None else f" of {plan.available_bytes / 1e9:.1f} GB available"
    decoded = f"all pairs decoded take {plan.decoded_bytes / 1e9:.2f} GB"
    return [*lines, f"memory: {plan.memory_bytes / 1e9:.1f} GB in the trial{available}; {decoded}"]


def _duration(seconds: float) -> str:
    minutes = seconds / 60
    if minutes < 1:
        return f"{seconds:.0f} s"
    return f"{minutes:.0f} minutes" if minutes < 100 else f"{minutes / 60:.1f} hours"


def print_report(report: TrainReport, *, as_json: bool) -> None:
    """Print the report of a finished training; of several processes only the main one prints."""
    if not is_main_process():
        return
    if as_json:
        print(json.dumps({**dataclasses.asdict(report), "run": str(report.run)}))
        return
    from pix2style.training.run.report import held_out_text

    figures = {"l1": report.val_l1, "psnr": report.val_psnr, "ssim": report.val_ssim}
    validation = held_out_text({name: value for name, value in figures.items() if value is not None})
    print(
        f"{report.run}: {counted(report.step, 'step')}, {counted(report.images_seen, 'image')}, {report.seconds:.0f} s"
        f" ({report.images_per_s:.1f} images/s), {validation or 'no held-out photos'}"
    )
    if report.features is not None:
        print(f"feature network: {report.features.name} ({report.features.sha256[:12]})")
    if report.ended_by == "validation":
        print("stopped early: the validation metrics no longer improved (train.early_stop)", file=sys.stderr)
    if report.ended_by == "minutes":
        print(
            f"ended at train.minutes; train.minutes=null train.images={report.images_seen} repeats it without a clock",
            file=sys.stderr,
        )
    if report.skipped_steps:
        print(
            f"{counted(report.skipped_steps, 'step', verb='was')} skipped: a loss or gradient was not finite",
            file=sys.stderr,
        )
    print_next("pix2style", "export", report.run)
