"""Copy what a clip says about itself: title, chapters, and language, title and purpose of its tracks.

More is copied only if a person asks for it: clips of phones say where and when they were taken, and by what.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pix2style.images import KeepMetadata

if TYPE_CHECKING:
    from collections.abc import Mapping

    from av.container import InputContainer, OutputContainer
    from av.stream import Stream

    from pix2style.video.tracks import Part

_ORIGIN = "pix2style"
_TRACK_TAGS = ("language", "title")
# What `safe` keeps, by the names under which FFmpeg's writers take it.
_SAFE_TAGS = frozenset(("artist", "copyright", "creation_time", "date", "make", "model"))
_OTHER_NAMES = {"author": "artist", "creationdate": "date"}
_QUICKTIME = "com.apple.quicktime."
# What describes the file itself, and the tag that bears the note.
_ABOUT_THE_FILE = frozenset(
    ("comment", "compatible_brands", "encoder", "handler_name", "major_brand", "minor_version", "rotate", "title")
)
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


def copy_tags(
    original: InputContainer,
    output: OutputContainer,
    part: Part,
    origin: str | None,
    keep: KeepMetadata = KeepMetadata.NONE,
) -> None:
    """Copy the title and the chapters of a part of a clip, and add a note that says what made the output.

    Args:
        original: The source.
        output: The output, to which nothing has been written.
        part: The part of the source that the output shows.
        origin: The note; None adds none.
        keep: What else is copied. A container leaves out what it has no place for, as MP4 does with cameras.
    """
    output.metadata.update(_kept_tags(original.metadata, keep))
    if title := original.metadata.get("title"):
        output.metadata["title"] = title
    if origin is not None:
        output.metadata["comment"] = f"{_ORIGIN} {origin}"
    if chapters := _chapters(original, part):
        output.set_chapters(chapters)


def _kept_tags(tags: Mapping[str, str], keep: KeepMetadata) -> dict[str, str]:
    """Return the tags to keep, by the names under which they are written."""
    if keep is KeepMetadata.NONE:
        return {}
    kept: dict[str, str] = {}
    for key, text in tags.items():
        name = key.lower().removeprefix(_QUICKTIME)
        name = _OTHER_NAMES.get(name, name)
        if name not in _ABOUT_THE_FILE and (keep is KeepMetadata.ALL or name in _SAFE_TAGS):
            kept.setdefault(name, text)
    if place := kept.pop("location.iso6709", None):
        kept.setdefault("location", place)
    return kept


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
