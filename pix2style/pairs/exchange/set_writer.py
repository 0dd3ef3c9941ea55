"""A pair set that is written in one go, from pairs that are painted already."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from types import TracebackType
from typing import Self

from pix2style.files import write_json
from pix2style.pairs.build.shard_builder import ShardSummary, summarize_shard, total
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import (
    Failure,
    PairEntry,
    PairFormat,
    PairManifest,
    PlannedPhoto,
    ShardStatistics,
    SplitCounts,
    StoredPair,
    TeacherRecord,
)
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shards import ShardWriter, write_index
from pix2style.version import __version__


class PairSetWriter:
    """Shard after shard, then plan and manifest. In its plan each pair is a photo of its own.

    Args:
        folder: a new one.
        picture_format: of all pictures.
        pairs_per_shard: pairs in one tar file.
    """

    def __init__(self, folder: Path, picture_format: PairFormat, pairs_per_shard: int) -> None:
        self._folder = PairSetFolder(folder)
        self._folder.shards.mkdir(exist_ok=True)
        for old in self._folder.shards.iterdir():  # of an attempt in the other format
            old.unlink()
        self._format, self._step = picture_format, pairs_per_shard
        self._writer: ShardWriter | None = None
        self._entries: list[PairEntry] = []
        self._planned: list[PlannedPhoto] = []
        self._shards: list[ShardSummary] = []
        self._sizes: set[tuple[int, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writer is not None:
            self._writer.close()

    @property
    def pairs(self) -> int:
        """Written so far."""
        return len(self._planned)

    def append(self, pair: StoredPair, content: bytes, target: bytes) -> None:
        """Write one pair."""
        number = len(self._shards)
        if self._writer is None:
            self._writer = ShardWriter(self._folder.partial(number), self._format)
            self._writer.cut(0)
        self._entries.append(self._writer.append(pair, content, target, number))
        self._planned.append(PlannedPhoto(pair.key, pair.source, pair.sha256, pair.split, number))
        self._sizes.add((pair.height_px, pair.width_px))
        if len(self._entries) == self._step:
            self._end_shard()

    def finish(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairManifest:
        """Write what makes the shards a set.

        Args:
            teachers: one for each style.
            shares: of val and test.
            failures: what gave no pair.
        """
        if self._entries:
            self._end_shard()
        plan = self._plan(teachers, shares, failures)
        write_json(self._folder.plan, plan.model_dump(mode="json"))
        manifest = PairManifest(
            plan_sha256=plan.digest,
            pix2style_version=__version__,
            teachers=teachers,
            size=plan.size,
            fit=plan.fit,
            format=plan.format,
            seed=plan.seed,
            val_share=plan.val_share,
            test_share=plan.test_share,
            pairs=SplitCounts.sum(shard.splits for shard in self._shards),
            shards=tuple(shard.record for shard in self._shards),
            statistics=total((shard.statistics for shard in self._shards), failures),
            failures=failures,
            duplicates=(),
        )
        write_json(self._folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def _plan(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairPlan:
        [first, *others] = self._sizes
        return PairPlan(
            teachers=teachers,
            styles_per_photo=1,
            size=max(max(size) for size in self._sizes),
            fit="crop" if not others and first[0] == first[1] else "keep",
            format=self._format,
            seed=0,
            val_share=shares[0],
            test_share=shares[1],
            photos_per_shard=self._step,
            photos=tuple(self._planned),
            duplicates=(),
            unreadable=failures,
        )

    def _end_shard(self) -> None:
        if self._writer is None:
            return
        self._writer.finish()
        self._writer.close()
        self._writer = None
        number = len(self._shards)
        index = write_index(self._folder.tar(number), number, self._entries, [], statistics_of(self._entries))
        self._shards.append(summarize_shard(self._folder, index))
        self._entries = []


def statistics_of(entries: Sequence[PairEntry]) -> ShardStatistics:
    """A shard without failures, in figures."""
    return ShardStatistics(
        photos=len(entries),
        pairs=len(entries),
        enlarged=0,
        content_bytes=sum(entry.content.size for entry in entries),
        target_bytes=sum(entry.target.size for entry in entries),
        failures_by_reason={},
    )
