"""The pictures that are judged: of several stylizers and the same photos, from folders or contact sheets."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath

import numpy as np

from pix2style.errors import ConfigError, DataError
from pix2style.files import sha256_bytes
from pix2style.images import Image8, find_images, resize
from pix2style.images.contact_sheet import read_contact_sheet
from pix2style.judge.columns import Column, have_same_shape, listed, photo_name
from pix2style.judge.originals import Originals, choose_originals, find_originals
from pix2style.plural import counted
from pix2style.printable import text_of_file_name
from pix2style.progress import track

_LOSSY = frozenset((".jpg", ".jpeg"))


@dataclass(slots=True)
class JudgedPictures:
    """Pictures of several stylizers, of the same photos.

    Attributes:
        columns: The pictures of each stylizer, with the teacher, by its name.
        teacher: Name of the teacher; None if none is known.
        originals: The photos; None if they are not at hand.
        photos: Names of the photos.
        digests: Digests of the pictures, of height, width and pixels, by photo and stylizer.
        notes: Remarks for the person who has started the test.
    """

    columns: Mapping[str, Column]
    teacher: str | None
    originals: Column | None
    photos: list[str]
    digests: dict[tuple[str, str], str] = field(default_factory=dict)
    notes: list[str] = field(default_factory=list)
    _sizes: dict[str, tuple[int, int]] = field(default_factory=dict)

    @property
    def stylizers(self) -> list[str]:
        """Names of the stylizers, with the teacher."""
        return list(self.columns)

    @property
    def has_photos(self) -> bool:
        """Whether the photos themselves can be shown."""
        return self.originals is not None

    def size(self, photo: str) -> tuple[int, int]:
        """Return height and width in which all pictures of a photo are shown."""
        return self._sizes[photo]

    def picture(self, photo: str, stylizer: str | None) -> Image8:
        """Return a picture in the size in which it is shown; None as `stylizer` means the photo itself."""
        column = self.originals if stylizer is None else self.columns[stylizer]
        if column is None or photo not in column.images:
            raise DataError(f"{photo}: the photo itself is not at hand")
        return resize(column.read(photo), *self._sizes[photo])

    def read_all(self) -> None:
        """Read each picture once, for its digest and size.

        Raises:
            DataError: A picture cannot be read, or pictures of a photo have different shapes.
        """
        shrunk = 0
        for photo in track("pictures", self.photos):
            sizes = {}
            for name, column in self.columns.items():
                image = column.read(photo)
                sizes[name] = image.shape[:2]
                self.digests[photo, name] = sha256_bytes(repr(image.shape[:2]).encode() + image.tobytes())
            self._sizes[photo] = _common_size(photo, sizes)
            shrunk += len(set(sizes.values())) > 1
        if shrunk:
            self.notes.append(
                f"the pictures of {counted(shrunk, 'photo')} differ in size: larger ones are shrunk to the smallest,"
                " which makes them look smoother: for a fair test make all in the same size"
            )

    def without_copies(self) -> JudgedPictures:
        """Return the pictures without stylizers whose pictures are all the same as another's; the teacher stays.

        Raises:
            ConfigError: Fewer than two stylizers are left.
        """
        kept: dict[tuple[str, ...], str] = {}
        first_teacher = sorted(self.columns, key=lambda name: name != self.teacher)
        for name in first_teacher:
            digests = tuple(self.digests[photo, name] for photo in self.photos)
            if digests in kept:
                self.notes.append(
                    f"{name}: its pictures equal those of {kept[digests]} in every pixel, so it is left out"
                )
            else:
                kept[digests] = name
        self.columns = {name: column for name, column in self.columns.items() if name in kept.values()}
        self.digests = {key: digest for key, digest in self.digests.items() if key[1] in self.columns}
        _check_number(self.columns)
        return self


def open_pictures(sheets: Sequence[Path], *, teacher: Path | None = None, photos: Path | None = None) -> JudgedPictures:
    """Read the pictures to judge.

    Args:
        sheets: Folders, one for each stylizer, with pictures of the same names, or contact sheets of `eval --sheet`.
        teacher: Folder with the teacher's pictures, which may be one of `sheets`; None if a contact sheet has them, or
            if there is no teacher.
        photos: Folder with the photos, to be shown beside the pictures if a judge wants to see them. Those that cannot
            be read, or have another shape than their pictures, are left out with a note.

    Raises:
        ConfigError: There are fewer than two stylizers, or two teachers.
        DataError: Pictures cannot be read, are missing, or have different shapes.
    """
    collected, originals = _collect(sheets, teacher)
    _check_number(collected.columns)
    collected.photos = _common_photos(list(collected.columns.values()))
    originals = find_originals(photos) if photos is not None else originals
    collected.read_all()
    if originals:
        sizes = {photo: collected.size(photo) for photo in collected.photos}
        collected.originals, notes = choose_originals(originals, sizes)
        collected.notes += notes
    _note_formats(collected)
    return collected.without_copies()


def _collect(sheets: Sequence[Path], teacher: Path | None) -> tuple[JudgedPictures, Originals]:
    """Return the pictures, and the photos that contact sheets show."""
    folders = [path for path in dict.fromkeys(sheets) if path.is_dir()]
    if len(set(map(_place, sheets))) < len(sheets):
        raise ConfigError("a folder or sheet is named twice: name each one once")
    matching = [folder for folder in folders if teacher is not None and _place(folder) == _place(teacher)]
    if teacher is not None and not matching:
        folders.append(teacher)
    names = _folder_names(folders)
    columns = {names[folder]: _read_folder(folder, names[folder]) for folder in folders}
    teacher_name = None if teacher is None else names[(matching or [teacher])[0]]
    originals: Column | None = None
    for path in (path for path in sheets if not path.is_dir()):
        for found in read_contact_sheet(path):
            images = _by_photo_name(found.images)
            if found.kind == "photo":
                originals = _merged(originals or Column("photo", {}), images, path)
                continue
            if found.kind == "target":
                if teacher_name not in (None, found.name):
                    raise ConfigError(
                        f"{path}: shows the pictures of a teacher, {found.name}, and {teacher_name} is one already:"
                        " leave one of them out"
                    )
                teacher_name = found.name
            columns[found.name] = _merged(columns.get(found.name, Column(found.name, {})), images, path)
    photos: Originals = {} if originals is None else {photo: [image] for photo, image in originals.images.items()}
    return JudgedPictures(columns, teacher_name, None, []), photos


def _place(path: Path) -> Path:
    return path.resolve()


def _folder_names(folders: Sequence[Path]) -> dict[Path, str]:
    """Return the last part of each folder's path, or the whole path where two folders share it."""
    short = {folder: text_of_file_name(folder.resolve().name or str(folder)) for folder in folders}
    counts = Counter(short.values())
    return {folder: name if counts[name] == 1 else text_of_file_name(str(folder)) for folder, name in short.items()}


def _read_folder(folder: Path, name: str) -> Column:
    images: dict[str, Path | Image8] = {}
    for found in find_images([folder]):
        photo = photo_name(found.relative)
        if photo in images:
            raise DataError(f"{folder}: has two pictures of the name {photo}: keep one of them")
        images[photo] = found.path
    if not images:
        raise DataError(f"{folder}: has no pictures: write some there, for example by `pix2style infer`")
    return Column(name, images)


def _by_photo_name(images: Mapping[str, Image8]) -> dict[str, Path | Image8]:
    """Return the images of a sheet by the names of their photos: with the suffix where they differ in it alone."""
    names = {name: photo_name(name) if PurePosixPath(name).name else name for name in images}
    counts = Counter(names.values())
    return {short if counts[short] == 1 else name: images[name] for name, short in names.items()}


def _merged(column: Column, images: Mapping[str, Path | Image8], path: Path) -> Column:
    """Return the column with further images; two sheets may show the same filters on different photos."""
    for photo, image in images.items():
        known = column.images.get(photo)
        if known is not None and not np.array_equal(column.read(photo), np.asarray(image)):
            raise DataError(
                f"{path}: its picture of {photo} by {column.name} differs from that of an earlier input: name only one"
                " of the two"
            )
    return Column(column.name, {**column.images, **images})


def _check_number(columns: Mapping[str, Column]) -> None:
    if len(columns) < 2:
        only = next(iter(columns), "nothing")
        raise ConfigError(
            f"{only}: there is nothing to compare it with: name a second folder of pictures of the same photos, or"
            " --teacher FOLDER"
        )


def _common_photos(columns: Sequence[Column]) -> list[str]:
    photos = list(dict.fromkeys(photo for column in columns for photo in column.images))
    for column in columns:
        missing = [photo for photo in photos if photo not in column.images]
        if missing:
            holder = next(other.name for other in columns if missing[0] in other.images)
            raise DataError(
                f"{column.name}: lacks pictures that {holder} has: {listed(missing)}: each stylizer needs a picture of"
                " each photo, with the same name apart from the suffix"
            )
    return sorted(photos)


def _common_size(photo: str, sizes: Mapping[str, Iterable[int]]) -> tuple[int, int]:
    """Return the smallest of the sizes of a photo's pictures, which must have the same shape."""
    (smallest, (height, width)) = min(sizes.items(), key=lambda item: int(np.prod(tuple(item[1]))))
    for name, (other_height, other_width) in sizes.items():
        if not have_same_shape((other_height, other_width), (height, width)):
            raise DataError(
                f"{photo}: has {other_width}x{other_height} pixels in {name} and {width}x{height} in {smallest}: the"
                " pictures of a photo must have the same shape"
            )
    return height, width


def _note_formats(pictures: JudgedPictures) -> None:
    """Note if only some stylizers have JPEG files, whose traces of compression may tell them apart."""
    lossy = {
        name
        for name, column in pictures.columns.items()
        if any(isinstance(image, Path) and image.suffix.lower() in _LOSSY for image in column.images.values())
    }
    if lossy and len(lossy) < len(pictures.columns):
        some = ", ".join(name for name in pictures.columns if name in lossy)
        pictures.notes.append(
            f"only some have JPEG files ({some}), whose traces of compression may give them away: write all as PNG"
            " (`pix2style infer --format png`)"
        )
