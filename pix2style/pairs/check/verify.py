"""Is a pair set, byte for byte, what was written? All damage is listed, not only the first."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from pathlib import Path
from tarfile import BLOCKSIZE
from typing import Any

from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, read_file
from pix2style.pairs.check.damage import (
    COPY_AGAIN,
    IMPORT_AGAIN,
    MAKE_INDEX_AGAIN,
    MAKE_MANIFEST_AGAIN,
    MAKE_SHARD_AGAIN,
    Damage,
)
from pix2style.pairs.check.suspicion import PairInspector, Suspicion, identify_pair
from pix2style.pairs.check.verify_pairs import PairChecks, is_imported
from pix2style.pairs.check.verify_shard import ShardCheck
from pix2style.pairs.format.documents import parse_document, read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    PLAN_NAME,
    SHARDS_NAME,
    TIMING_NAME,
    PairEntry,
    PairFormat,
    PairManifest,
    ShardIndex,
    ShardRecord,
    Split,
    SplitCounts,
)
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shards import shard_name
from pix2style.progress import ProgressCallback, no_progress

_SHARD_FILE = re.compile(r"^shard-(\d{5})\.(tar|json)$")
_RUN_AGAIN = "run the same make-pairs again to go on"


@dataclass(frozen=True, slots=True)
class VerifyReport:
    """What a set turned out to be.

    Attributes:
        folder: the set.
        damage: all that is not as it was written; empty: the set is whole.
        notes: left-over files and the like, which harm nothing.
        suspicions: pairs that a person should look at; nothing is wrong with their bytes.
        pairs: looked at.
        bytes_read: of shards.
        inspected: whether pairs were looked at for misalignment and duplicates.
    """

    folder: Path
    damage: tuple[Damage, ...]
    notes: tuple[str, ...]
    suspicions: tuple[Suspicion, ...]
    pairs: SplitCounts
    bytes_read: int
    inspected: bool

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "set": str(self.folder),
            "whole": not self.damage,
            "damage": [one.to_json() for one in self.damage],
            "notes": list(self.notes),
            "suspicious": [one.to_json() for one in self.suspicions] if self.inspected else None,
            "pairs": self.pairs.model_dump(),
            "bytes": self.bytes_read,
        }


def verify_pairs(
    folder: Path, *, decode: bool = True, inspect: bool = True, on_progress: ProgressCallback = no_progress
) -> VerifyReport:
    """Check every byte of a pair set: manifest, plan, indexes, shards, pictures, counts and splits.

    Args:
        folder: the set; only read. It may be unfinished: that is damage too, but what is there is checked.
        decode: decode each picture, too (its bytes are checked by their digest in any case).
        inspect: look for misaligned, mismatched and duplicate pairs, which takes longer; only with `decode`.
        on_progress: told how many of how many shards are done.

    Raises:
        DataError: there is no pair set.
    """
    if not folder.is_dir() or not any((folder / name).exists() for name in (MANIFEST_NAME, PLAN_NAME, SHARDS_NAME)):
        raise DataError(f"{folder}: there is no pair set in it: make one with pix2style make-pairs")
    return _Verification(PairSetFolder(folder), decode, PairInspector() if inspect and decode else None).run(
        on_progress
    )


@dataclass(slots=True)
class _Verification:
    folder: PairSetFolder
    decode: bool
    inspector: PairInspector | None
    damage: list[Damage] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    bytes_read: int = 0
    splits: list[Split] = field(default_factory=list)

    def run(self, on_progress: ProgressCallback) -> VerifyReport:
        manifest, plan = self._read(PairManifest, self.folder.manifest), self._read(PairPlan, self.folder.plan)
        checks = PairChecks(manifest, plan)
        self._check_documents(manifest, plan)
        numbers = self._shard_numbers(manifest, plan)
        on_progress(0, len(numbers))
        for done, number in enumerate(numbers, start=1):
            record = manifest.shards[number] if manifest and number < len(manifest.shards) else None
            self._check_shard(number, record, checks, manifest, plan)
            on_progress(done, len(numbers))
        self.damage += checks.finish()
        self._look_around(numbers)
        document = manifest or plan
        if document is not None and is_imported(document):
            self.damage = [replace(one, advice=IMPORT_AGAIN) for one in self.damage]
        return VerifyReport(
            folder=self.folder.path,
            damage=tuple(self.damage),
            notes=tuple(self.notes),
            suspicions=tuple(self.inspector.finish()) if self.inspector else (),
            pairs=SplitCounts.of(self.splits),
            bytes_read=self.bytes_read,
            inspected=self.inspector is not None,
        )

    def _read(self, model: Any, path: Path) -> Any:
        """A document, or None; what is wrong with it is damage."""
        if not path.exists():
            return None
        try:
            return read_document(model, path)[0]
        except DataError as error:
            advice = MAKE_MANIFEST_AGAIN if path == self.folder.manifest else COPY_AGAIN
            what = str(error).removeprefix(f"{path}: ").split(": copy the pair set again")[0]
            self.damage.append(Damage(path.name, what, advice))
        return None

    def _check_documents(self, manifest: PairManifest | None, plan: PairPlan | None) -> None:
        if not self.folder.manifest.exists():
            done = sum(1 for _ in self.folder.shards.glob("shard-*.json")) if self.folder.shards.is_dir() else 0
            of = f" of {plan.shard_count}" if plan else ""
            what = f"is missing: the set is not finished ({done}{of} shards are)"
            self.damage.append(Damage(MANIFEST_NAME, what, _RUN_AGAIN))
        if not self.folder.plan.exists():
            what = "is missing: train does not need it, but make-pairs cannot mend the set without it"
            self.damage.append(Damage(PLAN_NAME, what, COPY_AGAIN))
        if manifest is None or plan is None:
            return
        if plan.digest != manifest.plan_sha256:
            self.damage.append(Damage(PLAN_NAME, "is not the plan that the manifest names", COPY_AGAIN))
        for name in ("teachers", "size", "fit", "format", "seed", "val_share", "test_share", "variants", "duplicates"):
            if getattr(plan, name) != getattr(manifest, name):
                what = f"its {name} is not that of {PLAN_NAME}"
                self.damage.append(Damage(MANIFEST_NAME, what, MAKE_MANIFEST_AGAIN))
        if plan.shard_count != len(manifest.shards):
            what = f"lists {len(manifest.shards)} shards, {PLAN_NAME} plans {plan.shard_count}"
            self.damage.append(Damage(MANIFEST_NAME, what, MAKE_MANIFEST_AGAIN))

    def _shard_numbers(self, manifest: PairManifest | None, plan: PairPlan | None) -> list[int]:
        """Those that should be there; where neither document can be read, those that are."""
        if manifest is not None:
            return list(range(len(manifest.shards)))
        found = sorted(int(match[1]) for name in self._names(self.folder.shards) if (match := _SHARD_FILE.match(name)))
        planned = range(plan.shard_count) if plan is not None else found
        return [number for number in sorted(set(found)) if number in planned]

    def _check_shard(
        self,
        number: int,
        record: ShardRecord | None,
        checks: PairChecks,
        manifest: PairManifest | None,
        plan: PairPlan | None,
    ) -> None:
        index = self._check_index(number, record)
        tar = self.folder.tar(number)
        if not tar.is_file():
            self.damage.append(
                Damage(f"{SHARDS_NAME}/{tar.name}", "is missing", MAKE_SHARD_AGAIN.format(shard_name(number)))
            )
        if index is None:
            if record is not None and tar.is_file():
                self.notes.append(f"{SHARDS_NAME}/{tar.name}: cannot be checked pair by pair without its index")
            return
        self.damage += checks.add(index)
        self.splits += [entry.split for entry in index.pairs]
        document = manifest or plan
        if tar.is_file():
            self.bytes_read += tar.stat().st_size
            picture_format = document.format if document is not None else _format_of(tar)
            check = ShardCheck(tar, index, picture_format, self._look_at if self.decode else None)
            self.damage += check.run()

    def _check_index(self, number: int, record: ShardRecord | None) -> ShardIndex | None:
        path = self.folder.index(number)
        file, advice = f"{SHARDS_NAME}/{path.name}", MAKE_INDEX_AGAIN.format(shard_name(number))
        try:
            data = read_file(path)  # never waits, as a pipe would
            index = parse_document(ShardIndex, data, path)
        except OSError as error:
            self.damage.append(Damage(file, f"cannot be read: {error.strerror or error}", advice))
            return None
        except DataError as error:
            what = str(error).removeprefix(f"{path}: ").split(": copy the pair set again")[0]
            self.damage.append(Damage(file, what, advice))
            return None
        if record is not None:
            if sha256_bytes(data) != record.index_sha256:
                self.damage.append(
                    Damage(file, "is not the index that the manifest names (its digest differs)", advice)
                )
            own = ShardRecord(
                name=shard_name(index.shard),
                sha256=index.sha256,
                size=index.size,
                index_sha256=record.index_sha256,
                pairs=len(index.pairs),
            )
            if own != record or record.name != shard_name(number):
                self.damage.append(Damage(file, "does not agree with the manifest in digest, size or pairs", advice))
        return index if index.shard == number else None

    def _look_at(self, entry: PairEntry, content: Image8, target: Image8) -> None:
        if self.inspector is not None:
            self.inspector.add(identify_pair(entry), content, target)

    def _look_around(self, numbers: Iterable[int]) -> None:
        """Files that no part of the set names."""
        known = set(numbers)
        for name in self._names(self.folder.path):
            if name not in (MANIFEST_NAME, PLAN_NAME, SHARDS_NAME, TIMING_NAME):
                self.notes.append(f"{name}: {_stray(name)}")
        for name in self._names(self.folder.shards):
            found = _SHARD_FILE.match(name)
            if found is None or int(found[1]) not in known:
                self.notes.append(f"{SHARDS_NAME}/{name}: {_stray(name)}")

    @staticmethod
    def _names(folder: Path) -> list[str]:
        return sorted(path.name for path in folder.iterdir()) if folder.is_dir() else []


def _format_of(tar: Path) -> PairFormat:
    """By the name of the first member, where no document says it."""
    with tar.open("rb") as stream:
        return "jpeg" if b".content.jpg" in stream.read(BLOCKSIZE) else "png"


def _stray(name: str) -> str:
    if name.endswith(".partial"):
        return "left over from an interrupted make-pairs; the same command takes it up, or delete it"
    return "is no part of the set; delete it if you do not know it"
