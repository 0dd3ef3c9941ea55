"""Find the mask of a photo or clip in a folder of masks, by its name."""

from __future__ import annotations

import os
import unicodedata
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path, PurePosixPath

from pix2style.errors import ConfigError, DataError
from pix2style.images import search_images
from pix2style.printable import one_line


class MaskFolder:
    """The masks in a folder and in all folders below it.

    Args:
        path: The folder.

    Raises:
        DataError: The folder cannot be opened, or has no images in it.
    """

    def __init__(self, path: Path) -> None:
        self.path = path
        self._masks: dict[str, list[Path]] = defaultdict(list)
        for mask in search_images([path]).images:
            self._masks[_composed(PurePosixPath(mask.relative).with_suffix("").as_posix())].append(mask.path)
        if not self._masks:
            raise DataError(f"{path}: there are no images in it, which could be masks")

    def find(self, source: Path) -> Path:
        """Return the mask for a photo or clip: `sub/a.png` or `a.png`, or `a.jpg.png`, for `photos/sub/a.jpg`.

        Raises:
            DataError: There is no mask for it, or several.
        """
        for name in _names(source.absolute()):
            masks = self._masks.get(_composed(name), [])
            if len(masks) > 1:
                raise DataError(f"has several masks, {masks[0]} and {masks[1].name}: keep one of them")
            if masks:
                return masks[0]
        raise DataError(f"has no mask in {self.path}, where it would be called {one_line(source.stem)}.png")


def _names(source: Path) -> Iterator[str]:
    """Yield names of masks without their suffix: the most folders first, and the whole name before the stem."""
    parts = source.parts[1:]
    for start in range(len(parts)):
        yield "/".join(parts[start:])
        yield "/".join((*parts[start:-1], source.stem))


def _composed(name: str) -> str:
    """Return a name in the Unicode form NFC: macOS writes some names in another form than Linux and Windows."""
    return unicodedata.normalize("NFC", name)


def check_apart(mask: Path, inputs: Iterable[Path], *, recursive: bool = True) -> None:
    """Refuse masks that would be taken for photos.

    Args:
        mask: The mask, or the folder of masks.
        inputs: The inputs of the call.
        recursive: Whether folders inside of input folders are searched for photos.

    Raises:
        ConfigError: The mask or folder of masks is an input, or lies inside an input folder.
    """
    real, is_file = Path(os.path.realpath(mask)), not mask.is_dir()
    for entry in inputs:
        folder = Path(os.path.realpath(entry))
        is_met = real.is_relative_to(folder) if recursive else real == folder or (real.parent == folder and is_file)
        if is_met:
            raise ConfigError(
                f"--mask {mask}: lies among the inputs, in {entry}, and would be stylized itself: move it elsewhere"
            )
