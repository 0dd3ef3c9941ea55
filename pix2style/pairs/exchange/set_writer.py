"""Write a pair set whose targets exist already, shard by shard."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

from pix2style.files import write_json
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import (
    SPLITS_APART_VERSION,
    PairManifest,
    ShardIndex,
    ShardRecord,
    SplitCounts,
    TeacherRecord,
)
from pix2style.pairs.format.plan import PairPlan, number_by_split
from pix2style.pairs.format.records import SPLITS, Failure, PairEntry, PairFormat, PlannedPhoto, Split, StoredPair
from pix2style.pairs.format.shard_names import shard_name
from pix2style.pairs.format.shard_summary import ShardSummary, shard_statistics, summarize_shard, total_statistics
from pix2style.pairs.format.shards import ShardWriter, write_index
from pix2style.version import __version__


@dataclass(slots=True)
class _SplitShards:
    """The shards of one split, whose numbers in the set follow from the shards of all splits.

    Attributes:
        folder: Folder of the set.
        split: The split.
        image_format: Format of all images.
    """

    folder: PairSetFolder
    split: Split
    image_format: PairFormat
    writer: ShardWriter | None = None
    entries: list[PairEntry] = field(default_factory=list)
    photos: list[PlannedPhoto] = field(default_factory=list)
    names: list[str] = field(default_factory=list)

    def append(self, pair: StoredPair, content: bytes, target: bytes) -> None:
        if self.writer is None:
            self.names.append(shard_name(self.split, len(self.names)))
            self.writer = ShardWriter(self.folder.partial(self.names[-1]), self.image_format)
            self.writer.truncate(0)
        self.entries.append(self.writer.append(pair, content, target, len(self.names) - 1))
        self.photos.append(PlannedPhoto(pair.key, pair.source, pair.sha256, pair.split, 0))

    def finish_shard(self) -> None:
        """Finish the open shard, and write its index with its number within the split."""
        if self.writer is None:
            return
        self.writer.finish()
        self.writer.close()
        self.writer = None
        statistics = shard_statistics(len(self.entries), self.entries, [])
        write_index(self.folder.tar(self.names[-1]), len(self.names) - 1, self.entries, [], statistics)
        self.entries = []

    def number(self, first: int) -> list[ShardSummary]:
        """Give the finished shards their numbers in the set, from `first` on, and return their summaries."""
        summaries = []
        for shard, name in enumerate(self.names, start=first):
            path = self.folder.index(name)
            index, _ = read_document(ShardIndex, path)
            pairs = tuple(entry.model_copy(update={"shard": shard}) for entry in index.pairs)
            index = index.model_copy(update={"shard": shard, "pairs": pairs})
            write_json(path, index.model_dump(mode="json"))
            summaries.append(summarize_shard(index, path))
        return summaries


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
        self._splits = {split: _SplitShards(self._folder, split, image_format) for split in SPLITS}
        self._sizes: set[tuple[int, int]] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        for shards in self._splits.values():
            if shards.writer is not None:
                shards.writer.close()

    @property
    def pair_count(self) -> int:
        """Number of pairs that have been written."""
        return sum(len(shards.photos) for shards in self._splits.values())

    def append(self, pair: StoredPair, content: bytes, target: bytes) -> None:
        """Write one pair.

        Args:
            pair: Description of the pair.
            content: File of the content.
            target: File of the target.
        """
        shards = self._splits[pair.split]
        shards.append(pair, content, target)
        self._sizes.add((pair.height_px, pair.width_px))
        if len(shards.entries) == self._pairs_per_shard:
            shards.finish_shard()

    def finish(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairManifest:
        """Finish the last shards, and write the plan and the manifest.

        Args:
            teachers: Teachers of the styles, in the order of the styles' ids.
            shares: Shares of the validation and the test split.
            failures: Files or rows for which there is no pair.
        """
        summaries: list[ShardSummary] = []
        records: list[ShardRecord] = []
        for split, shards in self._splits.items():
            shards.finish_shard()
            new_summaries = shards.number(len(summaries))
            summaries += new_summaries
            records += [summary.record.model_copy(update={"split": split}) for summary in new_summaries]
        plan = self._plan(teachers, shares, failures)
        write_json(self._folder.plan, plan.model_dump(mode="json"))
        manifest = PairManifest(
            schema_version=plan.schema_version,
            plan_sha256=plan.digest,
            pix2style_version=__version__,
            teachers=teachers,
            size=plan.size,
            fit=plan.fit,
            format=plan.format,
            seed=plan.seed,
            val_share=plan.val_share,
            test_share=plan.test_share,
            pairs=SplitCounts.sum(summary.splits for summary in summaries),
            shards=tuple(records),
            statistics=total_statistics((summary.statistics for summary in summaries), failures),
            failures=failures,
            duplicates=(),
        )
        write_json(self._folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def _plan(
        self, teachers: tuple[TeacherRecord, ...], shares: tuple[float, float], failures: tuple[Failure, ...]
    ) -> PairPlan:
        [first_size, *other_sizes] = self._sizes
        photos = [photo for shards in self._splits.values() for photo in shards.photos]
        return PairPlan(
            schema_version=SPLITS_APART_VERSION,
            teachers=teachers,
            styles_per_photo=1,
            size=max(max(size) for size in self._sizes),
            fit="crop" if not other_sizes and first_size[0] == first_size[1] else "keep",
            format=self._format,
            seed=0,
            val_share=shares[0],
            test_share=shares[1],
            photos_per_shard=self._pairs_per_shard,
            photos=tuple(number_by_split(photos, 0, self._pairs_per_shard)),
            duplicates=(),
            unreadable=failures,
        )
