"""make_pairs: photos and teachers become a pair set. Can be killed at any moment and called again."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_file
from pix2style.pairs.build.engines.local import LocalEngine
from pix2style.pairs.build.engines.ray_cluster import Cluster, ClusterEngine
from pix2style.pairs.build.paint import Painter, threads
from pix2style.pairs.build.report import BuildReport, Preview, SliceReport
from pix2style.pairs.build.scan import Scan, scan_photos, scan_planned
from pix2style.pairs.build.set_builder import Engine, OnProgress, SetWork, Slice
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import SetFolder
from pix2style.pairs.format.plan import PairPlan, make_plan
from pix2style.stylizer import Stylizer

__all__ = ["BuildReport", "Cluster", "OnProgress", "Preview", "Slice", "SliceReport", "make_pairs", "make_slice",
           "plan_pairs", "preview_pairs"]  # fmt: skip

Teachers = Stylizer | Sequence[Stylizer]


def _silent(_label: str, _done: int, _total: int) -> None:
    """For callers that do not watch."""


def make_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    without: Collection[str] = (),
    cluster: Cluster | None = None,
    on_progress: OnProgress = _silent,
) -> BuildReport:
    """Paint every photo and store the pairs.

    The same photos, teachers and settings give the same bytes, however often the work was interrupted, and whatever
    machines did it.

    Args:
        config: which photos, size, format and shares.
        teacher: who paints; several: one for each style.
        out: the set's folder: new, empty, or with the same set, which is then finished.
        seed: salt of the split's hash; sets that shall hold out the same photos need the same.
        without: photos that are left out, by the SHA-256 of their files.
        cluster: paint there instead of in this process.
        on_progress: called often, from this thread.

    Returns:
        What came out; files that could not be read are in `manifest.failures`.

    Raises:
        DataError: no photo can be read, or `out` holds something else or cannot be written.
        ArtifactError: the teacher gave pictures of another size.
    """
    started, teachers, folder = time.perf_counter(), _as_list(teacher), SetFolder(out)
    with threads() as pool:
        plan, scan = _plan(config, teachers, seed, pool, on_progress, without=without)
        with folder.claimed():
            folder.open(plan)
            work = SetWork(folder, plan, on_progress)
            painter = Painter(teachers, plan, scan.paths, pool)
            finished = work.find_finished()
            if finished is None:
                work.make(_engine(work, painter, config.teacher_batch, cluster))
            manifest = finished or work.finish()
            return BuildReport(
                out=out,
                manifest=manifest,
                sha256=sha256_file(folder.manifest),
                painted=work.painted,
                kept=manifest.pairs.total - work.painted,
                teacher_s=painter.teacher_s if cluster is None else None,
                seconds=time.perf_counter() - started,
                already_finished=finished is not None,
            )


def make_slice(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    part: Slice,
    *,
    seed: int = 0,
    on_progress: OnProgress = _silent,
) -> SliceReport:
    """Make a part of the shards, while other processes make the others: for batch systems.

    Where a plan is there already, photos are found by name and checked only when they are painted. Whoever finishes
    the last shard writes the manifest.

    Raises:
        DataError, ArtifactError: as `make_pairs`.
    """
    started, teachers, folder = time.perf_counter(), _as_list(teacher), SetFolder(out)
    with threads() as pool:
        plan, scan = _known_plan(config, teachers, seed, folder) or _plan(config, teachers, seed, pool, on_progress)
        with folder.claimed(shared=True):
            folder.open(plan, alone=False)
            work = SetWork(folder, plan, on_progress)
            painter = Painter(teachers, plan, scan.paths, pool)
            finished = work.find_finished()
            if finished is None:
                work.make(_engine(work, painter, config.teacher_batch, None), part)
                work.find_finished()  # others may have made the rest meanwhile
                if work.is_complete:
                    work.finish()
            return SliceReport(
                out=out,
                part=f"{part.number}/{part.of}",
                painted=work.painted,
                finished_shards=len(work.finished),
                shards=plan.shard_count,
                seconds=time.perf_counter() - started,
                complete=work.is_complete,
            )


def plan_pairs(
    config: PairsConfig, teacher: Teachers, out: Path, *, seed: int = 0, on_progress: OnProgress = _silent
) -> Preview:
    """Write the plan and nothing else: before many slices begin, so that the photos are hashed once.

    Raises:
        DataError: as `make_pairs`.
    """
    folder = SetFolder(out)
    with threads() as pool:
        plan, _ = _plan(config, _as_list(teacher), seed, pool, on_progress)
        with folder.claimed():
            folder.open(plan)
            return _preview(folder, plan)


def preview_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    without: Collection[str] = (),
    on_progress: OnProgress = _silent,
) -> Preview:
    """What `make_pairs` would do with the same; scans, but paints and writes nothing.

    Raises:
        DataError: where `make_pairs` would, before its first photo.
    """
    folder = SetFolder(out)
    with threads() as pool:
        plan, _ = _plan(config, _as_list(teacher), seed, pool, on_progress, without=without)
    folder.check(plan)
    return _preview(folder, plan)


def _preview(folder: SetFolder, plan: PairPlan) -> Preview:
    work = SetWork(folder, plan, _silent)
    finished = work.find_finished()
    state = "finished" if finished else "unfinished" if folder.plan.exists() else "new"
    return Preview(folder.path, plan, state, len(work.finished))


def _as_list(teacher: Teachers) -> list[Stylizer]:
    return [teacher] if isinstance(teacher, Stylizer) else list(teacher)


def _engine(work: SetWork, painter: Painter, batch: int, cluster: Cluster | None) -> Engine:
    if cluster is None:
        return LocalEngine(work.folder, work.plan, painter, batch, work.advance)
    return ClusterEngine(cluster, work.folder, work.plan, painter.paths, batch, work.advance)


def _plan(
    config: PairsConfig,
    teachers: Sequence[Stylizer],
    seed: int,
    pool: Executor,
    on_progress: OnProgress,
    *,
    without: Collection[str] = (),
) -> tuple[PairPlan, Scan]:
    scan = scan_photos(config.content, pool, lambda done, total: on_progress("hashing", done, total))
    if without:
        scan = scan.without(without)
    return _plan_of(config, teachers, seed, scan), scan


def _known_plan(
    config: PairsConfig, teachers: Sequence[Stylizer], seed: int, folder: SetFolder
) -> tuple[PairPlan, Scan] | None:
    """The plan that is there, if the same files are."""
    if not folder.plan.exists():
        return None
    scan = scan_planned(config.content, read_document(PairPlan, folder.plan)[0])
    return None if scan is None else (_plan_of(config, teachers, seed, scan), scan)


def _plan_of(config: PairsConfig, teachers: Sequence[Stylizer], seed: int, scan: Scan) -> PairPlan:
    identities = [teacher.identity for teacher in teachers]
    return make_plan(config, identities, seed=seed, hashed=scan.hashed, unreadable=scan.unreadable)
