"""Read plain folders of contents and targets with the interface of a pair set, without writing anything."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from pix2style.errors import DataError, ImageError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, decode_picture, describe_left_out, read_image_file, search_images
from pix2style.pairs.check.inspector import PairInspector
from pix2style.pairs.check.suspicion import Suspicion, identify_pair
from pix2style.pairs.exchange.match_folders import MatchedFiles, has_pair_folders, match_folders
from pix2style.pairs.exchange.pair_source import MAX_SIDE_PX
from pix2style.pairs.exchange.plain_manifest import entries_digest, plain_manifest
from pix2style.pairs.exchange.split_choice import choose_splits
from pix2style.pairs.format.manifest import MANIFEST_NAME, PLAN_NAME
from pix2style.pairs.format.photo_hash import assign_split, short_keys
from pix2style.pairs.format.reader import PairReader
from pix2style.pairs.format.records import Member, PairEntry, Split
from pix2style.plural import counted
from pix2style.printable import text_of_file_name
from pix2style.progress import ProgressCallback, no_progress, print_note

_SHOWN_PROBLEMS = 10
_INSPECTED_PAIRS = 200
_KEY_DIGITS = 32


@dataclass(frozen=True, slots=True)
class _PairPaths:
    content: Path
    target: Path


class PlainFolderReader(PairReader):
    """Read plain folders like a pair set.

    Files are matched by their names without suffix, see `match_folders`. Splits follow from the names of folders or
    files, see `choose_splits`; if these say none, from the digests of the content files, as in make-pairs. Different
    pairs may differ in size, but not the two images of one pair.

    Args:
        folder: Folder that holds `content` and `target`, or other folders that `find_role_folders` finds.
        val_share: Share of the pairs for validation, if no names say the splits.
        test_share: Share of the pairs for the test split, if no names say the splits.
        on_progress: Called with the number of checked pairs and the number of all pairs. Each file is read and decoded
            once.

    Attributes:
        folder: The folder.
        manifest: Manifest that describes the files like a pair set; the digest of its teacher is `digest`.
        digest: SHA-256 over the names, splits and digests of all files.
        suspicions: Suspicious pairs among the first 200 pairs.
        split_reason: Where the splits come from, for people: `by the folders train/ and test/`.

    Raises:
        DataError: An image has no partner, cannot be read, or differs in size from its partner; or the splits are not
            understood. The message names the files.
    """

    suspicions: tuple[Suspicion, ...]
    split_reason: str

    def __init__(
        self,
        folder: Path,
        *,
        val_share: float = 0.05,
        test_share: float = 0.05,
        on_progress: ProgressCallback = no_progress,
    ) -> None:
        # PairReader.__init__ is not called: it would read the manifest and the indexes of a pair set.
        self.folder = folder
        matched = _match_all(folder)
        name_digests = (sha256_bytes(files.name.encode("utf-8", "surrogateescape")) for files in matched)
        keys = short_keys(name_digests, _KEY_DIGITS)
        self._paths = {key: _PairPaths(files.content, files.target) for key, files in zip(keys, matched, strict=True)}
        choice = choose_splits(folder, [files.name for files in matched])
        self.split_reason = choice.reason
        shares = (val_share, test_share) if choice.splits is None else (0.0, 0.0)
        self._entries: list[PairEntry] = []
        inspector, problems = PairInspector(), []
        for number, (key, files) in enumerate(zip(keys, matched, strict=True)):
            on_progress(number, len(matched))
            try:
                entry, content, target = _read_pair(key, files, choice.of(number), shares)
            except ImageError as error:
                problems.append(f"{error.name}: {error.reason}")
                continue
            self._entries.append(entry)
            if number < _INSPECTED_PAIRS:
                inspector.add(identify_pair(entry), content, target)
        on_progress(len(matched), len(matched))
        if problems:
            raise DataError(f"{folder}: {counted(len(problems), 'pair')} cannot be used: {_join_first(problems)}")
        self.digest = entries_digest(self._entries)
        self.manifest = plain_manifest(self._entries, self.digest, shares, splits_given=choice.splits is not None)
        self.suspicions = tuple(inspector.finish())

    def read(self, entry: PairEntry) -> tuple[Image8, Image8]:
        """Read a pair.

        Returns:
            Content and target, each uint8 [height, width, 3], upright, in sRGB, without transparency (on white).

        Raises:
            DataError: A file has changed since the reader was created.
        """
        content, target = self.read_bytes(entry)
        return _decode(content, entry, "content"), _decode(target, entry, "target")

    def read_content(self, entry: PairEntry) -> Image8:
        """Read the content of a pair; see `read`."""
        return _decode(_read_unchanged(self._paths_of(entry).content, entry.content), entry, "content")

    def read_bytes(self, entry: PairEntry) -> tuple[bytes, bytes]:
        """Read the files of content and target without decoding them.

        Raises:
            DataError: A file has changed since the reader was created.
        """
        paths = self._paths_of(entry)
        return _read_unchanged(paths.content, entry.content), _read_unchanged(paths.target, entry.target)

    def describe_splits(self) -> str:
        """Return a line for people: how many pairs are in each split, and why."""
        counts = ", ".join(f"{split} {count}" for split, count in self.manifest.pairs.model_dump().items())
        return f"{self.folder}: splits: {counts}, {self.split_reason}"

    def _paths_of(self, entry: PairEntry) -> _PairPaths:
        paths = self._paths.get(entry.key)
        if paths is None:
            raise DataError(f"{self.folder}: there is no pair {entry.key}: this entry belongs to another pair set")
        return paths


def open_pairs(
    path: Path,
    *,
    val_share: float = 0.05,
    test_share: float = 0.05,
    on_progress: ProgressCallback = no_progress,
) -> PairReader | PlainFolderReader:
    """Open a pair set or plain folders of contents and targets; a note says the splits of the latter, and why.

    Args:
        path: Folder of a pair set, or a folder for `PlainFolderReader`.
        val_share: For plain folders, see `PlainFolderReader`.
        test_share: For plain folders, see `PlainFolderReader`.
        on_progress: For plain folders, see `PlainFolderReader`.

    Raises:
        DataError: The folder is neither, or cannot be used.
    """
    if any((path / name).exists() for name in (MANIFEST_NAME, PLAN_NAME)) or not has_pair_folders(path):
        return PairReader(path)
    reader = PlainFolderReader(path, val_share=val_share, test_share=test_share, on_progress=on_progress)
    print_note(reader.describe_splits())
    if left_out := search_images([path]).left_out:
        print_note(f"{path}: left out: {describe_left_out(left_out)}")
    return reader


def _match_all(folder: Path) -> list[MatchedFiles]:
    """Match the files of contents and targets, and require that every file has a partner."""
    matched, unmatched = match_folders(folder)
    if unmatched:
        raise DataError(
            f"{folder}: {counted(len(unmatched), 'image', verb='has')} no partner: {_join_first(map(str, unmatched))}"
        )
    if not matched:
        raise DataError(f"{folder}: its folders of contents and targets hold no images")
    return matched


def _read_pair(
    key: str, files: MatchedFiles, split: Split | None, shares: tuple[float, float]
) -> tuple[PairEntry, Image8, Image8]:
    """Read and decode a pair; return its entry, its content and its target."""
    content_bytes, target_bytes = read_image_file(files.content), read_image_file(files.target)
    content = decode_picture(content_bytes, name=str(files.content), to_srgb=True).on_white()
    target = decode_picture(target_bytes, name=str(files.target), to_srgb=True).on_white()
    height, width = content.shape[:2]
    if content.shape != target.shape:
        reason = f"is {target.shape[1]}x{target.shape[0]} px, but its content is {width}x{height}: make them equal"
        raise ImageError(str(files.target), reason)
    if max(height, width) > MAX_SIDE_PX:
        raise ImageError(str(files.content), f"is more than {MAX_SIDE_PX} px long: make it smaller first")
    sha256 = sha256_bytes(content_bytes)
    entry = PairEntry(
        key=key,
        source=text_of_file_name(files.source),
        sha256=sha256,
        split=split or assign_split(sha256, val_share=shares[0], test_share=shares[1]),
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


def _decode(data: bytes, entry: PairEntry, role: str) -> Image8:
    return decode_picture(data, name=f"{entry.source} ({role})", to_srgb=True).on_white()


def _read_unchanged(path: Path, member: Member) -> bytes:
    data = read_image_file(path)
    if sha256_bytes(data) != member.sha256:
        raise DataError(f"{path}: has changed since training began: restore the file, or start a new run")
    return data


def _join_first(texts: Iterable[str]) -> str:
    all_texts = list(texts)
    more = f"; and {len(all_texts) - _SHOWN_PROBLEMS} more" if len(all_texts) > _SHOWN_PROBLEMS else ""
    return "; ".join(all_texts[:_SHOWN_PROBLEMS]) + more
