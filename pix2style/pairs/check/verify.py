"""Check that every byte of a pair set is as it was written, and report all damage, not only the first one."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tarfile import BLOCKSIZE
from typing import Any

from pix2style.errors import DataError
from pix2style.images import Image8
from pix2style.pairs.check.damage import IMPORT_AGAIN, REMAKE_SHARD, Damage
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import Suspicion, identify_pair
from pix2style.pairs.check.verify_documents import DocumentChecks, ShardToCheck
from pix2style.pairs.check.verify_pairs import IndexChecks, is_imported
from pix2style.pairs.check.verify_shard import ShardCheck
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    PAINTINGS_NAME,
    PLAN_NAME,
    PREVIEW_NAME,
    SHARDS_NAME,
    TIMING_NAME,
    PairManifest,
    SplitCounts,
)
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.records import PairEntry, PairFormat, Split
from pix2style.pairs.format.shard_names import name_of_shard_file, sort_shard_names
from pix2style.progress import ProgressCallback, no_progress


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """The result of checking a pair set.

    Attributes:
        folder: Folder of the set.
        damage: Everything that is not as it was written; empty if the set is intact.
        notes: Harmless observations, for example left-over files.
        suspicions: Pairs that a person should look at, although their bytes are intact.
        pairs: Number of checked pairs in each split.
        bytes_read: Size of the checked shards in bytes.
        inspected: Whether pairs were inspected for misalignment and duplicates.
    """

    folder: Path
    damage: tuple[Damage, ...]
    notes: tuple[str, ...]
    suspicions: tuple[Suspicion, ...]
    pairs: SplitCounts
    bytes_read: int
    inspected: bool

    def to_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {
            "set": str(self.folder),
            "whole": not self.damage,
            "damage": [damage.to_json() for damage in self.damage],
            "notes": list(self.notes),
            "suspicious": [suspicion.to_json() for suspicion in self.suspicions] if self.inspected else None,
            "pairs": self.pairs.model_dump(),
            "bytes": self.bytes_read,
        }


def verify_pairs(
    folder: Path, *, decode: bool = True, inspect: bool = True, on_progress: ProgressCallback = no_progress
) -> VerifyReport:
    """Check a pair set: manifest, plan, indexes, shards, images, counts and splits.

    Args:
        folder: Folder of the set, which is only read. The set may be unfinished; this is reported as damage, but its
            files are checked.
        decode: Also decode each image. Their bytes are checked by their digests in any case.
        inspect: Also look for misaligned, mismatched and duplicate pairs, which takes longer and needs `decode`.
        on_progress: Called with the number of checked shards and the number of all shards.

    Raises:
        DataError: There is no pair set in the folder.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in (MANIFEST_NAME, PLAN_NAME, SHARDS_NAME)):
        raise DataError(f"{folder}: there is no pair set in it: make one with pix2style make-pairs")
    inspector = PairInspector() if inspect and decode else None
    return _Verification(PairSetFolder(folder), decode, inspector).run(on_progress)


@dataclass(slots=True)
class _Verification:
    """The check of one pair set, and its findings so far."""

    folder: PairSetFolder
    decode: bool
    inspector: PairInspector | None
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bytes_read: int = 0
    splits: list[Split] = field(default_factory=list)

    def run(self, on_progress: ProgressCallback) -> VerifyReport:
        documents = DocumentChecks(self.folder, self.damage)
        manifest, plan = documents.read_manifest_and_plan()
        index_checks = IndexChecks(manifest, plan)
        shards = self._shards(manifest, plan)
        on_progress(0, len(shards))
        for done, shard in enumerate(shards, start=1):
            self._check_shard(shard, documents, index_checks)
            on_progress(done, len(shards))
        self.damage += index_checks.finish()
        self._note_unknown_documents()
        self._note_unknown_shards(shard.name for shard in shards)
        document = manifest or plan
        if document is not None and is_imported(document):
            self.damage = [replace(damage, advice=IMPORT_AGAIN) for damage in self.damage]
        return VerifyReport(
            folder=self.folder.path,
            damage=tuple(self.damage),
            notes=tuple(self.notes),
            suspicions=tuple(self.inspector.finish()) if self.inspector else (),
            pairs=SplitCounts.of(self.splits),
            bytes_read=self.bytes_read,
            inspected=self.inspector is not None,
        )

    def _shards(self, manifest: PairManifest | None, plan: PairPlan | None) -> list[ShardToCheck]:
        """Return the shards to check: those of the manifest, else those in the folder that the plan knows."""
        if manifest is not None:
            return [ShardToCheck(record.name, number, record) for number, record in enumerate(manifest.shards)]
        names = map(name_of_shard_file, _file_names(self.folder.shards))
        present = {name for name in names if name is not None}
        if plan is not None:
            return [ShardToCheck(name, number) for number, name in enumerate(plan.shard_names) if name in present]
        return [ShardToCheck(name) for name in sort_shard_names(present)]

    def _check_shard(self, shard: ShardToCheck, documents: DocumentChecks, index_checks: IndexChecks) -> None:
        index = documents.read_index(shard)
        tar = self.folder.tar(shard.name)
        file = f"{SHARDS_NAME}/{tar.name}"
        if not tar.is_file():
            self.damage.append(Damage(file, "is missing", REMAKE_SHARD.format(shard.name)))
        if index is None:
            if shard.record is not None and tar.is_file():
                self.notes.append(f"{file}: cannot be checked pair by pair without its index")
            return
        self.damage += index_checks.add(index, shard.name)
        self.splits += [entry.split for entry in index.pairs]
        document = index_checks.manifest or index_checks.plan
        if tar.is_file():
            self.bytes_read += tar.stat().st_size
            image_format = document.format if document is not None else _guess_format(tar)
            check = ShardCheck(tar, index, image_format, self._inspect if self.decode else None)
            self.damage += check.run()

    def _inspect(self, entry: PairEntry, content: Image8, target: Image8) -> None:
        if self.inspector is not None:
            self.inspector.add(identify_pair(entry), content, target)

    def _note_unknown_documents(self) -> None:
        """Add a note for each file beside the manifest that does not belong to the set."""
        for name in _file_names(self.folder.path):
            if name not in (MANIFEST_NAME, PAINTINGS_NAME, PLAN_NAME, PREVIEW_NAME, SHARDS_NAME, TIMING_NAME):
                self.notes.append(f"{name}: {_unknown_file_note(name)}")

    def _note_unknown_shards(self, names: Iterable[str]) -> None:
        """Add a note for each file in the folder of shards that does not belong to one of them."""
        expected = set(names)
        for name in _file_names(self.folder.shards):
            if name_of_shard_file(name) not in expected:
                self.notes.append(f"{SHARDS_NAME}/{name}: {_unknown_file_note(name)}")


def _file_names(folder: Path) -> list[str]:
    return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _guess_format(tar: Path) -> PairFormat:
    """Return the format of the images by the name of the first member, for sets without readable documents."""
    with tar.open("rb") as stream:
        return "jpeg" if b".content.jpg" in stream.read(BLOCKSIZE) else "png"


def _unknown_file_note(name: str) -> str:
    if name.endswith(".partial"):
        return "left over from an interrupted make-pairs; run the same command again to use it, or delete it"
    return "does not belong to the set; delete it if you do not need it"
