"""Add the groups of EXIF data to a TIFF file, which libtiff does not write for Pillow."""

from __future__ import annotations

import struct
from typing import IO

from PIL import ExifTags, Image, TiffImagePlugin

_LONG = 4  # the type of an offset, in TIFF 6.0
_ENTRY_BYTES = 12
_GROUPS = (ExifTags.IFD.Exif.value, ExifTags.IFD.GPSInfo.value)


def add_groups(stream: IO[bytes], exif_data: bytes) -> None:
    """Add camera settings and places to the first page of a TIFF file.

    They are appended to the file, and so is a copy of the page's directory that points at them.

    Args:
        stream: The file, open for reading and writing, which is not in the format BigTIFF.
        exif_data: EXIF data as Pillow writes them.
    """
    exif = Image.Exif()
    exif.load(exif_data)
    groups = {group: values for group in _GROUPS if (values := exif.get_ifd(group))}
    if not groups:
        return
    stream.seek(0)
    data = bytearray(stream.read())
    endian = "<" if data[:2] == b"II" else ">"
    (first,) = struct.unpack_from(f"{endian}I", data, 4)
    (count,) = struct.unpack_from(f"{endian}H", data, first)
    end = first + 2 + count * _ENTRY_BYTES
    entries = [bytes(data[at : at + _ENTRY_BYTES]) for at in range(first + 2, end, _ENTRY_BYTES)]
    following = bytes(data[end : end + 4])
    for group, values in groups.items():
        directory = TiffImagePlugin.ImageFileDirectory_v2(bytes(data[:8]), group=group)
        for tag, value in values.items():
            directory[tag] = value
        data += b"\0" * (len(data) % 2)
        entries.append(struct.pack(f"{endian}HHII", group, _LONG, 1, len(data)))
        data += directory.tobytes(len(data))
    data += b"\0" * (len(data) % 2)
    struct.pack_into(f"{endian}I", data, 4, len(data))
    entries.sort(key=lambda entry: struct.unpack_from(f"{endian}H", entry)[0])
    stream.seek(0)
    stream.write(bytes(data) + struct.pack(f"{endian}H", len(entries)) + b"".join(entries) + following)
