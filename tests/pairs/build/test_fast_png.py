"""Every PNG decoder gets exactly the image that the fast encoder was given."""

from __future__ import annotations

import io
import struct
import zlib

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from pix2style.images import decode_picture
from pix2style.pairs.build.fast_png import encode_png_fast as encode_png


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(1, 40), st.integers(0, 2**32 - 1), st.sampled_from(["noise", "flat", "edges"]))
def test_every_pixel_comes_back(height: int, width: int, seed: int, kind: str) -> None:
    rng = np.random.default_rng(seed)
    rgb = {
        "noise": rng.integers(0, 256, (height, width, 3), np.uint8),
        "flat": np.full((height, width, 3), rng.integers(0, 256), np.uint8),
        "edges": rng.choice(np.array([0, 255], np.uint8), (height, width, 3)),
    }[kind]
    np.testing.assert_array_equal(np.asarray(Image.open(io.BytesIO(encode_png(rgb)))), rgb)


def test_slices_and_other_readers() -> None:
    cv2 = pytest.importorskip("cv2")
    whole = np.random.default_rng(0).integers(0, 256, (50, 60, 3), np.uint8)
    part = whole[3:40:2, ::-1]  # not contiguous
    data = encode_png(part)
    np.testing.assert_array_equal(decode_picture(data, name="x").rgb, part)
    np.testing.assert_array_equal(cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)[..., ::-1], part)
    assert data == encode_png(part.copy())


def test_the_chunks_are_as_the_specification_wants() -> None:
    data = encode_png(np.zeros((2, 3, 3), np.uint8))
    assert data[:8] == b"\x89PNG\r\n\x1a\n"
    kinds, at = [], 8
    while at < len(data):
        length, kind = struct.unpack(">I4s", data[at : at + 8])
        body = data[at + 8 : at + 8 + length]
        assert struct.unpack(">I", data[at + 8 + length : at + 12 + length])[0] == zlib.crc32(kind + body)
        kinds.append(kind)
        at += 12 + length
    assert kinds == [b"IHDR", b"IDAT", b"IEND"]
