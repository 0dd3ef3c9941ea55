"""Make pair sets: stylize photos with teachers, resume interrupted sets, make slices for batch systems, and preview."""

from __future__ import annotations

import contextlib
import time
from collections.abc import Callable, Collection, Sequence
from concurrent.futures import Executor
from pathlib import Path

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, DataError
from pix2style.files import sha256_file
from pix2style.pairs.build.engines.local import LocalEngine
from pix2style.pairs.build.engines.ray_cluster import ClusterEngine, RayCluster
from pix2style.pairs.build.report import BuildPreview, BuildReport, SliceReport
from pix2style.pairs.build.scan import PhotoScan, scan_photos, scan_planned_photos
from pix2style.pairs.build.set_builder import Engine, PairSetBuilder
from pix2style.pairs.build.stylize import PairStylizer, worker_threads
from pix2style.pairs.build.teacher_preview import TeacherPreview, preview_teacher
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import SPLITS_APART_VERSION
from pix2style.pairs.format.paintings import store_paintings
from pix2style.pairs.format.plan import PairPlan, make_plan
from pix2style.progress import StageProgressCallback, no_progress
from pix2style.slices import Slice
from pix2style.stylizer import Stylizer
from pix2style.teacher_table import find_teacher

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
"""One teacher, or the teachers of several styles in the order of the styles' ids."""
PreviewCallback = Callable[[TeacherPreview], None]
"""Called with what the teachers make of a few photos."""

# A teacher of one's own may take minutes for one photo. After this time the preview begins no further photo.
_PREVIEW_MAX_S = 10.0
_NO_PHOTOS = PhotoScan([], {}, [], [])


def make_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    exclude_sha256: Collection[str] = (),
    cluster: RayCluster | None = None,
    on_progress: StageProgressCallback = no_progress,
    on_preview: PreviewCallback | None = None,
) -> BuildReport:
    """Stylize all photos and store the pairs.

    The process may be killed at any moment; the same call then continues. The same photos, teachers and settings give
    the same bytes, no matter how often the work was interrupted and which machines did it.

    Args:
        config: Section `pairs` of the configuration.
        teacher: The teacher, or the teachers of several styles.
        out: Folder of the pair set: new, empty, or with the same set, which is then finished.
        seed: Salt of the hash that assigns photos to splits. Sets that shall hold out the same photos need the same
            seed.
        exclude_sha256: SHA-256 of the files of photos that are left out.
        cluster: Cluster that makes the shards, or None to make them in this process.
        on_progress: Called often, in this thread, with the stages `hashing` (files) and `stylizing` (pairs).
        on_preview: Called before the first pair with what the teachers make of four photos, which is written to
            `preview.png` too; None to make no preview.

    Returns:
        A report. Photos that failed are in `manifest.failures`.

    Raises:
        DataError: No photo can be read, or `out` holds something else or cannot be written.
        ArtifactError: A teacher returned images of another size than its input.
    """
    start, teachers, folder = time.perf_counter(), _as_list(teacher), PairSetFolder(out)
    _check_before_scan(config, teachers, seed, folder)
    with worker_threads() as pool:
        scan = _scan(config, pool, on_progress, exclude_sha256)
        plan = _plan(config, teachers, seed, scan, folder)
        with folder.locked():
            is_new = not folder.plan.exists()
            folder.prepare(plan)
            store_paintings(out, config.paintings, plan.teachers)
            builder = PairSetBuilder(folder, plan, on_progress)
            pair_stylizer = PairStylizer(teachers, plan, scan.paths, pool)
            finished = builder.find_finished()
            if finished is None:
                if on_preview is not None and not builder.finished and (is_new or not folder.preview.exists()):
                    _preview_teachers(config, teachers, folder, on_preview)
                builder.make(_engine(builder, pair_stylizer, config.teacher_batch, cluster))
                folder.remove_temporary_files()  # of workers of a cluster that were killed
            manifest = finished or builder.finish()
            return BuildReport(
                out=out,
                manifest=manifest,
                sha256=sha256_file(folder.manifest),
                new_pairs=builder.new_pairs,
                kept_pairs=manifest.pairs.total - builder.new_pairs,
                teacher_s=pair_stylizer.teacher_s if cluster is None else None,
                seconds=time.perf_counter() - start,
                already_finished=finished is not None,
                left_out=scan.left_out,
            )


def make_slice(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    shard_slice: Slice,
    *,
    seed: int = 0,
    on_progress: StageProgressCallback = no_progress,
) -> SliceReport:
    """Make a slice of the shards, while other processes make the other slices: for batch systems.

    If the folder holds a plan already, photos are found by their names and only checked when they are stylized. The
    process that finishes the last shard writes the manifest.

    Args:
        config: Section `pairs` of the configuration.
        teacher: The teacher, or the teachers of several styles.
        out: Folder of the pair set.
        shard_slice: The slice to make.
        seed: See `make_pairs`.
        on_progress: See `make_pairs`.

    Raises:
        DataError, ArtifactError: See `make_pairs`.
    """
    start, teachers, folder = time.perf_counter(), _as_list(teacher), PairSetFolder(out)
    _check_before_scan(config, teachers, seed, folder, shared=True)
    with worker_threads() as pool:
        planned_scan = _scan_planned(config, folder)
        scan = _scan(config, pool, on_progress) if planned_scan is None else planned_scan
        plan = _plan(config, teachers, seed, scan, folder)
        with folder.locked(shared=True):
            folder.prepare(plan, exclusive=False)
            store_paintings(out, config.paintings, plan.teachers)
            builder = PairSetBuilder(folder, plan, on_progress)
            pair_stylizer = PairStylizer(teachers, plan, scan.paths, pool)
            finished = builder.find_finished()
            made = False
            if finished is None:
                made = builder.make(_engine(builder, pair_stylizer, config.teacher_batch, None), shard_slice)
                builder.find_finished()  # other processes may have finished their slices in the meantime
                if builder.is_complete:
                    builder.finish()
            return SliceReport(
                out=out,
                slice_name=str(shard_slice),
                new_pairs=builder.new_pairs,
                finished_shards=len(builder.finished),
                shards=plan.shard_count,
                seconds=time.perf_counter() - start,
                complete=builder.is_complete,
                failures=builder.failures_in(shard_slice) if made else (),
            )


def plan_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    on_progress: StageProgressCallback = no_progress,
) -> BuildPreview:
    """Write the plan only, so that the processes that make slices later need not hash all photos.

    The arguments are those of `make_pairs`.

    Raises:
        DataError: See `make_pairs`.
    """
    teachers, folder = _as_list(teacher), PairSetFolder(out)
    _check_before_scan(config, teachers, seed, folder)
    with worker_threads() as pool:
        scan = _scan(config, pool, on_progress)
        plan = _plan(config, teachers, seed, scan, folder)
        with folder.locked():
            folder.prepare(plan)
            return _preview(folder, plan, scan)


def preview_pairs(
    config: PairsConfig,
    teacher: Teachers,
    out: Path,
    *,
    seed: int = 0,
    exclude_sha256: Collection[str] = (),
    on_progress: StageProgressCallback = no_progress,
) -> BuildPreview:
    """Return what `make_pairs` would do with the same arguments; scans the photos, but stylizes and writes nothing.

    Raises:
        DataError: `make_pairs` would raise it before its first photo.
    """
    teachers, folder = _as_list(teacher), PairSetFolder(out)
    folder.check_plan(_plan(config, teachers, seed, _NO_PHOTOS, folder), only_settings=True)
    with worker_threads() as pool:
        scan = _scan(config, pool, on_progress, exclude_sha256)
    plan = _plan(config, teachers, seed, scan, folder)
    folder.check_plan(plan)
    return _preview(folder, plan, scan)


def _check_before_scan(
    config: PairsConfig, teachers: Sequence[Stylizer], seed: int, folder: PairSetFolder, *, shared: bool = False
) -> None:
    """Refuse a folder that is in use or holds something else before the photos are hashed, which may take an hour.

    All of it is checked again afterwards, because the folder may change meanwhile.
    """
    if folder.path.is_dir():  # else nothing is left behind if no photo can be read
        with folder.locked(shared=shared):
            folder.check_plan(_plan(config, teachers, seed, _NO_PHOTOS, folder), only_settings=True)


def _preview(folder: PairSetFolder, plan: PairPlan, scan: PhotoScan) -> BuildPreview:
    builder = PairSetBuilder(folder, plan, no_progress)
    finished = builder.find_finished()
    state = "finished" if finished else "unfinished" if folder.plan.exists() else "new"
    return BuildPreview(folder.path, plan, state, len(builder.finished), scan.left_out)


def _preview_teachers(
    config: PairsConfig, teachers: Sequence[Stylizer], folder: PairSetFolder, on_preview: PreviewCallback
) -> None:
    """Show what the teachers make of a few photos, unless they take minutes for one."""
    if not find_teacher(config.teacher).fast:
        return
    # A photo or teacher that fails here fails again in the work itself, which reports it.
    with contextlib.suppress(DataError, ArtifactError):
        on_preview(preview_teacher(config, teachers, folder.preview, max_seconds=_PREVIEW_MAX_S))


def _as_list(teacher: Teachers) -> list[Stylizer]:
    return [teacher] if isinstance(teacher, Stylizer) else list(teacher)


def _engine(builder: PairSetBuilder, pair_stylizer: PairStylizer, batch: int, cluster: RayCluster | None) -> Engine:
    if cluster is None:
        return LocalEngine(builder.folder, builder.plan, pair_stylizer, batch, builder.report_pairs)
    return ClusterEngine(cluster, builder.folder, builder.plan, pair_stylizer.paths, batch, builder.report_pairs)


def _scan(
    config: PairsConfig, pool: Executor, on_progress: StageProgressCallback, exclude_sha256: Collection[str] = ()
) -> PhotoScan:
    scan = scan_photos(config.content, pool, lambda done, total: on_progress("hashing", done, total))
    return scan.exclude(exclude_sha256) if exclude_sha256 else scan


def _scan_planned(config: PairsConfig, folder: PairSetFolder) -> PhotoScan | None:
    """Scan with the digests of the plan in the folder; None if there is no plan or files were added or removed."""
    if not folder.plan.exists():
        return None
    return scan_planned_photos(config.content, read_document(PairPlan, folder.plan)[0])


def _plan(
    config: PairsConfig, teachers: Sequence[Stylizer], seed: int, scan: PhotoScan, folder: PairSetFolder
) -> PairPlan:
    return make_plan(
        config,
        [teacher.identity for teacher in teachers],
        seed=seed,
        hashed_files=scan.hashed_files,
        unreadable=scan.unreadable,
        splits_apart=_splits_apart(folder),
    )


def _splits_apart(folder: PairSetFolder) -> bool:
    """Return whether each shard holds one split only: always, except in a set that an older version began."""
    with contextlib.suppress(DataError):  # a damaged plan is reported when the folder is prepared
        if folder.plan.exists():
            return read_document(PairPlan, folder.plan)[0].schema_version >= SPLITS_APART_VERSION
    return True
