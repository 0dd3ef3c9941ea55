"""Import pairs from another layout into a new pair set."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pix2style.errors import DataError, ImageError
from pix2style.files import sha256_bytes
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import Suspicion, identify_pair
from pix2style.pairs.exchange.atomic_folder import atomic_folder
from pix2style.pairs.exchange.pair_source import (
    DecodedPair,
    NotPlainJpegError,
    PairSource,
    SourcePair,
    decode_pair,
    is_plain_jpeg,
)
from pix2style.pairs.exchange.set_writer import PairSetWriter
from pix2style.pairs.format.failures import no_usable_photos_error
from pix2style.pairs.format.manifest import PairManifest, TeacherRecord
from pix2style.pairs.format.photo_hash import KEY_DIGITS, assign_split
from pix2style.pairs.format.records import Failure, PairFormat, Split, StoredPair
from pix2style.plural import counted
from pix2style.progress import ProgressCallback, no_progress

IMPORTED = "imported"
_UNKNOWN_LICENCE = "not stated by the source"


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """Options of an import.

    Attributes:
        val_share: Share of the pairs for validation, if the source does not say the splits. Splits follow from the
            digests of the contents then.
        test_share: Share of the pairs for the test split, if the source does not say the splits.
        pairs_per_shard: Number of pairs in one shard.
        strict: Import nothing if a pair is suspicious or cannot be read.
    """

    val_share: float = 0.05
    test_share: float = 0.05
    pairs_per_shard: int = 256
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """The result of an import.

    Attributes:
        out: Folder of the pair set.
        manifest: Manifest of the pair set. Pairs that could not be imported are in its `failures`.
        kind: Layout of the source: folders, side-by-side, stacked or parquet.
        suspicions: Pairs that a person should look at.
        split_reason: Where the splits come from, for people.
        content_note: See `PairSource`.
    """

    out: Path
    manifest: PairManifest
    kind: str
    suspicions: tuple[Suspicion, ...]
    split_reason: str
    content_note: str = ""

    def to_json(self) -> dict[str, Any]:
        """Return the report for `--json`."""
        return {
            "out": str(self.out),
            "kind": self.kind,
            "pairs": self.manifest.pairs.model_dump(),
            "splits": self.split_reason,
            "content": self.content_note or None,
            "format": self.manifest.format,
            "failures": [failure.model_dump(mode="json") for failure in self.manifest.failures],
            "suspicious": [suspicion.to_json() for suspicion in self.suspicions],
        }


def import_pairs(
    source: PairSource,
    out: Path,
    settings: ImportSettings | None = None,
    *,
    on_progress: ProgressCallback = no_progress,
) -> ImportReport:
    """Import pairs into a new set; all pixels are kept exactly.

    The set stores PNG files. If all images are JPEG files that need neither rotation nor colour conversion, it stores
    these files unchanged.

    Args:
        source: Source of the pairs.
        out: New folder of the set. It appears only when the import is complete.
        settings: Options of the import.
        on_progress: Called with the number of imported pairs and the number of all pairs.

    Raises:
        DataError: Not a single pair can be read; a pair is wrong and `settings.strict` is set; or `out` exists already
            or cannot be written.
    """
    settings = settings or ImportSettings()
    with atomic_folder(out) as unfinished:
        try:
            result = _Import(source, unfinished, settings, _guess_format(source)).run(on_progress)
        except NotPlainJpegError:
            # A later image cannot be stored as it is, so the import begins again with PNG.
            result = _Import(source, unfinished, settings, "png").run(on_progress)
        if settings.strict:
            _refuse_problems(result.manifest, result.suspicions)
    return ImportReport(out, result.manifest, source.kind, result.suspicions, source.split_reason, source.content_note)


@dataclass(frozen=True, slots=True)
class _ImportResult:
    manifest: PairManifest
    suspicions: tuple[Suspicion, ...]


@dataclass(slots=True)
class _Import:
    """One attempt to import all pairs in one image format."""

    source: PairSource
    folder: Path
    settings: ImportSettings
    image_format: PairFormat
    failures: list[Failure] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    inspector: PairInspector = field(default_factory=PairInspector)

    def run(self, on_progress: ProgressCallback) -> _ImportResult:
        total = len(self.source)
        on_progress(0, total)
        style_digests = [hashlib.sha256() for _ in self.source.teachers] or [hashlib.sha256()]
        with PairSetWriter(self.folder, self.image_format, self.settings.pairs_per_shard) as writer:
            for done, pair in enumerate(self.source.pairs(), start=1):
                decoded = self._decode(pair)
                if isinstance(pair, SourcePair) and decoded is not None:
                    stored = self._stored_pair(pair, decoded)
                    writer.append(stored, decoded.content_bytes, decoded.target_bytes)
                    style_digests[pair.style].update(bytes.fromhex(stored.content_sha256 + stored.target_sha256))
                    self.inspector.add(identify_pair(stored), decoded.content, decoded.target)
                # Failures of files without a pair are not in the total.
                on_progress(min(done, total), total)
            if not writer.pair_count:
                raise no_usable_photos_error(self.failures)
            teachers = tuple(self._teachers([digest.hexdigest() for digest in style_digests]))
            shares = (0.0, 0.0)
            if not self.source.splits_given:
                shares = (float(self.settings.val_share), float(self.settings.test_share))
            manifest = writer.finish(teachers, shares, tuple(self.failures))
        return _ImportResult(manifest, tuple(self.inspector.finish()))

    def _decode(self, pair: SourcePair | Failure) -> DecodedPair | None:
        """Decode a pair; None after a failure, which is kept for the manifest."""
        if isinstance(pair, Failure):
            self.failures.append(pair)
            return None
        try:
            return decode_pair(pair, self.image_format)
        except ImageError as error:
            self.failures.append(Failure(source=pair.source, sha256=None, reason=error.reason))
            return None

    def _stored_pair(self, pair: SourcePair, decoded: DecodedPair) -> StoredPair:
        height, width = decoded.content.shape[:2]
        photo_height, photo_width = pair.photo_px or (height, width)
        return StoredPair(
            key=self._unique_key(pair, decoded),
            source=pair.source,
            sha256=decoded.photo_sha256,
            split=pair.split or self._split(decoded.photo_sha256),
            style=pair.style,
            height_px=height,
            width_px=width,
            photo_height_px=photo_height,
            photo_width_px=photo_width,
            content_sha256=sha256_bytes(decoded.content_bytes),
            target_sha256=sha256_bytes(decoded.target_bytes),
        )

    def _split(self, sha256: str) -> Split:
        return assign_split(sha256, val_share=self.settings.val_share, test_share=self.settings.test_share)

    def _unique_key(self, pair: SourcePair, decoded: DecodedPair) -> str:
        """Return the first of three keys that is not in use: the source's own, the photo's, or a new one."""
        new_key = sha256_bytes(f"{decoded.photo_sha256}:{pair.source}:{pair.style}:{len(self.keys)}".encode())
        candidates = (pair.key, decoded.photo_sha256[:KEY_DIGITS], new_key)
        key = next(key for key in candidates if key is not None and key not in self.keys)
        self.keys.add(key)
        return key

    def _teachers(self, digests: list[str]) -> Iterator[TeacherRecord]:
        """Yield the teacher of each style, with the digest of its pairs: who made the targets cannot be verified."""
        splits = "given" if self.source.splits_given else "by content"
        for teacher, digest in zip(self.source.teachers or (None,), digests, strict=True):
            name = IMPORTED if teacher is None else f"{IMPORTED}:{teacher.name.removeprefix(f'{IMPORTED}:')}"
            yield TeacherRecord(
                name=name,
                sha256=digest,
                style_sha256=teacher.style_sha256 if teacher else (),
                licence=teacher.licence if teacher else _UNKNOWN_LICENCE,
                settings={"source": self.source.kind, "splits": splits},
            )


def _guess_format(source: PairSource) -> PairFormat:
    """Return the image format for the set by its first pair."""
    for pair in source.pairs():
        if isinstance(pair, SourcePair):
            images = (pair.content, pair.target)
            return "jpeg" if all(isinstance(data, bytes) and is_plain_jpeg(data) for data in images) else "png"
    return "png"


def _refuse_problems(manifest: PairManifest, suspicions: tuple[Suspicion, ...]) -> None:
    problems = [f"{failure.source}: {failure.reason}" for failure in manifest.failures]
    problems += [str(suspicion) for suspicion in suspicions if suspicion.is_serious]
    if problems:
        lines = "\n  ".join(problems)
        raise DataError(
            f"{counted(len(problems), 'pair', verb='has')} problems, so nothing was imported because of --strict:\n"
            f"  {lines}\n"
            "Correct these pairs, or leave out --strict"
        )
