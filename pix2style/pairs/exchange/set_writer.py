"""Write a pair set whose targets exist already, shard by shard."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

from pix2style.files import write_json
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import PairManifest, SplitCounts, TeacherRecord
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import Failure, PairEntry, PairFormat, PlannedPhoto, StoredPair
from pix2style.pairs.format.shard_summary import ShardSummary, shard_statistics, summarize_shard, total_statistics
from pix2style.pairs.format.shards import ShardWriter, write_index
from pix2style.version import __version__


class PairSetWriter:
    """Write a pair set: shard after shard, then the plan and the manifest. The plan lists each pair as a photo.

    Args:
        folder: Folder of the new set. Shards in it are deleted; an attempt in another image format may have left them.
        image_format: Format of all images.
        pairs_per_shard: Number of pairs in one shard.
    """

    def __init__(self, folder: Path, image_format: PairFormat, pairs_per_shard: int) -> None:
        self._folder = PairSetFolder(folder)
        self._folder.shards.mkdir(exist_ok=True)
        for old_file in self._folder.shards.iterdir():
            old_file.unlink()
        self._format, self._pairs_per_shard = image_format, pairs_per_shard
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
    def pair_count(self) -> int:
        """Number of pairs that have been written."""
        return len(self._planned)

    def append(self, pair: StoredPair, content: bytes, target: bytes) -> None:
        """Write one pair.

        Args:
            pair: Description of the pair.
            content: File of the content.
            target: File of the target.
        """
        shard = len(self._shards)
        if self._writer is None:
            self._writer = ShardWriter(self._folder.partial(shard), self._format)
            self._writer.truncate(0)
        self._entries.append(self._writer.append(pair, content, target, shard))
        self._planned.append(PlannedPhoto(pair.key, pair.source, pair.sha256, pair.split, shard))
        self._sizes.add((pair.height_px, pair.width_px))
        if len(self._entries) == self._pairs_per_shard:
            self._finish_shard()

    def finish(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairManifest:
        """Finish the last shard, and write the plan and the manifest.

        Args:
            teachers: Teachers of the styles, in the order of the styles' ids.
            shares: Shares of the validation and the test split.
            failures: Files or rows for which there is no pair.
        """
        if self._entries:
            self._finish_shard()
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
            statistics=total_statistics((shard.statistics for shard in self._shards), failures),
            failures=failures,
            duplicates=(),
        )
        write_json(self._folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def _plan(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairPlan:
        [first_size, *other_sizes] = self._sizes
        return PairPlan(
            teachers=teachers,
            styles_per_photo=1,
            size=max(max(size) for size in self._sizes),
            fit="crop" if not other_sizes and first_size[0] == first_size[1] else "keep",
            format=self._format,
            seed=0,
            val_share=shares[0],
            test_share=shares[1],
            photos_per_shard=self._pairs_per_shard,
            photos=tuple(self._planned),
            duplicates=(),
            unreadable=failures,
        )

    def _finish_shard(self) -> None:
        if self._writer is None:
            return
        self._writer.finish()
        self._writer.close()
        self._writer = None
        shard = len(self._shards)
        statistics = shard_statistics(len(self._entries), self._entries, [])
        index = write_index(self._folder.tar(shard), shard, self._entries, [], statistics)
        self._shards.append(summarize_shard(index, self._folder.index(shard)))
        self._entries = []
