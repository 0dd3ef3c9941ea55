"""Tests of Magenta's teacher with ONNX Runtime: the same images as with TensorFlow, and its conversion."""

from __future__ import annotations

import hashlib
import importlib.util
import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from pix2style.errors import ArtifactError
from pix2style.files import sha256_file, sha256_folder
from pix2style.images import Image8, crop_to_square, find_images, read_picture
from pix2style.teachers.magenta import MagentaTeacher, load_magenta
from pix2style.teachers.magenta.cache import locate
from pix2style.teachers.magenta.convert import convert
from pix2style.teachers.magenta.onnx_network import OnnxNetwork
from pix2style.teachers.style import StyleBlend

if importlib.util.find_spec("tf2onnx") is None:
    pytest.skip("tf2onnx is not installed: pix2style[convert]", allow_module_level=True)

FILES = ("style.onnx", "transformer.onnx", "teacher.json")


@pytest.fixture(scope="module")
def real_photos(assets: Path) -> list[Image8]:
    """Two photos of 256x256 and one of an odd size."""
    found = [read_picture(file.path).rgb for file in find_images([assets / "data" / "content"])[:3]]
    return [crop_to_square(found[0], 256), crop_to_square(found[1], 256), found[2][:211, :301]]


def test_the_images_are_those_of_tensorflow(
    converted: Path, magenta_folder: Path, assets: Path, real_photos: list[Image8]
) -> None:
    """Few values differ, and by 1 at most; for a painting, a blend, and a strength below 1."""
    paths = [assets / "data" / "styles" / f"style{n}.jpg" for n in ("08", "19")]
    styles = [
        StyleBlend.from_paintings(paths[0]),
        StyleBlend.from_paintings(*paths),
        StyleBlend.from_paintings(paths[1], strength=0.5),
    ]
    ours = load_magenta(styles, str(converted), "onnx")
    theirs = load_magenta(styles, str(magenta_folder), "tensorflow")
    for by_onnx, by_tensorflow in zip(ours, theirs, strict=True):
        outputs = by_onnx.stylize(real_photos), by_tensorflow.stylize(real_photos)
        for stylized, expected in zip(*outputs, strict=True):
            difference = np.abs(stylized.astype(int) - expected)
            assert difference.max() <= 1
            assert (difference > 0).mean() < 0.002
        assert by_onnx.identity.sha256 == by_tensorflow.identity.sha256
        assert by_onnx.identity.settings["backend"] == "onnx"


def test_a_small_network_of_another_kind_of_graph(
    small_network: Path, tmp_path: Path, any_painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    located = locate(str(small_network))
    assert located is not None
    folder = convert(located, tmp_path / "converted")
    by_onnx, by_tensorflow = (MagentaTeacher(any_painting, str(path)) for path in (folder, small_network))
    assert [by_onnx.identity.settings["backend"], by_tensorflow.identity.settings["backend"]] == ["onnx", "tensorflow"]
    for photo in photos(2, 37, 50):
        assert np.abs(by_onnx(photo).astype(int) - by_tensorflow(photo)).max() <= 1


def test_every_normalisation_became_one_node(converted: Path) -> None:
    """Magenta's network has 18; each took six passes over the image before the fusion."""
    import onnx

    kinds = [node.op_type for node in onnx.load(converted / "transformer.onnx").graph.node]
    assert kinds.count("InstanceNormalization") == 18
    assert "ReduceMean" not in kinds


def test_a_photo_depends_neither_on_the_others_nor_on_threads(
    converted: Path, assets: Path, real_photos: list[Image8]
) -> None:
    style = StyleBlend.from_paintings(assets / "data" / "styles" / "style08.jpg")
    [alone] = load_magenta([style], str(converted), threads=1)
    [together] = load_magenta([style], str(converted), threads=3)
    images = [*real_photos, *real_photos[::-1]]
    expected = [alone.stylize([photo])[0] for photo in images]
    for _ in range(3):
        for stylized, output in zip(together.stylize(images), expected, strict=True):
            np.testing.assert_array_equal(stylized, output)


def test_every_thread_stylizes_a_photo_at_the_same_time(converted: Path, any_painting: Path) -> None:
    network = OnnxNetwork(converted, threads=2)
    barrier, transfer_style = threading.Barrier(2, timeout=100), network.transfer_style

    def transfer_together(*arrays: np.ndarray) -> np.ndarray:
        barrier.wait()  # raises unless two threads come
        return transfer_style(*arrays)

    network.transfer_style = transfer_together  # type: ignore[method-assign]
    photo = np.zeros((16, 16, 3), np.uint8)
    assert len(MagentaTeacher(any_painting, network=network).stylize([photo] * 4)) == 4


def test_photos_of_the_same_size_are_batched_if_the_network_takes_batches(
    converted: Path, any_painting: Path, real_photos: list[Image8]
) -> None:
    """As on a GPU. With a strength below 1, photos go one by one, because their style vectors differ."""
    network = OnnxNetwork(converted, threads=1)
    sizes, transfer_style = [], network.transfer_style

    def recording(photos: np.ndarray, vector: np.ndarray) -> np.ndarray:
        sizes.append(photos.shape[:3])
        return transfer_style(photos, vector)

    network.transfer_style, network.batch = recording, 4  # type: ignore[method-assign]
    small = [photo[:64, :64] for photo in real_photos]
    images = [real_photos[0], *small, real_photos[2], real_photos[1]]
    stylized = MagentaTeacher(any_painting, network=network).stylize(images)
    assert sizes == [(2, 256, 256), (3, 64, 64), (1, 212, 304)]
    one_by_one = MagentaTeacher(any_painting, str(converted))
    for photo, output in zip(images, stylized, strict=True):
        assert output.shape == photo.shape
        assert np.abs(output.astype(int) - one_by_one(photo)).max() <= 1
    sizes.clear()
    MagentaTeacher(StyleBlend.from_paintings(any_painting, strength=0.5), network=network).stylize(images[:2])
    assert [size[0] for size in sizes] == [1, 1]


def test_neither_tensorflow_nor_torch_is_imported(converted: Path, any_painting: Path) -> None:
    code = (
        "import sys, numpy; from pix2style.loading import load_stylizer;"
        "load_stylizer('magenta:' + sys.argv[1], teacher_module=sys.argv[2])(numpy.zeros((8, 8, 3), 'uint8'));"
        "print([name for name in ('tensorflow', 'torch', 'onnx', 'tf2onnx') if name in sys.modules])"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(any_painting), str(converted)], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "[]\n", "")


def test_the_conversion_in_the_cache_is_found_by_the_networks_digest(
    cache: Path, converted: Path, magenta_folder: Path, small_network: Path, any_painting: Path
) -> None:
    place = cache / "converted" / sha256_folder(magenta_folder)
    shutil.copytree(converted, place)
    settings = MagentaTeacher(any_painting, str(magenta_folder)).identity.settings
    assert settings["backend"] == "onnx"
    assert len(str(settings["onnx_sha256"])) == 64
    # Another network has no conversion in the cache, and an explicit backend has priority.
    assert MagentaTeacher(any_painting, str(small_network)).identity.settings["backend"] == "tensorflow"
    explicit = MagentaTeacher(any_painting, str(magenta_folder), "tensorflow").identity
    assert (explicit.settings["backend"], "onnx_sha256" in explicit.settings) == ("tensorflow", False)
    # A conversion in the wrong folder is refused.
    place.rename(cache / "converted" / sha256_folder(small_network))
    with pytest.raises(ArtifactError, match="made from another network"):
        MagentaTeacher(any_painting, str(small_network))


def test_a_converted_folder_cannot_be_run_by_tensorflow(converted: Path, any_painting: Path) -> None:
    with pytest.raises(ArtifactError, match="TensorFlow needs the SavedModel"):
        MagentaTeacher(any_painting, str(converted), "tensorflow")


# --- the files -----------------------------------------------------------------------------------------------------


def test_the_record_names_the_source_and_the_versions(converted: Path, magenta_folder: Path) -> None:
    record = json.loads((converted / "teacher.json").read_text())
    assert sorted(path.name for path in converted.iterdir()) == sorted(FILES)
    assert record["source_sha256"] == sha256_folder(magenta_folder)
    assert (record["style_length"], record["licence"], record["schema_version"]) == (26, "Apache-2.0", 1)
    for name in FILES[:2]:
        assert record["files"][name]["sha256"] == sha256_file(converted / name)
    assert {"tensorflow", "tf2onnx", "onnx", "pix2style", "converter"} == set(record["versions"])
    assert str(magenta_folder.parent) not in (converted / "teacher.json").read_text()


def test_the_same_network_gives_the_same_bytes(small_network: Path, tmp_path: Path) -> None:
    """In processes with different hash seeds."""
    code = (
        "import sys; from pathlib import Path; from pix2style.teachers.magenta.cache import locate;"
        "from pix2style.teachers.magenta.convert import convert; convert(locate(sys.argv[1]), Path(sys.argv[2]))"
    )
    digests = set()
    for seed in ("1", "2"):
        out = tmp_path / seed
        subprocess.run([sys.executable, "-c", code, str(small_network), str(out)], check=True, env=_seeded(seed))
        digests.add(sha256_folder(out))
    assert len(digests) == 1


def _seeded(seed: str) -> dict[str, str]:
    return {**os.environ, "PYTHONHASHSEED": seed}


@pytest.fixture(scope="module")
def branches() -> Callable[[object], object]:
    """A network for which tf2onnx's optimised graph depends on the order of nodes; it has an Einsum too."""
    import tensorflow as tf

    rng = np.random.default_rng(0)
    sizes = ((1, 1, 3, 7), (1, 1, 7, 4))
    weights = [[rng.normal(0, 1, size).astype(np.float32) for size in sizes] for _ in range(8)]

    def run(painting: object) -> object:
        mean = tf.reduce_mean(tf.image.resize(painting, (16, 16), "area"), [1, 2], keepdims=True)

        def branch(one: np.ndarray, other: np.ndarray) -> object:
            return tf.nn.conv2d(tf.math.tanh(tf.nn.conv2d(mean, one, 1, "VALID")), other, 1, "VALID")

        return tf.concat([branch(*pair) for pair in weights], 3)

    return run


def test_neither_the_order_of_sets_nor_earlier_conversions_change_the_bytes(
    branches: Callable[[object], object], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Sets of tf2onnx's nodes come in eight random orders, and its counter of names starts at other numbers."""
    import tensorflow as tf
    import tf2onnx

    from pix2style.teachers.magenta import convert as module

    converted = set()
    for salt in range(8):

        def hash_of_node(node: object, salt: int = salt) -> int:
            return int(hashlib.sha256(f"{salt} {getattr(node, 'name', id(node))}".encode()).hexdigest()[:15], 16)

        monkeypatch.setattr(tf2onnx.graph.Node, "__hash__", hash_of_node)
        monkeypatch.setattr(tf2onnx.utils, "INTERNAL_NAME", 40 * salt)
        converted.add(module._to_onnx(tf, branches, {"painting": ("batch", 256, 256, 3)}, "vector"))
    assert len(converted) == 1


def test_a_wrong_conversion_of_area_resizing_is_refused(
    magenta_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.teachers.magenta import convert as module

    monkeypatch.setattr(module, "_HANDLERS", {})
    located = locate(str(magenta_folder))
    assert located is not None
    with pytest.raises(ArtifactError, match="output differs from TensorFlow"):
        convert(located, tmp_path / "converted")


@pytest.mark.parametrize(("size", "to_size"), [(256, 16), (10, 4), (7, 7)])
def test_area_weights_are_tensorflows(size: int, to_size: int) -> None:
    import tensorflow as tf

    from pix2style.teachers.magenta.convert import _area_weights

    picture = np.random.default_rng(0).random((1, size, 3, 2), np.float32)
    expected = tf.raw_ops.ResizeArea(images=picture, size=[to_size, 3]).numpy()
    ours = np.einsum("ih,bhwc->biwc", _area_weights(size, to_size), picture)
    np.testing.assert_allclose(ours, expected, atol=1e-6)


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("damage", ["cut", "gone", "flipped"])
def test_a_damaged_conversion(tmp_path: Path, converted: Path, any_painting: Path, name: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(converted, copy)
    data = bytearray((copy / name).read_bytes())
    (copy / name).unlink()
    if damage != "gone":
        data[len(data) // 2] ^= 0xFF
        (copy / name).write_bytes(data[: len(data) // 2] if damage == "cut" else data)
    with pytest.raises(ArtifactError, match=rf"copy.{name}: .*(damaged|cannot be read)"):
        MagentaTeacher(any_painting, str(copy))


def test_an_unknown_schema_version(tmp_path: Path, converted: Path, any_painting: Path) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(converted, copy)
    text = (copy / "teacher.json").read_text().replace('"schema_version": 1', '"schema_version": 2')
    (copy / "teacher.json").write_text(text)
    with pytest.raises(ArtifactError, match="schema version 2"):
        MagentaTeacher(any_painting, str(copy))


def test_a_conversion_with_another_output_leaves_nothing(
    small_network: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.teachers.magenta import convert as module

    monkeypatch.setattr(module, "_TOLERANCE", -1.0)
    located = locate(str(small_network))
    assert located is not None
    with pytest.raises(ArtifactError, match="output differs from TensorFlow"):
        convert(located, tmp_path / "out" / "converted")
    assert list((tmp_path / "out").iterdir()) == []


def test_the_message_for_a_photo_too_large_for_the_memory_names_its_size(converted: Path, any_painting: Path) -> None:
    code = (
        "import sys, resource, numpy; from pathlib import Path\n"
        "from pix2style.teachers.magenta import MagentaTeacher; from pix2style.errors import PhotoError\n"
        "teacher = MagentaTeacher(Path(sys.argv[1]), sys.argv[2]); small = numpy.zeros((64, 64, 3), 'uint8')\n"
        "teacher(small); used = int(open('/proc/self/statm').read().split()[0]) * resource.getpagesize()\n"
        "resource.setrlimit(resource.RLIMIT_AS, (used + (1 << 30), used + (1 << 30)))\n"
        "try: teacher(numpy.zeros((4000, 4000, 3), 'uint8'))\n"
        "except PhotoError as error: print(error)\n"
        "teacher(small)\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(any_painting), str(converted)], check=False, capture_output=True, text=True
    )
    assert (done.returncode, done.stderr) == (0, "")
    assert "4000x4000 pixels need more memory" in done.stdout
