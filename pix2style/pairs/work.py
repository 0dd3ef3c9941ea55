"""One pair set being made: shard after shard, each begun where an earlier run left it."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import dataclass, field

from pix2style.errors import DataError
from pix2style.files import sha256_file, write_json
from pix2style.pairs.folder import SetFolder
from pix2style.pairs.manifest import (
    Failure,
    PairEntry,
    PairManifest,
    PlannedPhoto,
    ShardIndex,
    ShardRecord,
    SplitCounts,
    read_document,
)
from pix2style.pairs.paint import PaintedPair, Painter
from pix2style.pairs.plan import PairPlan
from pix2style.pairs.scan import Content, nothing_readable
from pix2style.pairs.shards import ShardWriter, recover, shard_name, write_index, writing
from pix2style.version import __version__

OnProgress = Callable[[str, int, int], None]
"""Told what is going on (`hashing`, `painting`), how many photos are done, and how many there are."""


@dataclass(slots=True)
class SetWork:
    """The work on one set, in a folder that this process has claimed.

    Attributes:
        folder: where.
        plan: what.
        painter: by whom.
        batch: photos painted at once. Batches begin at fixed places of a shard, so that a teacher whose rounding
            depends on its batch gives the same after a resume.
        on_progress: told of every batch.
        painted: pairs made by this run.
        indexes: finished shards by number.
    """

    folder: SetFolder
    plan: PairPlan
    painter: Painter
    batch: int
    on_progress: OnProgress
    painted: int = 0
    indexes: dict[int, ShardIndex] = field(default_factory=dict)
    _done: int = 0

    def find_finished(self) -> PairManifest | None:
        """Take up the finished shards; the manifest, if there is nothing else to do."""
        shards = self.plan.shards()
        for number, photos in enumerate(shards):
            index = self.folder.finished_shard(number, photos)
            if index is not None:
                self.indexes[number] = index
                self._done += len(photos)
        return self._valid_manifest() if len(self.indexes) == len(shards) else None

    def finish(self) -> PairManifest:
        """Make what is missing, and the manifest.

        Raises:
            DataError: not one photo could be read (then the folder is left empty), or writing failed.
            ArtifactError: the teacher gave pictures of another size.
        """
        with writing(self.folder.manifest):
            self.folder.manifest.unlink(missing_ok=True)
        self._advance(0)
        shards = self.plan.shards()
        for number, photos in enumerate(shards):
            if number not in self.indexes:
                self.indexes[number] = self._make_shard(number, photos)
        manifest = self._manifest()
        if not manifest.pairs.total:
            self.folder.remove_all(len(shards))
            raise nothing_readable(manifest.failures)
        with writing(self.folder.manifest):
            write_json(self.folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def count_enlarged(self) -> int:
        """Photos with a side shorter than the pairs' side."""
        pairs = (pair for index in self.indexes.values() for pair in index.pairs)
        return sum(min(pair.photo_height_px, pair.photo_width_px) < self.plan.size for pair in pairs)

    def _make_shard(self, number: int, photos: Sequence[PlannedPhoto]) -> ShardIndex:
        partial = self.folder.reopen_shard(number)
        entries, end = self._kept(number, photos)
        self._advance(len(entries))
        failures: list[Failure] = []
        groups = [photos[i : i + self.batch] for i in range(0, len(photos), self.batch)]
        groups = [group for group in groups if any(photo.key not in entries for photo in group)]
        with ShardWriter(partial, end, self.plan.format) as writer:
            for group, outcomes in self.painter.read_ahead(groups):
                missing = {photo.sha256: photo for photo in group if photo.key not in entries}
                failures += [one for one in outcomes if isinstance(one, Failure) and one.sha256 in missing]
                contents = [one for one in outcomes if isinstance(one, Content)]
                for pair in self._paint(contents, missing.keys()):
                    entries[pair.stored.key] = writer.append(pair.stored, pair.content, pair.target, number)
                    self.painted += 1
                self._advance(len(missing))
            writer.finish()
        return write_index(self.folder.tar(number), number, list(entries.values()), failures)

    def _paint(self, contents: Sequence[Content], missing: Collection[str]) -> list[PaintedPair]:
        """Paint a whole batch, so that it is the one of an uninterrupted run; give the pairs that are missing."""
        if not any(content.photo.sha256 in missing for content in contents):
            return []
        return [pair for pair in self.painter.paint(contents) if pair.stored.sha256 in missing]

    def _kept(self, number: int, photos: Sequence[PlannedPhoto]) -> tuple[dict[str, PairEntry], int]:
        """Whole pairs of an earlier run, by key in order, and where they end."""
        partial = self.folder.partial(number)
        with writing(partial):
            found = {entry.key: (entry, end) for entry, end in recover(partial, photos, self.plan.format)}
        kept: dict[str, PairEntry] = {}
        kept_end = 0
        for photo in photos:
            if len(kept) == len(found):
                break
            if photo.key in found:
                kept[photo.key], kept_end = found[photo.key]
            elif isinstance(self.painter.read(photo), Content):
                break  # failed then, but can be read now: pairs stand in the order of the plan, so go on from here
        return kept, kept_end

    def _advance(self, count: int) -> None:
        self._done += count
        self.on_progress("painting", self._done, len(self.plan.photos))

    def _valid_manifest(self) -> PairManifest | None:
        """The manifest that is there, if it is the one of this plan and these shards."""
        try:
            manifest, _ = read_document(PairManifest, self.folder.manifest)
        except DataError:
            return None  # it follows from plan and shards, so it is simply written again
        own = self._manifest().model_copy(update={"pix2style_version": manifest.pix2style_version})
        return manifest if manifest == own else None

    def _manifest(self) -> PairManifest:
        indexes = [self.indexes[number] for number in sorted(self.indexes)]
        plan = self.plan
        failures = [failure for index in indexes for failure in index.failures]
        return PairManifest(
            plan_sha256=plan.digest,
            pix2style_version=__version__,
            teacher=plan.teacher,
            size=plan.size,
            format=plan.format,
            seed=plan.seed,
            val_share=plan.val_share,
            test_share=plan.test_share,
            pairs=SplitCounts.of([pair.split for index in indexes for pair in index.pairs]),
            shards=tuple(self._shard_record(index) for index in indexes),
            failures=(*plan.unreadable, *failures),
            duplicates=plan.duplicates,
        )

    def _shard_record(self, index: ShardIndex) -> ShardRecord:
        return ShardRecord(
            name=shard_name(index.shard),
            sha256=index.sha256,
            size=index.size,
            index_sha256=sha256_file(self.folder.index(index.shard)),
            pairs=len(index.pairs),
        )
