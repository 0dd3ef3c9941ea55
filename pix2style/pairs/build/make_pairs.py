"""make_pairs: photos and teachers become a pair set. Can be killed at any moment and called again."""

from __future__ import annotations

import time
from collections.abc import Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_file
from pix2style.pairs.build.engines.local import LocalEngine
from pix2style.pairs.build.engines.ray_cluster import ClusterEngine, RayCluster
from pix2style.pairs.build.report import BuildPreview, BuildReport, SliceReport
from pix2style.pairs.build.scan import PhotoScan, scan_photos, scan_planned_photos
from pix2style.pairs.build.set_builder import Engine, PairSetBuilder, Slice
from pix2style.pairs.build.stylize import PairStylizer, threads
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.plan import PairPlan, make_plan
from pix2style.progress import StageProgressCallback, no_progress
from pix2style.stylizer import Stylizer

__all__ = [
    "BuildPreview",
    "BuildReport",
    "RayCluster",
    "Slice",
    "SliceReport",
    "make_pairs",
    "make_slice",
    "plan_pairs",
    "preview_pairs",
]

Teachers = Stylizer | Sequence[Stylizer]


def make_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    exclude_sha256: Collection[str] = (),
    cluster: RayCluster | None = None,
    on_progress: StageProgressCallback = no_progress,
) -> BuildReport:
    """Paint every photo and store the pairs.

    The same photos, teachers and settings give the same bytes, however often the work was interrupted, and whatever
    machines did it.

    Args:
        config: which photos, size, format and shares.
        teacher: who paints; several: one for each style.
        out: the set's folder: new, empty, or with the same set, which is then finished.
        seed: salt of the split's hash; sets that shall hold out the same photos need the same.
        exclude_sha256: photos that are left out, by the SHA-256 of their files.
        cluster: paint there instead of in this process.
        on_progress: called often, from this thread.

    Returns:
        What came out; files that could not be read are in `manifest.failures`.

    Raises:
        DataError: no photo can be read, or `out` holds something else or cannot be written.
        ArtifactError: the teacher gave pictures of another size.
    """
    started, teachers, folder = time.perf_counter(), _as_list(teacher), PairSetFolder(out)
    with threads() as pool:
        plan, scan = _plan(config, teachers, seed, pool, on_progress, exclude_sha256=exclude_sha256)
        with folder.locked():
            folder.open(plan)
            work = PairSetBuilder(folder, plan, on_progress)
            painter = PairStylizer(teachers, plan, scan.paths, pool)
            finished = work.find_finished()
            if finished is None:
                work.make(_engine(work, painter, config.teacher_batch, cluster))
            manifest = finished or work.finish()
            return BuildReport(
                out=out,
                manifest=manifest,
                sha256=sha256_file(folder.manifest),
                new_pairs=work.new_pairs,
                kept_pairs=manifest.pairs.total - work.new_pairs,
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
    on_progress: StageProgressCallback = no_progress,
) -> SliceReport:
    """Make a part of the shards, while other processes make the others: for batch systems.

    Where a plan is there already, photos are found by name and checked only when they are painted. Whoever finishes
    the last shard writes the manifest.

    Raises:
        DataError, ArtifactError: as `make_pairs`.
    """
    started, teachers, folder = time.perf_counter(), _as_list(teacher), PairSetFolder(out)
    with threads() as pool:
        plan, scan = _known_plan(config, teachers, seed, folder) or _plan(config, teachers, seed, pool, on_progress)
        with folder.locked(shared=True):
            folder.open(plan, alone=False)
            work = PairSetBuilder(folder, plan, on_progress)
            painter = PairStylizer(teachers, plan, scan.paths, pool)
            finished = work.find_finished()
            if finished is None:
                work.make(_engine(work, painter, config.teacher_batch, None), part)
                work.find_finished()  # others may have made the rest meanwhile
                if work.is_complete:
                    work.finish()
            return SliceReport(
                out=out,
                part=f"{part.number}/{part.of}",
                new_pairs=work.new_pairs,
                finished_shards=len(work.finished),
                shards=plan.shard_count,
                seconds=time.perf_counter() - started,
                complete=work.is_complete,
            )


def plan_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    on_progress: StageProgressCallback = no_progress,
) -> BuildPreview:
    """Write the plan and nothing else: before many slices begin, so that the photos are hashed once.

    Raises:
        DataError: as `make_pairs`.
    """
    folder = PairSetFolder(out)
    with threads() as pool:
        plan, _ = _plan(config, _as_list(teacher), seed, pool, on_progress)
        with folder.locked():
            folder.open(plan)
            return _preview(folder, plan)


def preview_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    exclude_sha256: Collection[str] = (),
    on_progress: StageProgressCallback = no_progress,
) -> BuildPreview:
    """What `make_pairs` would do with the same; scans, but paints and writes nothing.

    Raises:
        DataError: where `make_pairs` would, before its first photo.
    """
    folder = PairSetFolder(out)
    with threads() as pool:
        plan, _ = _plan(config, _as_list(teacher), seed, pool, on_progress, exclude_sha256=exclude_sha256)
    folder.check(plan)
    return _preview(folder, plan)


def _preview(folder: PairSetFolder, plan: PairPlan) -> BuildPreview:
    work = PairSetBuilder(folder, plan, no_progress)
    finished = work.find_finished()
    state = "finished" if finished else "unfinished" if folder.plan.exists() else "new"
    return BuildPreview(folder.path, plan, state, len(work.finished))


def _as_list(teacher: Teachers) -> list[Stylizer]:
    return [teacher] if isinstance(teacher, Stylizer) else list(teacher)


def _engine(work: PairSetBuilder, painter: PairStylizer, batch: int, cluster: RayCluster | None) -> Engine:
    if cluster is None:
        return LocalEngine(work.folder, work.plan, painter, batch, work.advance)
    return ClusterEngine(cluster, work.folder, work.plan, painter.paths, batch, work.advance)


def _plan(
    config: PairsConfig,
    teachers: Sequence[Stylizer],
    seed: int,
    pool: Executor,
    on_progress: StageProgressCallback,
    *,
    exclude_sha256: Collection[str] = (),
) -> tuple[PairPlan, PhotoScan]:
    scan = scan_photos(config.content, pool, lambda done, total: on_progress("hashing", done, total))
    if exclude_sha256:
        scan = scan.exclude(exclude_sha256)
    return _plan_of(config, teachers, seed, scan), scan


def _known_plan(
    config: PairsConfig, teachers: Sequence[Stylizer], seed: int, folder: PairSetFolder
) -> tuple[PairPlan, PhotoScan] | None:
    """The plan that is there, if the same files are."""
    if not folder.plan.exists():
        return None
    scan = scan_planned_photos(config.content, read_document(PairPlan, folder.plan)[0])
    return None if scan is None else (_plan_of(config, teachers, seed, scan), scan)


def _plan_of(config: PairsConfig, teachers: Sequence[Stylizer], seed: int, scan: PhotoScan) -> PairPlan:
    identities = [teacher.identity for teacher in teachers]
    return make_plan(config, identities, seed=seed, hashed_files=scan.hashed_files, unreadable=scan.unreadable)
