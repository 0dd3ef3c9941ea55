"""Check the JSON files of a pair set against each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pix2style.errors import DataError
from pix2style.files import sha256_bytes
from pix2style.images import read_file
from pix2style.pairs.check.damage import COPY_AGAIN, REMAKE_INDEX, REMAKE_MANIFEST, Damage
from pix2style.pairs.format.documents import parse_document, read_document
from pix2style.pairs.format.folder import PairSetFolder
from pix2style.pairs.format.manifest import MANIFEST_NAME, PLAN_NAME, SHARDS_NAME, PairManifest, ShardIndex, ShardRecord
from pix2style.pairs.format.plan import PairPlan
from pix2style.pairs.format.shard_names import name_of_shard_file
from pix2style.plural import counted

_RUN_AGAIN = "run the same make-pairs again to continue"
_COMMON_KEYS = (
    "schema_version",
    "teachers",
    "size",
    "fit",
    "format",
    "seed",
    "val_share",
    "test_share",
    "variants",
    "duplicates",
)


@dataclass(frozen=True, slots=True)
class ShardToCheck:
    """A shard that manifest, plan or the folder itself names.

    Attributes:
        name: Name of the shard's files without suffix.
        number: Number of the shard in the set, or None if neither manifest nor plan can be read.
        record: Record of the shard in the manifest, or None if there is none.
    """

    name: str
    number: int | None = None
    record: ShardRecord | None = None


@dataclass(slots=True)
class DocumentChecks:
    """Checks of a set's JSON files.

    Attributes:
        folder: Folder of the set.
        damage: List to which the damage is appended.
    """

    folder: PairSetFolder
    damage: list[Damage]

    def read_manifest_and_plan(self) -> tuple[PairManifest | None, PairPlan | None]:
        """Read manifest and plan and compare them; each is None if it is missing or damaged."""
        manifest, plan = self._read(PairManifest, self.folder.manifest), self._read(PairPlan, self.folder.plan)
        if not self.folder.manifest.exists():
            files = self.folder.shards.glob("*.json") if self.folder.shards.is_dir() else ()
            shards = sum(name_of_shard_file(path.name) is not None for path in files)
            total = f" of {plan.shard_count}" if plan else ""
            problem = f"is missing: the set is not finished ({shards}{total} shards are)"
            self.damage.append(Damage(MANIFEST_NAME, problem, _RUN_AGAIN))
        if not self.folder.plan.exists():
            problem = "is missing: train does not need it, but make-pairs cannot repair the set without it"
            self.damage.append(Damage(PLAN_NAME, problem, COPY_AGAIN))
        if manifest is not None and manifest.naming_problem:
            self.damage.append(Damage(MANIFEST_NAME, manifest.naming_problem, REMAKE_MANIFEST))
        if manifest is not None and plan is not None:
            self._compare(manifest, plan)
        return manifest, plan

    def read_index(self, shard: ShardToCheck) -> ShardIndex | None:
        """Read the index of a shard, and compare it with the manifest's record of the shard.

        Returns:
            The index, or None if it is missing, damaged or of another shard.
        """
        path = self.folder.index(shard.name)
        file, advice = f"{SHARDS_NAME}/{path.name}", REMAKE_INDEX.format(shard.name)
        try:
            data = read_file(path)  # refuses anything but a regular file: reading a pipe would block forever
            index = parse_document(ShardIndex, data, path)
        except OSError as error:
            self.damage.append(Damage(file, f"cannot be read: {error.strerror or error}", advice))
            return None
        except DataError as error:
            self.damage.append(Damage(file, _problem(error, path), advice))
            return None
        if shard.record is not None:
            record = shard.record
            if sha256_bytes(data) != record.index_sha256:
                problem = "is not the index that the manifest names (its digest differs)"
                self.damage.append(Damage(file, problem, advice))
            stated = (index.shard, index.sha256, index.size, len(index.pairs))
            if stated != (shard.number, record.sha256, record.size, record.pairs):
                self.damage.append(Damage(file, "does not agree with the manifest in digest, size or pairs", advice))
        return index if shard.number in (None, index.shard) else None

    def _read(self, model: Any, path: Path) -> Any:
        try:
            return read_document(model, path)[0] if path.exists() else None
        except DataError as error:
            advice = REMAKE_MANIFEST if path == self.folder.manifest else COPY_AGAIN
            self.damage.append(Damage(path.name, _problem(error, path), advice))
            return None

    def _compare(self, manifest: PairManifest, plan: PairPlan) -> None:
        if plan.digest != manifest.plan_sha256:
            self.damage.append(Damage(PLAN_NAME, "is not the plan that the manifest names", COPY_AGAIN))
        for key in _COMMON_KEYS:
            if getattr(plan, key) != getattr(manifest, key):
                problem = f"its {key} is not that of {PLAN_NAME}"
                self.damage.append(Damage(MANIFEST_NAME, problem, REMAKE_MANIFEST))
        if plan.shard_count != len(manifest.shards):
            problem = f"lists {counted(len(manifest.shards), 'shard')}, but {PLAN_NAME} plans {plan.shard_count}"
            self.damage.append(Damage(MANIFEST_NAME, problem, REMAKE_MANIFEST))
        elif plan.shard_names != [record.name for record in manifest.shards]:
            problem = f"its shards have other names than in {PLAN_NAME}"
            self.damage.append(Damage(MANIFEST_NAME, problem, REMAKE_MANIFEST))


def _problem(error: DataError, path: Path) -> str:
    """Return the message of the error without the file name and the advice, which a damage holds separately."""
    return str(error).removeprefix(f"{path}: ").split(": copy the pair set again")[0]
