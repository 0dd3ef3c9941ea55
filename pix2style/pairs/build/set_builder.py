"""One pair set being made: which shards are finished, and the manifest when all are."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from pix2style.errors import ConfigError, DataError
from pix2style.files import write_json
from pix2style.pairs.build.shard_builder import ShardSummary, summarize_shard, total
from pix2style.pairs.format.documents import read_document
from pix2style.pairs.format.failures import merge_variant_failures, no_usable_photos_error
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import PairManifest, SplitCounts, schema_version_for
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shards import explained_write_errors
from pix2style.progress import StageProgressCallback
from pix2style.version import __version__


class Engine(Protocol):
    """What makes shards: in this process, or on a cluster. The bytes are the same."""

    def make(self, numbers: Sequence[int]) -> Iterator[ShardSummary]:
        """Make these shards; give each one when it is finished."""


@dataclass(frozen=True, slots=True)
class Slice:
    """A part of the shards, for batch systems.

    Attributes:
        number: which, from 1.
        of: how many parts there are.

    Raises:
        ConfigError: there is no such part.
    """

    number: int
    of: int

    def __post_init__(self) -> None:
        if not 1 <= self.number <= self.of:
            raise ConfigError(
                f"--shard {self.number}/{self.of}: parts are counted from 1/{self.of} to {self.of}/{self.of}"
            )

    @classmethod
    def parse(cls, text: str) -> Slice:
        """`2/8`: the second of eight parts."""
        number, slash, of = text.partition("/")
        if not (slash and number.isascii() and number.isdigit() and of.isascii() and of.isdigit()):
            raise ConfigError(f"--shard {text}: expected i/n, for example 2/8: the second of eight parts")
        return cls(int(number), int(of))

    def holds(self, shard: int) -> bool:
        """Whether a shard is in this part."""
        return shard % self.of == self.number - 1


WHOLE = Slice(1, 1)


@dataclass(slots=True)
class PairSetBuilder:
    """The work on one set, in a folder that this process has claimed.

    Attributes:
        folder: where.
        plan: what.
        on_progress: told of every batch.
        new_pairs: pairs made by this run.
        finished: shards by number.
    """

    folder: PairSetFolder
    plan: PairPlan
    on_progress: StageProgressCallback
    new_pairs: int = 0
    finished: dict[int, ShardSummary] = field(default_factory=dict)
    _done: int = 0

    def find_finished(self) -> PairManifest | None:
        """Take up the finished shards; the manifest, if there is nothing else to do."""
        for number in range(self.plan.shard_count):
            if number not in self.finished and (index := self.folder.finished_shard(number, self.plan)) is not None:
                self.finished[number] = summarize_shard(self.folder, index)
                self._done += self.plan.pair_count(number)
        return self._valid_manifest() if self.is_complete else None

    @property
    def is_complete(self) -> bool:
        """Whether all shards are there."""
        return len(self.finished) == self.plan.shard_count

    def make(self, engine: Engine, part: Slice = WHOLE) -> None:
        """Make what is missing of a part.

        Raises:
            DataError: writing failed.
            ArtifactError: the teacher gave pictures of another size.
        """
        numbers = [n for n in range(self.plan.shard_count) if n not in self.finished and part.holds(n)]
        if numbers:
            with explained_write_errors(self.folder.manifest):
                self.folder.manifest.unlink(missing_ok=True)
        self.advance(0)
        for summary in engine.make(numbers):
            self.finished[int(summary.record.name.removeprefix("shard-"))] = summary
            self.new_pairs += summary.new_pairs

    def finish(self) -> PairManifest:
        """Write the manifest.

        Raises:
            DataError: not one photo gave a pair (then the folder is left empty), or writing failed.
        """
        manifest = self._manifest()
        if not manifest.pairs.total:
            self.folder.remove_all(self.plan.shard_count)
            raise no_usable_photos_error(manifest.failures)
        with explained_write_errors(self.folder.manifest):
            write_json(self.folder.manifest, manifest.model_dump(mode="json"))
        return manifest

    def advance(self, pairs: int) -> None:
        """Tell that more pairs are done."""
        self._done += pairs
        self.on_progress("painting", self._done, self.plan.pair_total)

    def _valid_manifest(self) -> PairManifest | None:
        """The manifest that is there, if it is the one of this plan and these shards."""
        try:
            manifest, _ = read_document(PairManifest, self.folder.manifest)
        except DataError:
            return None  # it follows from plan and shards, so it is simply written again
        own = self._manifest().model_copy(update={"pix2style_version": manifest.pix2style_version})
        return manifest if manifest == own else None

    def _manifest(self) -> PairManifest:
        shards = [self.finished[number] for number in sorted(self.finished)]
        plan = self.plan
        found = [failure for shard in shards for failure in shard.failures]
        failures = merge_variant_failures((*plan.unreadable, *found), plan.variants)
        return PairManifest(
            schema_version=schema_version_for(plan.variants),
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
            shards=tuple(shard.record for shard in shards),
            statistics=total((shard.statistics for shard in shards), failures),
            failures=failures,
            duplicates=plan.duplicates,
        )
