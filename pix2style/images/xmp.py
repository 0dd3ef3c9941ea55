"""Take out of XMP packets what is not true of an output: orientation, previews, and pictures beside the main one."""

from __future__ import annotations

import re

_MOST_BYTES = 65_000  # with its heading, it has to fit into a segment of a JPEG file
_PREVIEWS = re.compile(
    rb"<(?P<tag>[\w.-]+:(?:Thumbnails|PreviewImage))\b(?:[^>]*/>|.*?</(?P=tag)\s*>)", re.DOTALL | re.IGNORECASE
)
# Each start that has no end is searched for to the end of the packet. Real packets have one or two.
_STARTS = re.compile(rb"<[\w.-]+:(?:Thumbnails|PreviewImage|Orientation)\b", re.IGNORECASE)
_MOST_STARTS = 20
_MOST_READ_BYTES = 4_000_000
_ORIENTATION = re.compile(rb"(\btiff:Orientation\s*=\s*[\"'])[^\"']*|(<tiff:Orientation[^>]*>)[^<]*", re.IGNORECASE)
# Attributes and elements by which phones say that further pictures follow the main one in the file.
_FURTHER_PICTURES = (
    b"hdr-gain-map",
    b"photos/1.0/container",
    b"photos/1.0/depthmap",
    b"photos/1.0/image",
    b"photos/1.0/camera",
)
_NOT_KEPT = "its XMP is not kept: "


def clean_xmp(packet: bytes | str) -> tuple[bytes, tuple[str, ...]]:
    """Return an XMP packet without orientation and previews; empty with a note if it cannot be kept.

    Args:
        packet: The packet of the photo.
    """
    data = packet.encode("utf-8", "surrogateescape") if isinstance(packet, str) else packet
    data = data.rstrip(b"\0")
    if not data:
        return b"", ()
    if any(mark in data for mark in _FURTHER_PICTURES):
        return b"", (_NOT_KEPT + "it describes further pictures, which the output does not have",)
    if len(data) > _MOST_READ_BYTES:
        return b"", (_NOT_KEPT + "it is too large",)
    if len(_STARTS.findall(data)) > _MOST_STARTS:
        return b"", (_NOT_KEPT + "it is damaged",)
    cleaned = _PREVIEWS.sub(b"", data)
    cleaned = _ORIENTATION.sub(lambda match: (match[1] or match[2]) + b"1", cleaned)
    if len(cleaned) > _MOST_BYTES:
        return b"", (_NOT_KEPT + "it is too large",)
    if reason := _why_unfit(cleaned):
        return b"", (_NOT_KEPT + reason,)
    return cleaned, ()


def _why_unfit(data: bytes) -> str:
    """Return why a packet cannot be kept: it is damaged, or still has what had to be taken out."""
    from xml.parsers import expat

    found: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        for key in (name, *attributes):
            local = key.rpartition(":")[2].lower()
            if local in ("thumbnails", "thumbnail", "previewimage") or "xmpgimg" in key.lower():
                found.append("it holds a preview of the photo as it was")
            if local == "orientation" and attributes.get(key, "1") != "1":
                found.append("it states an orientation in a way that is not understood")

    def refuse(*_: object) -> None:
        raise ValueError("it defines entities")

    parser = expat.ParserCreate()
    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = refuse
    parser.EntityDeclHandler = refuse
    try:
        data.decode("utf-8")
        parser.Parse(data, True)
    except (expat.ExpatError, ValueError):
        return "it is damaged"
    return found[0] if found else ""
