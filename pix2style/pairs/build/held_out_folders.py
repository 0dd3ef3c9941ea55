"""Say if photos lie in folders such as `val`, because the splits of photos do not follow from their folders."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path, PurePosixPath

from pix2style.images import FoundImage
from pix2style.pairs.format.name_meaning import name_meaning
from pix2style.plural import counted
from pix2style.progress import print_note

_SHOWN_FOLDERS = 3


def note_held_out_folders(content: Sequence[Path], images: Sequence[FoundImage]) -> None:
    """Print a note if some photos, but not all, lie in folders whose names say that they are held out.

    Such photos are trained on nevertheless: the split of a photo follows from its content alone, so that pair sets in
    several styles hold out the same photos, and files may be moved and renamed.

    Args:
        content: The files and folders that the photos were searched in. Their own names count if there are several.
        images: The photos.
    """
    held_out, for_training, count = dict[Path, None](), dict[Path, None](), 0
    for image in images:
        words = {folder: word for folder in _folders(content, image) if (word := name_meaning(folder.name).clear_split)}
        count += any(word != "train" for word in words.values())
        for folder, word in words.items():
            (for_training if word == "train" else held_out)[folder] = None
    if 0 < count < len(images):
        print_note(_text(count, len(images), list(held_out), list(for_training)))


def _text(count: int, total: int, held_out: Sequence[Path], for_training: Sequence[Path]) -> str:
    folders = _join([f"{folder.name}/" for folder in held_out])
    others = _join([str(folder) for folder in for_training]) if for_training else "the other folders"
    return (
        f"{count} of {counted(total, 'photo')} are in folders that may be held out ({folders}), but the splits follow"
        f" from the contents of photos, so that most of these are trained on: name only {others} as content if they"
        " must not be"
    )


def _folders(content: Sequence[Path], image: FoundImage) -> Iterator[Path]:
    """Return the folders of a photo, from its own folder to the content folder if that counts."""
    inside = len(PurePosixPath(image.relative).parents) - 1
    yield from image.path.parents[:inside]
    if len(content) > 1:
        yield from image.path.parents[inside : inside + 1]


def _join(names: Sequence[str]) -> str:
    more = f" and {len(names) - _SHOWN_FOLDERS} more" if len(names) > _SHOWN_FOLDERS else ""
    return ", ".join(names[:_SHOWN_FOLDERS]) + more
