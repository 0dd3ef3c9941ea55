"""The photos and clips of a call with their outputs, in little memory however many they are."""

from __future__ import annotations

from array import array
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Protocol, overload

from pix2style.light_dataclass import dataclass
from pix2style.path_list import PathList


@dataclass(frozen=True, slots=True)
class Job:
    """A photo or clip to stylize.

    Attributes:
        source: Path of the photo or clip.
        target: Path of the stylized one.
        is_clip: Whether it is a clip.
    """

    source: Path
    target: Path
    is_clip: bool = False


class _Paths(Protocol):
    """Paths that are given as text."""

    def text(self, position: int) -> str: ...


class JobList(Sequence[Job]):
    """A list of jobs, each of which is made when it is accessed.

    Args:
        sources: Paths of the photos and clips.
        targets: Paths of their outputs, at the same positions.
        are_clips: For each of these positions 1 if it is a clip, and else 0.
        positions: The positions of the jobs that this list holds; None for all.

    Attributes:
        all_targets: Paths of all outputs, including those of jobs that this list does not hold.
    """

    __slots__ = ("_are_clips", "_positions", "_sources", "all_targets")

    def __init__(
        self, sources: _Paths, targets: PathList, are_clips: bytearray, positions: Iterable[int] | None = None
    ) -> None:
        self._sources, self.all_targets, self._are_clips = sources, targets, are_clips
        self._positions = array("I", range(len(are_clips)) if positions is None else positions)

    def at(self, positions: Iterable[int]) -> JobList:
        """Return the jobs at some positions of this list."""
        own = self._positions
        return JobList(self._sources, self.all_targets, self._are_clips, (own[position] for position in positions))

    def positions_of(self, *, clips: bool) -> Iterator[int]:
        """Yield the positions of all clips, or else of all photos."""
        return (i for i, position in enumerate(self._positions) if bool(self._are_clips[position]) is clips)

    def __len__(self) -> int:
        return len(self._positions)

    @overload
    def __getitem__(self, position: int) -> Job: ...
    @overload
    def __getitem__(self, position: slice) -> JobList: ...

    def __getitem__(self, position: int | slice) -> Job | JobList:
        places = range(len(self))[position]
        return self._made(self._positions[places]) if isinstance(places, int) else self.at(places)

    def __iter__(self) -> Iterator[Job]:
        return map(self._made, self._positions)

    def _made(self, position: int) -> Job:
        target = Path(self.all_targets.text(position))
        return Job(Path(self._sources.text(position)), target, bool(self._are_clips[position]))


def jobs_at(jobs: Sequence[Job], positions: Sequence[int]) -> Sequence[Job]:
    """Return the jobs at some positions."""
    return jobs.at(positions) if isinstance(jobs, JobList) else [jobs[position] for position in positions]
