"""Somebody's pairs become a pair set: checked, digested, in shards, with a manifest."""

from __future__ import annotations

import hashlib
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pix2style.errors import DataError, ImageError
from pix2style.files import sha256_bytes
from pix2style.pairs.check.suspicion import PairInspector, Suspicion, identify_pair
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
from pix2style.pairs.format.manifest import Failure, PairFormat, PairManifest, Split, StoredPair, TeacherRecord
from pix2style.pairs.format.plan import KEY_DIGITS, assign_split
from pix2style.progress import ProgressCallback, no_progress

IMPORTED = "imported"
_LICENCE = "not stated by the source"


@dataclass(frozen=True, slots=True)
class ImportSettings:
    """How pairs are imported.

    Attributes:
        val_share: of pairs whose source names no split, by the content's digest.
        test_share: likewise.
        pairs_per_shard: pairs in one tar file.
        strict: refuse the import if a pair is suspicious or cannot be read.
    """

    val_share: float = 0.05
    test_share: float = 0.05
    pairs_per_shard: int = 256
    strict: bool = False


@dataclass(frozen=True, slots=True)
class ImportReport:
    """What was imported.

    Attributes:
        out: the set's folder.
        manifest: what it says of itself; pairs that could not be imported are in its `failures`.
        kind: of the source: folders, side-by-side or parquet.
        suspicions: pairs that a person should look at.
    """

    out: Path
    manifest: PairManifest
    kind: str
    suspicions: tuple[Suspicion, ...]

    def to_json(self) -> dict[str, Any]:
        """For `--json`."""
        return {
            "out": str(self.out),
            "kind": self.kind,
            "pairs": self.manifest.pairs.model_dump(),
            "format": self.manifest.format,
            "failures": [failure.model_dump(mode="json") for failure in self.manifest.failures],
            "suspicious": [one.to_json() for one in self.suspicions],
        }


def import_pairs(
    source: PairSource,
    out: Path,
    settings: ImportSettings | None = None,
    *,
    on_progress: ProgressCallback = no_progress,
) -> ImportReport:
    """Make a pair set of a source; lossless in the pixels.

    The set holds PNGs; it holds JPEGs, as they came, if all pictures are JPEGs that need no turning and no conversion.

    Args:
        source: where the pairs come from.
        out: the set's new folder; it appears when all is written.
        settings: shares and the like.
        on_progress: told how many of how many pairs are done.

    Raises:
        DataError: not one pair can be read; something is wrong and `settings.strict`; or `out` exists or cannot be
            written.
    """
    settings = settings or ImportSettings()
    with atomic_folder(out) as work:
        try:
            done = _Import(source, work, settings, _first_format(source)).run(on_progress)
        except NotPlainJpegError:
            done = _Import(source, work, settings, "png").run(on_progress)
        if settings.strict:
            _refuse(done.manifest, done.suspicions)
    return ImportReport(out, done.manifest, source.kind, done.suspicions)


@dataclass(frozen=True, slots=True)
class _Done:
    manifest: PairManifest
    suspicions: tuple[Suspicion, ...]


@dataclass(slots=True)
class _Import:
    source: PairSource
    work: Path
    settings: ImportSettings
    picture_format: PairFormat
    failures: list[Failure] = field(default_factory=list)
    keys: set[str] = field(default_factory=set)
    judge: PairInspector = field(default_factory=PairInspector)

    def run(self, on_progress: ProgressCallback) -> _Done:
        total, done = len(self.source), 0
        on_progress(0, total)
        digests = [hashlib.sha256() for _ in self.source.teachers] or [hashlib.sha256()]
        with PairSetWriter(self.work, self.picture_format, self.settings.pairs_per_shard) as writer:
            for given in self.source.pairs():
                read = self._read(given)
                if isinstance(given, SourcePair) and read is not None:
                    stored = self._stored(given, read)
                    writer.append(stored, read.content_bytes, read.target_bytes)
                    digests[given.style].update(bytes.fromhex(stored.content_sha256 + stored.target_sha256))
                    self.judge.add(identify_pair(stored), read.content, read.target)
                done += 1
                on_progress(min(done, total), total)
            if not writer.pairs:
                raise no_usable_photos_error(self.failures)
            teachers = tuple(self._teachers([digest.hexdigest() for digest in digests]))
            shares = (0.0, 0.0)
            if not self.source.splits_given:
                shares = (float(self.settings.val_share), float(self.settings.test_share))
            manifest = writer.finish(teachers, shares, tuple(self.failures))
        return _Done(manifest, tuple(self.judge.finish()))

    def _read(self, given: SourcePair | Failure) -> DecodedPair | None:
        if isinstance(given, Failure):
            self.failures.append(given)
            return None
        try:
            return decode_pair(given, self.picture_format)
        except ImageError as error:
            self.failures.append(Failure(source=given.source, sha256=None, reason=error.reason))
            return None

    def _stored(self, given: SourcePair, read: DecodedPair) -> StoredPair:
        height, width = read.content.shape[:2]
        photo_height, photo_width = given.photo_px or (height, width)
        return StoredPair(
            key=self._key(given, read),
            source=given.source,
            sha256=read.photo_sha256,
            split=given.split or self._split(read.photo_sha256),
            style=given.style,
            height_px=height,
            width_px=width,
            photo_height_px=photo_height,
            photo_width_px=photo_width,
            content_sha256=sha256_bytes(read.content_bytes),
            target_sha256=sha256_bytes(read.target_bytes),
        )

    def _split(self, sha256: str) -> Split:
        return assign_split(sha256, val_share=self.settings.val_share, test_share=self.settings.test_share)

    def _key(self, given: SourcePair, read: DecodedPair) -> str:
        """The source's own, or the first digits of the content's digest; unlike all others of the set."""
        again = sha256_bytes(f"{read.photo_sha256}:{given.source}:{given.style}:{len(self.keys)}".encode())
        wanted = (given.key, read.photo_sha256[:KEY_DIGITS], again)
        key = next(key for key in wanted if key is not None and key not in self.keys)
        self.keys.add(key)
        return key

    def _teachers(self, digests: list[str]) -> Iterator[TeacherRecord]:
        """Who painted is what the source says, and cannot be checked: the digest is that of the pictures."""
        splits = "given" if self.source.splits_given else "by content"
        said = self.source.teachers or (None,)
        for teacher, digest in zip(said, digests, strict=True):
            name = IMPORTED if teacher is None else f"{IMPORTED}:{teacher.name.removeprefix(f'{IMPORTED}:')}"
            yield TeacherRecord(
                name=name,
                sha256=digest,
                style_sha256=teacher.style_sha256 if teacher else (),
                licence=teacher.licence if teacher else _LICENCE,
                settings={"source": self.source.kind, "splits": splits},
            )


def _first_format(source: PairSource) -> PairFormat:
    for given in source.pairs():
        if isinstance(given, SourcePair):
            both = (given.content, given.target)
            return "jpeg" if all(isinstance(one, bytes) and is_plain_jpeg(one) for one in both) else "png"
    return "png"


def _refuse(manifest: PairManifest, suspicions: tuple[Suspicion, ...]) -> None:
    wrong = [f"{failure.source}: {failure.reason}" for failure in manifest.failures]
    wrong += [str(one) for one in suspicions if one.is_serious]
    if wrong:
        listed = "\n  ".join(wrong)
        raise DataError(
            f"{len(wrong)} pairs are not as they should be, and --strict was given; nothing was imported:\n  {listed}"
        )
