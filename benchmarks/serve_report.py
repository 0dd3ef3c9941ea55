"""Describe in words and figures how `pix2style serve` answered a load, and what it used."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from serve_load import LoadReport
from serve_process import Usage

# For bodies and pictures of the largest size, which come and go.
_MARGIN_MB = {"main process": 100, "other processes": 200}
_ROWS = 12


@dataclass(frozen=True)
class WatchedLoad:
    """A load and what the server used.

    Attributes:
        report: What was answered.
        before: What the server used before, after some valid requests.
        during: What it used after numbers of requests.
        after: What it used afterwards.
        replaced: Number of workers that the server replaced.
    """

    report: LoadReport
    before: Usage
    during: Sequence[tuple[int, Usage]]
    after: Usage
    replaced: int


def describe_load(watched: WatchedLoad) -> list[str]:
    """Return lines of Markdown."""
    report, during = watched.report, watched.during
    good_ms = sorted(1000 * seconds for seconds in report.good_s) or [0.0]
    p50_ms, p99_ms = (good_ms[int(share * (len(good_ms) - 1))] for share in (0.5, 0.99))
    statuses = ", ".join(f"{_name(status)}: {count}" for status, count in sorted(report.statuses.items()))
    rows = [("before", watched.before), *during[:: max(1, len(during) // _ROWS)], ("afterwards", watched.after)]
    return [
        (
            f"* {report.good} valid requests were answered with the picture that `pix2style infer` writes, in"
            f" {report.seconds:.0f} s (p50 {p50_ms:.0f} ms, p99 {p99_ms:.0f} ms). {report.repeated} of them were first"
            " answered with 429 and sent again."
        ),
        f"* {sum(report.hostile.values())} hostile requests ended with these statuses: {statuses}.",
        f"* Wrong or missing answers: {report.fault_count}.",
        f"* Workers that were replaced: {watched.replaced}.",
        "",
        "| After requests | main process, MB | other processes, MB | processes | open files of the main process |",
        "|---|---|---|---|---|",
        *(
            f"| {done} | {usage.front_mb:.0f} | {usage.workers_mb:.0f} | {usage.processes} | {usage.open_files} |"
            for done, usage in rows
        ),
        "",
        "Least memory in the second and in the last quarter of the requests: "
        + ", ".join(f"{words} {early:.0f} and {late:.0f} MB" for words, (early, late) in _quarters(during).items())
        + ".",
    ]


def find_faults(watched: WatchedLoad) -> list[str]:
    """Return what is not as it has to be."""
    faults = [f"{name}: {fault}" for name, fault in watched.report.faults.items()]
    if watched.after.open_files > watched.before.open_files:
        faults.append(f"file descriptors stay open: {watched.before.open_files}, then {watched.after.open_files}")
    if watched.after.processes != watched.before.processes:
        faults.append(f"processes: {watched.before.processes}, then {watched.after.processes}")
    for words, (early, late) in _quarters(watched.during).items():
        if late > early + _MARGIN_MB[words]:
            faults.append(f"memory grows: {words} from {early:.0f} to {late:.0f} MB")
    return faults


def _quarters(during: Sequence[tuple[int, Usage]]) -> dict[str, tuple[float, float]]:
    """Return the least memory in the second and in the last quarter."""
    quarter = len(during) // 4
    parts = during[quarter : 2 * quarter + 1], during[-quarter - 1 :]
    fields = {"main process": "front_mb", "other processes": "workers_mb"}
    return {
        words: tuple(min(getattr(usage, name) for _, usage in part) for part in parts)  # type: ignore[misc]
        for words, name in fields.items()
    }


def _name(status: int) -> str:
    return {0: "closed", -1: "not ended"}.get(status, str(status))
