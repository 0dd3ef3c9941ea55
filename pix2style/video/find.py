"""Tell clips from other files by their first bytes, without PyAV."""

from __future__ import annotations

from pathlib import Path

from pix2style.images import open_file
from pix2style.images.kinds import VIDEO_SUFFIXES, is_picture_name, suffix_of

HEAD_BYTES = 4096
_MOVIE_BOXES = frozenset((b"moov", b"mdat", b"free", b"skip", b"wide", b"pnot"))
_PICTURE_BRANDS = frozenset((b"avif", b"avis", b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"))
_SOUND_BRANDS = frozenset((b"M4A ", b"M4B ", b"M4P "))
_STARTS = (
    b"\x1aE\xdf\xa3",  # Matroska, WebM
    b"FLV\x01",
    b"\x00\x00\x01\xba",  # MPEG programme stream
    b"\x00\x00\x01\xb3",  # MPEG video
    b"0&\xb2u\x8ef\xcf\x11",  # ASF, WMV
    b"\x06\x0e+4\x02\x05\x01\x01\r\x01\x02",  # MXF
    b"DKIF",  # IVF
    b"YUV4MPEG2",
    b".RMF",
    b"nut/multimedia",
)
_TS_PACKET_BYTES = 188
_PICTURE_STARTS = {
    b"\xff\xd8\xff": "JPEG",
    b"\x89PNG": "PNG",
    b"GIF8": "GIF",
    b"BM": "BMP",
    b"II*\0": "TIFF",
    b"MM\0*": "TIFF",
}
_PLAYLIST_STARTS = (
    b"#EXTM3U",
    b"ffconcat",
    b"v=0",
    b"[playlist]",
    b"[Reference]",
    b"<?xml",
    b"<MPD",
    b"<smil",
    b"RTSPtext",
)


def is_clip(path: Path) -> bool:
    """Return whether a file is to be read as a video clip: its content says so, or its name does.

    A file with the suffix of a clip is one whatever it holds: reading it then says what is wrong with it. Folders,
    and files that cannot be opened, are clips by their names alone.
    """
    by_name = suffix_of(path.name) in VIDEO_SUFFIXES
    if by_name:
        return not path.is_dir()
    try:
        with open_file(path) as stream:
            head = stream.read(HEAD_BYTES)
    except OSError:
        return False
    return holds_video(head)


def holds_video(head: bytes) -> bool:
    """Return whether a file is a container of video by its first bytes; at least those of sound are told apart."""
    if head[4:8] == b"ftyp":
        return head[8:12] not in _PICTURE_BRANDS | _SOUND_BRANDS
    if head[4:8] in _MOVIE_BOXES:
        return True
    if head[:4] == b"RIFF":
        return head[8:12] == b"AVI "
    if head[:4] == b"OggS":
        return any(mark in head for mark in (b"theora", b"BBCD", b"\x01video"))
    is_ts = len(head) > 2 * _TS_PACKET_BYTES and all(head[i] == 0x47 for i in range(0, len(head), _TS_PACKET_BYTES))
    return is_ts or head.startswith(_STARTS)


def unread_reason(path: Path, head: bytes) -> str:
    """Return why a file is surely no clip, by its first bytes; empty if it may be one."""
    if not head:
        return "the file is empty"
    if kind := _picture_kind(head):
        advice = "" if is_picture_name(path.name) else f": rename it to .{kind.lower().replace('jpeg', 'jpg')}"
        return f"a picture ({kind}), not a video{advice}"
    if head.lstrip().startswith(_PLAYLIST_STARTS):
        return "a playlist or description, not a video: give the clip itself"
    if not any(head):
        return "holds zero bytes only: copy it again from where it came"
    if _is_text(head):
        return "a text file, not a video"
    return ""


def _picture_kind(head: bytes) -> str:
    if head[4:8] == b"ftyp" and head[8:12] in _PICTURE_BRANDS:
        return "AVIF" if head[8:11] == b"avi" else "HEIC"
    if head[:4] == b"RIFF" and head[8:12] == b"WEBP":
        return "WebP"
    return next((kind for start, kind in _PICTURE_STARTS.items() if head.startswith(start)), "")


def _is_text(head: bytes) -> bool:
    try:
        text = head[:-4].decode() if len(head) == HEAD_BYTES else head.decode()
    except UnicodeDecodeError:
        return False
    return all(character.isprintable() or character in "\r\n\t\f" for character in text)
