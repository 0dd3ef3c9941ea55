"""Copy what a clip says about itself: title, chapters, and language, title and purpose of its tracks.

Nothing else is copied: clips of phones say where and when they were taken, and by what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

    from pix2style.video.tracks import Part

_ORIGIN = "pix2style"
_TRACK_TAGS = ("language", "title")
# FFmpeg writes languages into QuickTime files by names that it knows from there, and leaves out others.
_QUICKTIME_LANGUAGES = {
    "deu": "ger",
    "ell": "gre",
    "isl": "ice",
    "mkd": "mac",
    "nld": "dut",
    "sqi": "alb",
    "swe": "sve",
    "zho": "chi",
}


def copy_tags(original: InputContainer, output: OutputContainer, part: Part, origin: str | None) -> None:
    """Copy the title and the chapters of a part of a clip, and add a note that says what made the output.

    Args:
        original: The source.
        output: The output, to which nothing has been written.
        part: The part of the source that the output shows.
        origin: The note; None adds none.
    """
    if title := original.metadata.get("title"):
        output.metadata["title"] = title
    if origin is not None:
        output.metadata["comment"] = f"{_ORIGIN} {origin}"
    if chapters := _chapters(original, part):
        output.set_chapters(chapters)


def copy_track_tags(track: Stream, copy: Stream) -> None:
    """Copy language, title and purpose of a track."""
    copy.metadata.update({key: track.metadata[key] for key in _TRACK_TAGS if track.metadata.get(key)})
    if copy.container.format.name == "mov" and (language := track.metadata.get("language")):
        copy.metadata["language"] = _QUICKTIME_LANGUAGES.get(language, language)
    copy.disposition = track.disposition


def _chapters(original: InputContainer, part: Part) -> list[Any]:
    """Return the chapters that lie in a part, in its times."""
    chapters: list[Any] = []
    known: list[Any] = original.chapters()
    for chapter in known:
        base = chapter["time_base"]
        first = part.shift if part.begin is None else part.begin
        begin = max(chapter["start"] * base, first)
        end = chapter["end"] * base if part.end is None else min(chapter["end"] * base, part.end)
        if begin < end:
            times = {"start": round((begin - part.shift) / base), "end": round((end - part.shift) / base)}
            title = {key: value for key, value in chapter["metadata"].items() if key == "title"}
            chapters.append({"id": chapter["id"], "time_base": base, "metadata": title, **times})
    return chapters
