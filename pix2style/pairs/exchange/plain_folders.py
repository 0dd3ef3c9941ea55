"""An artist's own pairs: a folder with `content/` and `target/`, read as if it were a pair set."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture
from pix2style.pairs.check.suspicion import PairInspector, Suspicion, identify_pair
from pix2style.pairs.exchange.folders import printable, read_file
from pix2style.pairs.exchange.pair_source import LONGEST_SIDE_PX
from pix2style.pairs.format.manifest import (
    MANIFEST_NAME,
    PLAN_NAME,
    Member,
    PairEntry,
    PairManifest,
    ShardStatistics,
    SplitCounts,
    TeacherRecord,
)
from pix2style.pairs.format.matching import MatchedFiles, has_two_folders, match_folders
from pix2style.pairs.format.plan import assign_split, short_keys
from pix2style.pairs.format.reader import PairReader
from pix2style.progress import ProgressCallback, no_progress
from pix2style.version import __version__

OWN_PAIRS = "own pairs"
_LICENCE = "not stated"
_SHOWN = 10
_JUDGED_PAIRS = 200
_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True)
class _Files:
    content: Path
    target: Path


class PlainFolderReader(PairReader):
    """Two plain folders, with the interface of a pair set. Nothing is written.

    Files are matched by name without suffix. Their split is that of the subfolders train, val and test, if all files
    lie in such; else it follows from the content file's digest, as make-pairs does it. Sizes may differ from pair to
    pair, but not within one.

    Args:
        folder: it holds `content/` and `target/`.
        val_share: of pairs, where no subfolders say the split.
        test_share: likewise.
        on_progress: told how many of how many pairs are checked: each file is read and decoded once.

    Attributes:
        folder: as given.
        manifest: made up of what the files are; its teacher's digest is that of all files.
        digest: of all files, their names and splits.
        suspicions: among the first pairs: misaligned, mismatched and so on.

    Raises:
        DataError: a picture has no partner, cannot be read, or is not of its partner's size; names the files.
    """

    suspicions: tuple[Suspicion, ...]

    def __init__(
        self,
        folder: Path,
        *,
        val_share: float = 0.05,
        test_share: float = 0.05,
        on_progress: ProgressCallback = no_progress,
    ) -> None:
        self.folder = folder
        matched = _matched(folder)
        keys = short_keys((sha256_bytes(one.name.encode("utf-8", "surrogateescape")) for one in matched), _KEY_DIGITS)
        self._files = {key: _Files(one.content, one.target) for key, one in zip(keys, matched, strict=True)}
        self._entries: list[PairEntry] = []
        judge, wrong = PairInspector(), []
        shares = (0.0, 0.0) if matched[0].split else (val_share, test_share)
        for number, (key, one) in enumerate(zip(keys, matched, strict=True)):
            on_progress(number, len(matched))
            try:
                entry, content, target = _read(key, one, shares)
            except ImageError as error:
                wrong.append(f"{error.name}: {error.reason}")
                continue
            self._entries.append(entry)
            if number < _JUDGED_PAIRS:
                judge.add(identify_pair(entry), content, target)
        on_progress(len(matched), len(matched))
        if wrong:
            raise DataError(f"{folder}: {len(wrong)} pairs cannot be used: {_listed(wrong)}")
        self.digest = _digest(self._entries)
        self.manifest = _manifest(self._entries, self.digest, shares, given=matched[0].split is not None)
        self.suspicions = tuple(judge.finish())

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """ContentImage and target, each uint8 [height, width, 3], upright, sRGB, on white.

        Raises:
            DataError: a file is not the one that was there when training began.
        """
        content, target = self.read_bytes(entry)
        return _decoded(content, entry, "content"), _decoded(target, entry, "target")

    def read_content(self, entry: PairEntry) -> Image8:
        """The photo alone; see `read`."""
        return _decoded(_unchanged(self._paths(entry).content, entry.content), entry, "content")

    def read_bytes(self, entry: PairEntry) -> tuple[bytes, bytes]:
        """The files of content and target.

        Raises:
            DataError: a file is not the one that was there when training began.
        """
        files = self._paths(entry)
        return _unchanged(files.content, entry.content), _unchanged(files.target, entry.target)

    def _paths(self, entry: PairEntry) -> _Files:
        files = self._files.get(entry.key)
        if files is None:
            raise DataError(f"{self.folder}: there is no pair {entry.key}: this entry is of another pair set")
        return files


def open_pairs(
    path: Path,
    *,
    val_share: float = 0.05,
    test_share: float = 0.05,
    on_progress: ProgressCallback = no_progress,
) -> PairReader | PlainFolderReader:
    """A pair set, or two plain folders.

    Args:
        path: a pair set's folder, or one with `content/` and `target/`.
        val_share: for plain folders, see `PlainFolderReader`.
        test_share: likewise.
        on_progress: likewise.

    Raises:
        DataError: it is neither, or cannot be used.
    """
    if any((path / name).exists() for name in (MANIFEST_NAME, PLAN_NAME)) or not has_two_folders(path):
        return PairReader(path)
    return PlainFolderReader(path, val_share=val_share, test_share=test_share, on_progress=on_progress)


def _matched(folder: Path) -> list[MatchedFiles]:
    matched, unmatched = match_folders(folder)
    if unmatched:
        raise DataError(f"{folder}: {len(unmatched)} pictures have no partner: {_listed(map(str, unmatched))}")
    if not matched:
        raise DataError(f"{folder}: its folders content and target hold no pictures")
    return matched


def _read(key: str, one: MatchedFiles, shares: tuple[float, float]) -> tuple[PairEntry, Image8, Image8]:
    content_bytes, target_bytes = read_file(one.content), read_file(one.target)
    content = decode_picture(content_bytes, name=str(one.content), to_srgb=True).on_white()
    target = decode_picture(target_bytes, name=str(one.target), to_srgb=True).on_white()
    height, width = content.shape[:2]
    if content.shape != target.shape:
        reason = f"is {target.shape[1]}x{target.shape[0]} px, but its content is {width}x{height}: make them equal"
        raise ImageError(str(one.target), reason)
    if max(height, width) > LONGEST_SIDE_PX:
        raise ImageError(str(one.content), f"is more than {LONGEST_SIDE_PX} px long: make it smaller first")
    sha256 = sha256_bytes(content_bytes)
    entry = PairEntry(
        key=key,
        source=printable(one.source),
        sha256=sha256,
        split=one.split or assign_split(sha256, val_share=shares[0], test_share=shares[1]),
        style=0,
        height_px=height,
        width_px=width,
        shard=0,
        photo_height_px=height,
        photo_width_px=width,
        content=Member(offset=0, size=len(content_bytes), sha256=sha256),
        target=Member(offset=0, size=len(target_bytes), sha256=sha256_bytes(target_bytes)),
    )
    return entry, content, target


def _digest(entries: list[PairEntry]) -> str:
    digest = hashlib.sha256()
    for entry in entries:
        digest.update(f"{entry.source}\0{entry.split}\0{entry.content.sha256}{entry.target.sha256}\n".encode())
    return digest.hexdigest()


def _manifest(entries: list[PairEntry], digest: str, shares: tuple[float, float], *, given: bool) -> PairManifest:
    sizes = Counter((entry.height_px, entry.width_px) for entry in entries)
    one_square = len(sizes) == 1 and all(height == width for height, width in sizes)
    teacher = TeacherRecord(
        name=OWN_PAIRS,
        sha256=digest,
        licence=_LICENCE,
        settings={"source": "folders", "splits": "given" if given else "by content"},
    )
    return PairManifest(
        plan_sha256=digest,
        pix2style_version=__version__,
        teachers=(teacher,),
        size=max(max(size) for size in sizes),
        fit="crop" if one_square else "keep",
        format="jpeg" if all(_is_jpeg(entry.source) for entry in entries) else "png",
        seed=0,
        val_share=float(shares[0]),
        test_share=float(shares[1]),
        pairs=SplitCounts.of([entry.split for entry in entries]),
        shards=(),
        statistics=ShardStatistics(
            photos=len(entries),
            pairs=len(entries),
            enlarged=0,
            content_bytes=sum(entry.content.size for entry in entries),
            target_bytes=sum(entry.target.size for entry in entries),
            failures_by_reason={},
        ),
        failures=(),
        duplicates=(),
    )


def _decoded(data: bytes, entry: PairEntry, role: str) -> Image8:
    return decode_picture(data, name=f"{entry.source} ({role})", to_srgb=True).on_white()


def _is_jpeg(name: str) -> bool:
    return name.lower().endswith((".jpg", ".jpeg", ".jfif"))


def _unchanged(path: Path, member: Member) -> bytes:
    data = read_file(path)
    if sha256_bytes(data) != member.sha256:
        raise DataError(f"{path}: has changed since training began: put it back, or begin a new run")
    return data


def _listed(texts: Iterable[str]) -> str:
    all_texts = list(texts)
    more = f"; and {len(all_texts) - _SHOWN} more" if len(all_texts) > _SHOWN else ""
    return "; ".join(all_texts[:_SHOWN]) + more
