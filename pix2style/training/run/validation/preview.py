"""The preview of a run: a picture of a few photos, renewed while the network trains, and a page that shows it."""

from __future__ import annotations

import html
from collections.abc import Iterator, Sequence
from pathlib import Path

from pix2style.errors import DataError
from pix2style.files import write_bytes
from pix2style.images import Image8, Picture, sheet, write_picture
from pix2style.nets.generator import Generator
from pix2style.pairs.format.records import PairRecord
from pix2style.progress import print_note
from pix2style.runs.stylizer import stylize_with
from pix2style.training.data.sources import TrainingData
from pix2style.training.run import clock
from pix2style.training.run.validation.validate import averaged_generator, first_photos
from pix2style.training.step.state import TrainingState

_MOST_FAILURES = 5  # in a row
_PHOTOS = 4
_SIDE_PX = 512  # of larger photos, the middle is shown
_EVERY_S = 15.0
_LARGEST_SHARE = 0.02  # of the time of the run
_RELOAD_S = 10
_PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">{reload}
<title>{title}</title>
<style>body {{ font-family: sans-serif; margin: 2em; }} img {{ max-width: 100%; }}</style>
</head>
<body>
<h1>{title}</h1>
<p>{status}</p>
<img src="{image}?step={step}" alt="Rows of photos; columns for the photo, the teacher's image and the filter's">
</body>
</html>
"""


class Preview:
    """Renews `preview.png`, with columns for photo, teacher and filter, and the page beside it.

    The photos are up to four held-out ones, or training photos if none are held out. A generator of several styles is
    shown in another style in each row. The page, `preview.html` beside `preview.png`, reloads itself until the training
    ends, and needs no scripts and no network.

    Args:
        path: PNG file to write.
        name: Name of the experiment, for the page.
        state: Training state, whose averaged weights are shown.
        data: Training data.

    Attributes:
        cost_s: Seconds that the latest renewal took.
    """

    def __init__(self, path: Path, name: str, state: TrainingState, data: TrainingData) -> None:
        self._path, self._name, self._state, self._data = path, name, state, data
        self._entries = list(_one_entry_per_photo(first_photos(data.held_out or data.entries, _PHOTOS)))
        self._pairs: list[tuple[Image8, Image8 | None]] = []
        self._next_s, self._failures, self.cost_s = clock.now_s(), 0, 0.0
        self._has_failed = False

    @property
    def is_due(self) -> bool:
        """Whether the preview should be renewed: every 15 s, or less often if that took more than 2 % of the time."""
        return self._failures < _MOST_FAILURES and clock.now_s() >= self._next_s

    def renew(self, status: str, *, ended: bool = False) -> None:
        """Write the picture and the page anew; a note says if they cannot be written.

        Args:
            status: How far the training is, in words.
            ended: Whether the training has ended, so that the page need not reload itself any more.
        """
        if self._failures >= _MOST_FAILURES:
            return
        start_s = clock.now_s()
        try:
            self._write(status, ended=ended)
            self._failures = 0
        except (OSError, DataError) as error:
            # A viewer may have the file open for a moment, or the disk be full: the next time it may work again.
            self._failures += 1
            if not self._has_failed:
                print_note(f"{error}: the preview was not renewed")
            self._has_failed = True
        self.cost_s = clock.now_s() - start_s
        self._next_s = clock.now_s() + max(_EVERY_S, self.cost_s / _LARGEST_SHARE)

    def _write(self, status: str, *, ended: bool) -> None:
        self._pairs = self._pairs or [self._read(entry) for entry in self._entries]
        with averaged_generator(self._state) as generator:
            outputs = [self._stylize(generator, row) for row in range(len(self._pairs))]
        rows, headings = [], ["photo", *(["teacher"] if self._data.paired else []), "filter"]
        for (content, target), output in zip(self._pairs, outputs, strict=True):
            rows.append([content, *([] if target is None else [target]), output])
        write_picture(self._path, Picture(sheet(rows, headings)))
        write_bytes(self._path.with_suffix(".html"), self._page(status, ended=ended).encode())

    def _read(self, entry: PairRecord) -> tuple[Image8, Image8 | None]:
        content, target = self._data.read_pair(entry)
        return _middle(content), None if target is None else _middle(target)

    def _stylize(self, generator: Generator, row: int) -> Image8:
        style = self._entries[row].style
        network = generator.with_fixed_style(style).folded() if generator.styles > 1 else generator
        [output] = stylize_with(network, [self._pairs[row][0]])
        return output

    def _page(self, status: str, *, ended: bool) -> str:
        return _PAGE.format(
            reload="" if ended else f'\n<meta http-equiv="refresh" content="{_RELOAD_S}">',
            title=html.escape(self._name),
            status=html.escape(status),
            image=html.escape(self._path.name),
            step=self._state.step,  # another address for each picture, so that browsers do not show an older one
        )


def _one_entry_per_photo(entries: Sequence[PairRecord]) -> Iterator[PairRecord]:
    """Return an entry of each photo, of another style for each photo."""
    by_photo: dict[str, list[PairRecord]] = {}
    for entry in entries:
        by_photo.setdefault(entry.sha256, []).append(entry)
    for number, group in enumerate(by_photo.values()):
        yield group[number % len(group)]


def _middle(image: Image8) -> Image8:
    """Cut the middle out of an image that is larger than the preview shows."""
    height, width = image.shape[:2]
    top, left = max(0, height - _SIDE_PX) // 2, max(0, width - _SIDE_PX) // 2
    return image[top : top + _SIDE_PX, left : left + _SIDE_PX]
