"""Tiles give the same bytes as the whole photo, for every tile size; and memory does not grow with the photo."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pix2style import load_stylizer
from pix2style.errors import ConfigError
from pix2style.images import Image8, read_picture
from pix2style.runtime.onnx_stylizer import OnnxStylizer
from pix2style.runtime.tiles import split_axis, stylize_in_tiles

Photos = Callable[..., list[Image8]]
LiteFile = Callable[..., Path]

# Height and width: odd sizes, strips, single rows, columns and pixels, multiples of the grid and neighbours of these.
SIZES = [(97, 203), (130, 131), (5, 301), (260, 3), (1, 140), (140, 1), (1, 1), (64, 64), (65, 129)]


@pytest.mark.parametrize("tile", [1, 4, 7, 16, 30, 33, 64, 100, 250, 5000])
def test_tiles_equal_the_whole(lite_file: LiteFile, photos: Photos, tile: int) -> None:
    """Also with tiles that are smaller than the receptive field (23 here) or larger than the photo."""
    whole, tiled = (OnnxStylizer(lite_file(), tile=side, threads=1) for side in (0, tile))
    expected_tiled = 0
    for size in SIZES:
        [photo] = photos(1, *size)
        assert np.array_equal(whole(photo), tiled(photo)), size
        expected_tiled += max(size) > tile + 2 * 24
    assert tiled.tiled == pytest.approx(expected_tiled, abs=2)  # borders need no margin, so slightly larger photos fit
    assert whole.tiled == 0


def test_tiles_equal_the_whole_on_a_real_photo(lite_file: LiteFile, assets: Path) -> None:
    photo = read_picture(min((assets / "data" / "content").iterdir())).rgb
    [whole, large_tiles, small_tiles] = [
        OnnxStylizer(lite_file(), tile=tile, threads=threads)(photo) for tile, threads in ((0, 2), (100, 1), (61, 3))
    ]
    assert whole.std() > 10
    assert np.array_equal(whole, large_tiles)
    assert np.array_equal(whole, small_tiles)


def test_a_crop_on_its_own_gives_another_result(lite_file: LiteFile, photos: Photos) -> None:
    """This shows that the equality above depends on the margins and on the glimpse of the whole photo."""
    [photo] = photos(1, 120, 160)
    stylize = OnnxStylizer(lite_file(), tile=0)
    whole, alone = stylize(photo), stylize(photo[:64, :64])
    assert not np.array_equal(whole[:64, :64], alone)
    assert not np.array_equal(whole[:32, :32], alone[:32, :32])  # far from the cut only the glimpse differs


def test_strength_and_style_in_tiles(lite_file: LiteFile, photos: Photos) -> None:
    [photo] = photos(1, 151, 90)
    options = {"strength": 0.37, "style": (0.25, 0.75)}
    whole = load_stylizer(lite_file(styles=2), tile=0, **options)(photo)  # type: ignore[arg-type]
    assert np.array_equal(whole, load_stylizer(lite_file(styles=2), tile=32, **options)(photo))  # type: ignore[arg-type]


def test_filters_without_global_context_are_tiled_too(red_filter: Path, red_negative: Callable[..., Image8]) -> None:
    photo = np.random.default_rng(0).integers(0, 256, (45, 71, 3), np.uint8)
    stylize = OnnxStylizer(red_filter, tile=8)
    assert np.array_equal(stylize(photo), red_negative(photo))
    assert stylize.tiled == 1
    half = OnnxStylizer(red_filter, tile=8, strength=0.5)(
        photo
    )  # strength is applied outside of the file, tile by tile
    assert np.array_equal(half, OnnxStylizer(red_filter, tile=0, strength=0.5)(photo))


def test_a_unet_in_tiles(tmp_path: Path, photos: Photos) -> None:
    from pix2style.export.export_filter import export_filter
    from pix2style.nets.unet import Unet
    from pix2style.spec import GeneratorSpec, Provenance

    network = Unet(8, 2)
    provenance = Provenance("1" * 64, "watercolor", "2" * 64, (), "4" * 64, 5, 6)
    geometry = network.size_multiple, network.receptive_field_px, network.global_context
    path = export_filter(
        network, GeneratorSpec("u", "unet", 1, *geometry, 64, "CC0-1.0", "0.1.0", provenance), tmp_path / "u"
    )
    whole, tiled = (OnnxStylizer(path.path, tile=tile, threads=1) for tile in (0, 24))
    [photo] = photos(1, 161, 143)
    difference = np.abs(whole(photo).astype(int) - tiled(photo))
    assert tiled.tiled == 1
    assert difference.max() <= 1
    assert (difference > 0).mean() < 0.001


def test_a_tile_must_not_be_negative(lite_file: LiteFile) -> None:
    with pytest.raises(ConfigError, match="tile is -1: give a tile's side in pixels, or 0"):
        load_stylizer(lite_file(), tile=-1)


@given(
    size=st.integers(1, 500), tile=st.integers(1, 600), multiple=st.sampled_from([1, 4, 16]), margin=st.integers(0, 70)
)
def test_split_keeps_each_pixel_once_and_far_from_cuts(size: int, tile: int, multiple: int, margin: int) -> None:
    axis = split_axis(size, tile, multiple=multiple, margin=margin)
    padded = -(-size // multiple) * multiple
    assert axis.length % multiple == 0
    assert axis.length <= padded
    assert len(axis.spans) == 1 or axis.length <= tile + 2 * margin + 3 * multiple
    assert [pixel for span in axis.spans for pixel in range(span.keep_start, span.keep_end)] == list(range(size))
    for span in axis.spans:
        assert span.start % multiple == 0
        assert span.start == 0 or span.keep_start - span.start >= margin
        end = span.start + axis.length
        assert end <= padded
        assert end == padded or end - span.keep_end >= margin


def test_all_tiles_have_one_shape() -> None:
    shapes = set()
    photo = np.random.default_rng(0).integers(0, 256, (101, 222, 3), np.uint8)

    def record_shape(tile: Image8) -> Image8:
        shapes.add(tile.shape)
        return tile

    rows, columns = (split_axis(size, 40, multiple=4, margin=9) for size in photo.shape[:2])
    assert np.array_equal(stylize_in_tiles(record_shape, photo, rows, columns), photo)
    assert len(rows.spans) > 1 < len(columns.spans)
    assert len(shapes) == 1


@pytest.mark.skipif(sys.platform != "linux", reason="measures a process's memory in Linux's units")
def test_memory_for_24_megapixels(lite_file: LiteFile) -> None:
    """Photo and output are 144 MB, and the network needs memory for one tile. Without tiles it needs more than 1 GB."""
    program = (
        "import resource, sys, numpy as np\n"
        "from pix2style import load_stylizer\n"
        "stylize = load_stylizer(sys.argv[1])\n"
        "photo = np.random.default_rng(0).integers(0, 256, (4000, 6000, 3), np.uint8)\n"
        "stylize(photo[:64, :64])\n"
        "before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss\n"
        "stylize(photo)\n"
        "print(stylize.tiled, (resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) / 1024)\n"
    )
    command = [sys.executable, "-c", program, str(lite_file(channels=48, blocks=3))]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    tiled, grown_mb = done.stdout.split()
    assert tiled == "1"
    assert float(grown_mb) < 72 + 330  # the output, and a generous amount for one tile
