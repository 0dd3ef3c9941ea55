"""Damage the files of a pair set in the ways that disks, networks and scripts damage them."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

from hypothesis import strategies as st

from pix2style.files import sha256_file

_DUPLICATE = "\0duplicate\0"
_DEEP = "\0deep\0"
# json.dumps writes the first two as NaN and Infinity, which strict JSON does not allow.
ODD_VALUES: list[Any] = [
    float("nan"),
    float("inf"),
    -1,
    2**31,
    2**63,
    2**64,
    10**400,
    1.5,
    1e300,
    0,
    True,
    None,
    "",
    "../../../etc/passwd",
    "/etc/passwd",
    "val-00000",
    "train-00000/../../x",
    "a\0b",
    "\ud800",
    "0" * 64,
    "x" * 100_000,
    [],
    {},
    [[]],
    _DEEP,
]


def damaged_bytes(draw: st.DrawFn, data: bytes) -> bytes:
    """Change, cut off, append, insert, swap, repeat, blank or replace some bytes."""
    kind = draw(st.sampled_from(["flip", "cut", "extend", "insert", "remove", "swap", "repeat", "blank", "junk"]))
    start = draw(st.integers(0, max(0, len(data) - 1)))
    length = draw(st.one_of(st.integers(1, 8), st.sampled_from([512, 1024, 4096])))
    end = min(len(data), start + length)
    if kind == "flip" and data:
        return data[:start] + bytes([data[start] ^ draw(st.integers(1, 255))]) + data[start + 1 :]
    if kind == "cut":
        return data[:start]
    if kind == "extend":
        return data + draw(st.sampled_from([b"\0", b"\0" * 10240, b"}", data[:512], b"\xff" * 7]))
    if kind == "insert":
        return data[:start] + draw(st.binary(min_size=1, max_size=20)) + data[start:]
    if kind == "remove":
        return data[:start] + data[end:]
    if kind == "swap":
        other = draw(st.integers(0, max(0, len(data) - length)))
        first, second = sorted((min(start, max(0, len(data) - length)), other))
        if first + length <= second:
            a, b = data[first : first + length], data[second : second + length]
            return data[:first] + b + data[first + length : second] + a + data[second + length :]
        return data
    if kind == "repeat":
        return data[:end] + data[start:]
    if kind == "blank":
        return data[:start] + b"\0" * (end - start) + data[end:]
    return data[:start] + draw(st.binary(min_size=end - start, max_size=end - start)) + data[end:]


def damaged_json(draw: st.DrawFn, text: bytes) -> bytes:
    """Return a document with a replaced value, a duplicate or missing key, two swapped values, or very deep nesting."""
    document = json.loads(text)
    holder, key = draw(st.sampled_from(list(_places(document))))
    value = draw(st.one_of(st.sampled_from(ODD_VALUES), st.sampled_from([h[k] for h, k in _places(document)])))
    kind = draw(st.sampled_from(["replace", "double", "remove", "swap"]))
    if kind == "remove":
        del holder[key]
    elif kind == "swap":
        other_holder, other_key = draw(st.sampled_from(list(_places(document))))
        holder[key], other_holder[other_key] = other_holder[other_key], holder[key]
    elif kind == "double" and isinstance(holder, dict):
        holder[_DUPLICATE + key] = value
    else:
        holder[key] = value
    try:
        written = json.dumps(document)
    except (ValueError, RecursionError):  # a value that contains itself
        return text
    deep = json.dumps(_DEEP)
    return written.replace(json.dumps(_DUPLICATE)[1:-1], "").replace(deep, "[" * 3000 + "]" * 3000).encode()


def reseal(folder: Path) -> None:
    """Update digests and sizes after a change of the files, as a script that tampers with a set would do it."""
    manifest = json.loads((folder / "manifest.json").read_bytes())
    for record in manifest["shards"]:
        tar, index = (folder / "shards" / f"{record['name']}.{kind}" for kind in ("tar", "json"))
        document = json.loads(index.read_bytes())
        document |= {"sha256": sha256_file(tar), "size": tar.stat().st_size}
        index.write_text(json.dumps(document))
        record |= {"sha256": sha256_file(tar), "size": tar.stat().st_size, "index_sha256": sha256_file(index)}
        record["pairs"] = len(document["pairs"])
    (folder / "manifest.json").write_text(json.dumps(manifest))


def _places(value: Any) -> Any:
    """Yield each container of a document with each of its keys or indices."""
    keys = list(value) if isinstance(value, dict) else range(len(value)) if isinstance(value, list) else []
    for key in keys:
        yield value, key
        yield from _places(value[key])
