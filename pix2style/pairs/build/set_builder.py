"""Build a pair set from its shards: find those that are finished, make the others, and write the manifest."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pix2style.errors import DataError
from pix2style.files import write_json
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.failures import merge_variant_failures, no_usable_photos_error
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import PairManifest, SplitCounts
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import Failure
from pix2style.pairs.format.shard_summary import ShardSummary, summarize_shard, total_statistics
from pix2style.pairs.format.shards import explain_write_errors
from pix2style.progress import StageProgressCallback
from pix2style.slices import ALL_SHARDS, Slice
from pix2style.version import __version__


class Engine(Protocol):
    """Makes shards, in this process or on a cluster; the bytes are the same."""

    def make(self, shards: Sequence[int]) -> Iterator[ShardSummary]:
        """Make the shards with these numbers, and yield each one when it is finished."""


@dataclass(slots=True)
class PairSetBuilder:
    """Builds a pair set in a folder that this process has locked.

    Attributes:
        folder: Folder of the pair set.
        plan: Plan of the pair set.
        on_progress: Called after every batch with the stage `stylizing` and the numbers of finished and of all pairs.
        new_pairs: Number of pairs that were made by this run.
        finished: Finished shards by number.
    """

    folder: PairSetFolder
    plan: PairPlan
    on_progress: StageProgressCallback
    new_pairs: int = 0
    finished: dict[int, ShardSummary] = field(default_factory=dict)
    _done_pairs: int = 0

    def find_finished(self) -> PairManifest | None:
        """Find the finished shards in the folder; return the manifest if the whole set is finished."""
        for shard in range(self.plan.shard_count):
            if shard in self.finished:
                continue
            index = self.folder.read_finished_shard(shard, self.plan)
            if index is not None:
                self.finished[shard] = summarize_shard(index, self.folder.index(self.plan.shard_names[shard]))
                self._done_pairs += self.plan.pair_count_of_shard(shard)
        return self._valid_manifest() if self.is_complete else None

    @property
    def is_complete(self) -> bool:
        """Whether all shards are finished."""
        return len(self.finished) == self.plan.shard_count

    def make(self, engine: Engine, shard_slice: Slice = ALL_SHARDS) -> bool:
        """Make the shards of a slice that are not finished.

        Returns:
            Whether there were any.

        Raises:
            DataError: A shard cannot be written.
            ArtifactError: A teacher returned images of another size than its input.
        """
        shards = [n for n in range(self.plan.shard_count) if n not in self.finished and shard_slice.contains(n)]
        if shards:
            # A manifest says that the set is finished, so it must go before any of its shards changes.
            with explain_write_errors(self.folder.manifest):
                self.folder.manifest.unlink(missing_ok=True)
        self.report_pairs(0)
        for summary in engine.make(shards):
            self.finished[summary.number] = summary
            self.new_pairs += summary.new_pairs
        return bool(shards)

    def failures_in(self, shard_slice: Slice) -> tuple[Failure, ...]:
        """Return the failures in the finished shards of a slice.

        Files that cannot be read are in no shard. They count with the first slice, so that one process reports them.
        """
        failures = [*self.plan.unreadable] if shard_slice.number == 1 else []
        for number in sorted(filter(shard_slice.contains, self.finished)):
            failures += self.finished[number].failures
        return merge_variant_failures(failures, self.plan.variants)

    def finish(self) -> PairManifest:
        """Write the manifest.

        Raises:
            DataError: Not a single pair could be made (the folder is emptied then), or the manifest cannot be written.
        """
        manifest = self._manifest()
        if not manifest.pairs.total:
            self.folder.remove_all(self.plan.shard_names)
            raise no_usable_photos_error(manifest.failures)
        with explain_write_errors(self.folder.manifest):
            write_json(self.folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def report_pairs(self, pairs: int) -> None:
        """Report that more pairs are done (made, kept from an earlier run, or failed)."""
        self._done_pairs += pairs
        self.on_progress("stylizing", self._done_pairs, self.plan.pair_count)

    def _valid_manifest(self) -> PairManifest | None:
        """Return the manifest in the folder if it describes this plan and these shards."""
        try:
            manifest, _ = read_document(PairManifest, self.folder.manifest)
        except DataError:
            return None  # it follows from the plan and the shards, so it is simply written again
        # Another version of pix2style may have finished the set; that alone is no reason to write it again.
        expected = self._manifest().model_copy(update={"pix2style_version": manifest.pix2style_version})
        return manifest if manifest == expected else None

    def _manifest(self) -> PairManifest:
        shards = [self.finished[shard] for shard in sorted(self.finished)]
        plan = self.plan
        records = [
            self.finished[shard].record.model_copy(update={"split": plan.split_of_shard(shard)})
            for shard in sorted(self.finished)
        ]
        shard_failures = [failure for shard in shards for failure in shard.failures]
        failures = merge_variant_failures((*plan.unreadable, *shard_failures), plan.variants)
        return PairManifest(
            schema_version=plan.schema_version,
            plan_sha256=plan.digest,
            pix2style_version=__version__,
            teachers=plan.teachers,
            size=plan.size,
            fit=plan.fit,
            format=plan.format,
            seed=plan.seed,
            val_share=plan.val_share,
            test_share=plan.test_share,
            variants=plan.variants,
            pairs=SplitCounts.sum(shard.splits for shard in shards),
            shards=tuple(records),
            statistics=total_statistics((shard.statistics for shard in shards), failures),
            failures=failures,
            duplicates=plan.duplicates,
        )
