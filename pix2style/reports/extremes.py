"""The held-out photos on which a stylizer does best and worst."""

from __future__ import annotations

from dataclasses import dataclass

from pix2style.evaluation.evaluate import EvaluatedPhoto
from pix2style.images import Image8, fit_within, sheet
from pix2style.images.difference import psnr_db
from pix2style.reports.html import figure, image, section

_KEPT = 3
_SIDE_PX = 400


@dataclass(frozen=True, slots=True)
class _Result:
    """What a stylizer made of one photo: its PSNR, and photo, target and output in small."""

    psnr_db: float
    row: list[Image8]


class Extremes:
    """Collect the best and the worst outputs of each stylizer; an instance can be passed to `evaluate` as `on_photo`.

    Args:
        kept: How many of each are kept.
    """

    def __init__(self, kept: int = _KEPT) -> None:
        self._kept, self._seen = kept, 0
        self._results: dict[str, list[_Result]] = {}

    def __call__(self, images: EvaluatedPhoto) -> None:
        """Compare the outputs for one photo with the target."""
        self._seen += 1
        for name, output in images.stylized.items():
            row = [fit_within(picture, _SIDE_PX) for picture in (images.photo, images.target, output)]
            results = [*self._results.get(name, []), _Result(psnr_db(output, images.target), row)]
            results.sort(key=lambda result: result.psnr_db)
            self._results[name] = [*results[: self._kept], *results[self._kept :][-self._kept :]]

    def sections(self) -> list[str]:
        """Return a section for each stylizer."""
        return [self._section(name, results) for name, results in self._results.items()]

    def _section(self, name: str, results: list[_Result]) -> str:
        worst, best = results[: self._kept], results[self._kept :][::-1]
        return section(
            f"Held-out photos: {name}",
            _rows(worst, f"Farthest from the target, of {self._seen}"),
            _rows(best, f"Closest to the target, of {self._seen}"),
        )


def _rows(results: list[_Result], caption: str) -> str:
    if not results:
        return ""
    values = ", ".join(f"{result.psnr_db:.1f} dB" for result in results)
    picture = sheet([result.row for result in results], ["photo", "target", "output"])
    return figure(image(picture, f"{caption}: photo, target and output in each row"), f"{caption}: {values}")
