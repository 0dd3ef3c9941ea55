"""make_pairs: photos and a teacher become a pair set. Can be killed at any moment and called again."""

from __future__ import annotations

import time
from concurrent.futures import Executor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_file
from pix2style.pairs.folder import SetFolder
from pix2style.pairs.paint import Painter, threads
from pix2style.pairs.plan import PairPlan, make_plan
from pix2style.pairs.report import BuildReport, Preview
from pix2style.pairs.scan import Scan, scan_photos
from pix2style.pairs.work import OnProgress, SetWork
from pix2style.stylizer import Stylizer

__all__ = ["BuildReport", "OnProgress", "Preview", "make_pairs", "preview_pairs"]


def _silent(_label: str, _done: int, _total: int) -> None:
    """For callers that do not watch."""


def make_pairs(
    config: PairsConfig,
    teacher: Stylizer,
    out: Path,
    *,
    seed: int = 0,
    on_progress: OnProgress = _silent,
) -> BuildReport:
    """Paint every photo once and store the pairs.

    The same photos, teacher and settings give the same bytes, however often the work was interrupted.

    Args:
        config: which photos, size, format and shares.
        teacher: who paints.
        out: the set's folder: new, empty, or with the same set, which is then finished.
        seed: salt of the split's hash; sets that shall hold out the same photos need the same.
        on_progress: called often, from this thread.

    Returns:
        What came out; files that could not be read are in `manifest.failures`.

    Raises:
        DataError: no photo can be read, or `out` holds something else or cannot be written.
        ArtifactError: the teacher gave pictures of another size.
    """
    started = time.perf_counter()
    folder = SetFolder(out)
    with threads() as pool:
        plan, scan = _plan(config, teacher, seed, pool, on_progress)
        with folder.claimed():
            folder.open(plan)
            painter = Painter(teacher, plan.size, plan.format, scan.paths, pool)
            work = SetWork(folder, plan, painter, config.batch, on_progress)
            finished = work.find_finished()
            manifest = finished or work.finish()
            return BuildReport(
                out=out,
                manifest=manifest,
                sha256=sha256_file(folder.manifest),
                painted=work.painted,
                kept=manifest.pairs.total - work.painted,
                enlarged=work.count_enlarged(),
                seconds=time.perf_counter() - started,
                already_finished=finished is not None,
            )


def preview_pairs(
    config: PairsConfig, teacher: Stylizer, out: Path, *, seed: int = 0, on_progress: OnProgress = _silent
) -> Preview:
    """What `make_pairs` would do; scans, but paints and writes nothing.

    Raises:
        DataError: where `make_pairs` would, before its first photo.
    """
    folder = SetFolder(out)
    with threads() as pool:
        plan, scan = _plan(config, teacher, seed, pool, on_progress)
        folder.check(plan)
        painter = Painter(teacher, plan.size, plan.format, scan.paths, pool)
        work = SetWork(folder, plan, painter, config.batch, on_progress)
        finished = work.find_finished()
    state = "finished" if finished else "unfinished" if folder.plan.exists() else "new"
    return Preview(out, plan, state, len(work.indexes))


def _plan(
    config: PairsConfig, teacher: Stylizer, seed: int, pool: Executor, on_progress: OnProgress
) -> tuple[PairPlan, Scan]:
    scan = scan_photos(config.content, pool, lambda done, total: on_progress("hashing", done, total))
    plan = make_plan(config, teacher.identity, seed=seed, hashed=scan.hashed, unreadable=scan.unreadable)
    return plan, scan
