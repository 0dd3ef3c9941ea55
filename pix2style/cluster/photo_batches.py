"""List the photos of a place in batches, folder by folder, so that memory holds the names of one folder only."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import PurePosixPath

from pix2style.cluster.place import Entry, Place
from pix2style.images.kinds import VIDEO_SUFFIXES, is_picture_name, suffix_of
from pix2style.runtime.alike_names import loosest_form


@dataclass(frozen=True, slots=True)
class ListedPhoto:
    """A photo in the source.

    Attributes:
        name: Its path in the source.
        rivals: Paths of all photos, this one included, whose outputs might get the same name; empty if there are no
            others.
        folders: Two folders that some file systems do not distinguish, such as `A` and `a`; the photo is in the second
            one. Empty if there are none.
    """

    name: str
    rivals: tuple[str, ...] = ()
    folders: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoBatch:
    """Photos that one worker stylizes in a row.

    Attributes:
        photos: The photos.
        left_out: Files and folders beside the photos that are not stylized, counted by reason; see `images.LeftOut`.
    """

    photos: list[ListedPhoto] = field(default_factory=list)
    left_out: dict[str, int] = field(default_factory=dict)

    def to_json(self) -> str:
        """Return the batch as text of ASCII characters."""
        return json.dumps(asdict(self))

    @classmethod
    def from_json(cls, text: str) -> PhotoBatch:
        """Return the batch that `to_json` gave as text."""
        value = json.loads(text)
        photos = [
            ListedPhoto(photo["name"], tuple(photo["rivals"]), tuple(photo["folders"])) for photo in value["photos"]
        ]
        return cls(photos, value["left_out"])


def list_batches(
    source: Place, photos_per_batch: int, *, results: str | None = None, recursive: bool = True
) -> Iterator[PhotoBatch]:
    """List the photos in a place as `images.search_images` finds them in a folder, in an order that never changes.

    A subfolder that cannot be opened is listed as if it were a photo: reading it raises the error that says why.

    Args:
        source: The place.
        photos_per_batch: Number of photos in each batch but the last.
        results: Folder inside the source that the outputs go to, whose images are results of an earlier call; None if
            they go elsewhere.
        recursive: Whether subfolders are searched.

    Yields:
        The batches. What is left out is counted in the next batch, so the last batch may have no photos.
    """
    photos: list[ListedPhoto] = []
    left_out: Counter[str] = Counter()
    for folder_photos in _walk(source, results, left_out, recursive=recursive):
        for photo in folder_photos:
            photos.append(photo)
            if len(photos) == photos_per_batch:
                yield PhotoBatch(photos, dict(left_out))
                photos = []
                left_out.clear()
    if photos or left_out:
        yield PhotoBatch(photos, dict(left_out))


def _walk(
    source: Place, results: str | None, left_out: Counter[str], *, recursive: bool
) -> Iterator[Iterable[ListedPhoto]]:
    folders: list[tuple[str, tuple[str, ...]]] = [("", ())]
    while folders:
        folder, alike = folders.pop()
        try:
            entries = source.entries(folder)
        except OSError:
            if not folder:
                raise
            yield [ListedPhoto(folder)]
            continue
        prefix = f"{folder}/" if folder else ""
        is_result = results is not None and f"{folder}/".startswith(f"{results}/")
        pictures, below = _sort_out(entries, left_out, is_result=is_result, recursive=recursive)
        firsts: dict[str, str] = {}
        for name in below:
            first = firsts.setdefault(loosest_form(name), name)
            folders.append((prefix + name, alike if first == name else (prefix + first, prefix + name)))
        yield (replace(photo, folders=alike) for photo in with_rivals(prefix, pictures))


def _sort_out(
    entries: Sequence[Entry], left_out: Counter[str], *, is_result: bool, recursive: bool
) -> tuple[list[str], list[str]]:
    """Return the names of pictures and of folders to search, and count the rest."""
    pictures, folders = [], []
    for entry in entries:
        is_hidden = entry.name.startswith(".")
        if entry.kind == "linked folder":
            left_out["hidden folder" if is_hidden else "linked folder"] += 1
        elif entry.kind == "folder":
            if recursive and not is_hidden:
                folders.append(entry.name)
            else:
                left_out["hidden folder" if is_hidden else "subfolder"] += 1
        elif is_hidden:
            left_out["hidden file"] += 1
        elif not is_picture_name(entry.name):
            left_out["video" if suffix_of(entry.name) in VIDEO_SUFFIXES else "other file"] += 1
        elif is_result:
            left_out["earlier result"] += 1
        else:
            pictures.append(entry.name)
    return pictures, folders


def with_rivals(prefix: str, names: Sequence[str]) -> Iterator[ListedPhoto]:
    """Yield the photos of a folder with those whose outputs might get the same name.

    The output of a photo a.gif is called a.png, or a.gif.png if another output has this name. So photos are rivals if
    their names are alike up to the last dot, such as a.gif and a.png. They are also rivals if the whole name of one is
    alike to the other's name up to its last dot, such as a.gif and a.gif.png.

    Args:
        prefix: Path of the folder, with a slash at its end; empty for the top.
        names: Names of all pictures in the folder.
    """
    families = _Families(names)
    for key, members in families.items():
        related = families.related(key, members)
        rivals = tuple(sorted(prefix + name for name in related)) if len(related) > 1 else ()
        for name in members:
            yield ListedPhoto(prefix + name, rivals)


class _Families:
    """The pictures of a folder, grouped into families whose names are alike up to the last dot."""

    def __init__(self, names: Sequence[str]) -> None:
        self._members: dict[str, str | list[str]] = {}  # a family of one is stored without a list, to save memory
        for name in names:
            key = loosest_form(_stem(name))
            family = self._members.get(key)
            if isinstance(family, list):
                family.append(name)
            else:
                self._members[key] = name if family is None else [family, name]

    def items(self) -> Iterator[tuple[str, list[str]]]:
        """Yield each key and the members of its family."""
        for key in self._members:
            yield key, self._of(key)

    def related(self, key: str, members: Sequence[str]) -> list[str]:
        """Return the members of a family, and of families whose key is the name of a member, or the other way round."""
        top = key
        while (above := loosest_form(_stem(top))) != top and top in map(loosest_form, self._of(above)):
            top = above
        return list(members) if top == key and not self._below(key) else [*self._of(top), *self._below(top)]

    def _of(self, key: str) -> list[str]:
        family = self._members.get(key, [])
        return [family] if isinstance(family, str) else family

    def _below(self, key: str) -> list[str]:
        keys = {loosest_form(name) for name in self._of(key)} - {key}
        return [name for below in keys for name in (*self._of(below), *self._below(below))]


def _stem(name: str) -> str:
    return PurePosixPath(name).stem
