"""`OnnxStylizer` on a filter with a known output, and on files that are no filters."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import onnx
import pytest
from PIL import Image

from pix2style import load_stylizer
from pix2style.errors import ArtifactError
from pix2style.files import sha256_file
from pix2style.images import Image8, as_array
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.spec import SPEC_KEY, SPEC_VERSION

Photos = Callable[..., list[Image8]]
ExpectedOutput = Callable[[Image8], Image8]


@pytest.mark.parametrize("size", [(64, 64), (1, 1), (3, 5), (127, 253), (480, 321), (2, 1001)])
def test_every_size_is_exact(
    red_filter: Path, red_negative: ExpectedOutput, photos: Photos, size: tuple[int, int]
) -> None:
    """Odd sizes, the size of the input, and the right colours in the right channels."""
    [photo] = photos(1, *size)
    assert np.array_equal(OnnxStylizer(red_filter)(photo), red_negative(photo))


def test_every_level_is_exact(red_filter: Path, red_negative: ExpectedOutput) -> None:
    levels = np.dstack([np.arange(256, dtype=np.uint8)[None]] * 3)
    assert np.array_equal(OnnxStylizer(red_filter)(levels), red_negative(levels))


def test_load_stylizer_opens_filter_files(red_filter: Path, red_negative: ExpectedOutput, photos: Photos) -> None:
    stylize = load_stylizer(red_filter)
    assert isinstance(stylize, OnnxStylizer)
    mixed = [photos(1, 20, 30)[0], photos(1, 31, 17)[0], photos(1, 20, 30)[0]]
    assert all(np.array_equal(a, red_negative(b)) for a, b in zip(stylize(mixed), mixed, strict=True))
    assert stylize([]) == []


def test_views_and_read_only_arrays(red_filter: Path, red_negative: ExpectedOutput, photos: Photos) -> None:
    photo = photos(1, 41, 30)[0][::-1, ::2]
    photo.flags.writeable = False
    assert np.array_equal(OnnxStylizer(red_filter)(photo), red_negative(photo))


def test_pillow_images_give_pillow_images(red_filter: Path, red_negative: ExpectedOutput, photos: Photos) -> None:
    [photo] = photos(1, 21, 33)
    alpha = np.full((21, 33), 200, np.uint8)
    out = OnnxStylizer(red_filter)(Image.fromarray(np.dstack([photo, alpha])))
    assert (out.mode, out.size) == ("RGBA", (33, 21))
    assert np.array_equal(np.asarray(out), np.dstack([red_negative(photo), alpha]))
    grey = OnnxStylizer(red_filter)(Image.fromarray(photo).convert("L"))
    assert np.array_equal(as_array(grey), red_negative(as_array(Image.fromarray(photo).convert("L"))))


def test_identity(red_filter: Path) -> None:
    stylizer = OnnxStylizer(red_filter)
    identity = stylizer.identity
    assert (identity.name, identity.licence, identity.style_sha256) == ("red-negative", "CC0-1.0", ("3" * 64,))
    assert identity.sha256 == sha256_file(red_filter)
    assert stylizer.bytes == red_filter.stat().st_size


def changed(red_filter: Path, out: Path, change: Callable[[onnx.ModelProto], object]) -> Path:
    model = onnx.load(red_filter)
    change(model)
    onnx.save(model, out)
    return out


def _set_spec(model: onnx.ModelProto, old: str, new: str) -> None:
    [entry] = [entry for entry in model.metadata_props if entry.key == SPEC_KEY]
    assert old in entry.value
    entry.value = entry.value.replace(old, new)


_SET_GLOBAL_CONTEXT = '"global_context": false', '"global_context": true'


def test_filters_with_global_context_and_no_glimpse_are_not_tiled(
    red_filter: Path, tmp_path: Path, photos: Photos
) -> None:
    path = changed(red_filter, tmp_path / "whole.onnx", lambda model: _set_spec(model, *_SET_GLOBAL_CONTEXT))
    stylize = OnnxStylizer(path, tile=8)
    stylize(photos(1, 40, 40)[0])
    assert (stylize.can_tile, stylize.tiled) == (False, 0)


def _rename_input(model: onnx.ModelProto) -> None:
    model.graph.input[0].name = "image"
    for node in model.graph.node:
        node.input[:] = ["image" if name == "photo" else name for name in node.input]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda m: m.ClearField("metadata_props"), "an ONNX file, but not a filter of pix2style"),
        (
            lambda m: _set_spec(m, f'"schema_version": {SPEC_VERSION}', '"schema_version": 99'),
            "description version 99, this pix2style reads up to 2: update pix2style",
        ),
        (lambda m: _set_spec(m, '"licence"', '"license"'), "its description is damaged"),
        (lambda m: _set_spec(m, "{", "["), "its description is damaged"),
        (_rename_input, "inputs and outputs image, stylized, but a filter has photo and stylized"),
        (lambda m: m.graph.node.pop(3), "ONNX Runtime .* cannot load it"),
    ],
)
def test_refuses_onnx_files_that_are_no_filters(
    red_filter: Path, tmp_path: Path, change: Callable[[onnx.ModelProto], object], message: str
) -> None:
    path = changed(red_filter, tmp_path / "other.onnx", change)
    with pytest.raises(ArtifactError, match=rf"other\.onnx: .*{message}"):
        OnnxStylizer(path)


@pytest.mark.parametrize("kind", ["empty", "text", "jpeg", "cut off"])
def test_refuses_other_files(
    red_filter: Path, tmp_path: Path, kind: str, capfd: pytest.CaptureFixture[str], photos: Photos
) -> None:
    path = tmp_path / "x.onnx"
    if kind == "jpeg":
        Image.fromarray(photos(1)[0]).save(path, "JPEG")
    else:
        whole = red_filter.read_bytes()
        path.write_bytes({"empty": b"", "text": b"version https://git-lfs", "cut off": whole[: len(whole) // 2]}[kind])
    with pytest.raises(ArtifactError, match=r"x\.onnx: .*damaged, not an ONNX file"):
        OnnxStylizer(path)
    assert capfd.readouterr() == ("", "")  # ONNX Runtime prints nothing itself


def test_missing_file(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match=r"none\.onnx: no such filter file"):
        OnnxStylizer(tmp_path / "none.onnx")


def test_weights_outside_the_file_are_not_followed(red_filter: Path, tmp_path: Path) -> None:
    """A filter from a stranger must not make ONNX Runtime read other files (ONNX's external data)."""
    (tmp_path / "secret").write_bytes(b"\0" * 12)
    model = onnx.load(red_filter)
    [signs] = [tensor for tensor in model.graph.initializer if tensor.name.endswith("signs")]
    signs.ClearField("raw_data")
    signs.data_location = onnx.TensorProto.EXTERNAL
    signs.external_data.add(key="location", value="secret")
    (tmp_path / "x.onnx").write_bytes(model.SerializeToString())
    with pytest.raises(ArtifactError):
        OnnxStylizer(tmp_path / "x.onnx")


@pytest.mark.skipif(sys.platform != "linux", reason="limits a process's memory in Linux's way")
@pytest.mark.parametrize("whole", [False, True])
def test_message_for_a_photo_that_is_too_large(red_filter: Path, tmp_path: Path, *, whole: bool) -> None:
    """In a process that may allocate only 1 GB more: 100 megapixels in float32 are 1.2 GB.

    The message advises tiles, unless every pixel depends on the whole photo.
    """
    path = red_filter
    if whole:
        path = changed(red_filter, tmp_path / "whole.onnx", lambda model: _set_spec(model, *_SET_GLOBAL_CONTEXT))
    program = (
        "import resource, sys, numpy as np\n"
        "from pix2style.runtime.onnx_stylizer import OnnxStylizer\n"
        "from pix2style.errors import DataError\n"
        "stylizer = OnnxStylizer(sys.argv[1], threads=1, tile=0)\n"
        "photo = np.zeros((10000, 10000, 3), np.uint8)\n"
        "limit = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize() + (1 << 30)\n"
        "resource.setrlimit(resource.RLIMIT_AS, (limit, limit))\n"
        "try: stylizer(photo)\n"
        "except DataError as error: print(error)\n"
        "print(stylizer(photo[:9, :7]).shape)\n"
    )
    done = subprocess.run([sys.executable, "-c", program, str(path)], capture_output=True, text=True, check=True)
    assert done.stderr == ""
    first, second = done.stdout.splitlines()
    assert "10000x10000 pixels need more memory than there is" in first
    assert ("every pixel depends on the whole photo" if whole else "use smaller tiles (--tile 256)") in first
    assert second == "(9, 7, 3)"  # the stylizer can still be used


def test_a_single_photo_instead_of_a_list_is_an_error(red_filter: Path, photos: Photos) -> None:
    [photo] = photos(1, 24, 32)
    with pytest.raises(ValueError, match=r"takes a list of photos \[height, width, 3\], and got one \[32, 3\]"):
        load_stylizer(red_filter).stylize(photo)  # type: ignore[arg-type]
