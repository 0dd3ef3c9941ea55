"""Tests of Magenta's teacher with TensorFlow: the hub module's own output, other networks, and damaged ones."""

from __future__ import annotations

import importlib.util
import os
import pickle
import shutil
import subprocess
import sys
from collections.abc import Callable, Mapping
from pathlib import Path

import numpy as np
import pytest

from pix2style.config.pairs import PairsConfig
from pix2style.errors import ArtifactError, ImageError
from pix2style.files import sha256_file, sha256_folder
from pix2style.images import Image8, crop_to_square, find_images, read_picture, resize
from pix2style.stylizer import Setting
from pix2style.teachers.magenta import MODULE_VARIABLE, MagentaTeacher, load_magenta
from pix2style.teachers.magenta.backend import open_network
from pix2style.teachers.magenta.network import Floats, MagentaNetwork, from_unit, to_unit
from pix2style.teachers.spec import TeacherSpec
from pix2style.teachers.style import StyleBlend

# Not importorskip: TensorFlow must not be loaded before triton (see _load_triton_first).
if importlib.util.find_spec("tensorflow") is None:
    pytest.skip("TensorFlow is not installed: pix2style[magenta]", allow_module_level=True)


@pytest.fixture(scope="module")
def painting(assets: Path) -> Path:
    return assets / "data" / "styles" / "style08.jpg"


@pytest.fixture(scope="module")
def teacher(magenta_folder: Path, painting: Path) -> MagentaTeacher:
    return MagentaTeacher(painting, str(magenta_folder), "tensorflow")


class RecordingNetwork(MagentaNetwork):
    """A real network that records its inputs."""

    def __init__(self, inner: MagentaNetwork) -> None:
        self.inner, self.source_sha256, self.style_length = inner, inner.source_sha256, inner.style_length
        self.predicted: list[Floats] = []
        self.vectors: list[Floats] = []

    @property
    def settings(self) -> Mapping[str, Setting]:
        return self.inner.settings

    def predict_style(self, paintings: Floats) -> Floats:
        self.predicted.append(paintings)
        return self.inner.predict_style(paintings)

    def transfer_style(self, photos: Floats, vector: Floats) -> Floats:
        self.vectors.append(vector)
        return self.inner.transfer_style(photos, vector)


@pytest.fixture
def recording(teacher: MagentaTeacher) -> RecordingNetwork:
    return RecordingNetwork(teacher._network)


# --- stylizing ------------------------------------------------------------------------------------------------------


@pytest.mark.skipif(importlib.util.find_spec("tensorflow_hub") is None, reason="tensorflow_hub is not installed")
def test_equals_the_hub_modules_own_output(
    teacher: MagentaTeacher, magenta_folder: Path, painting: Path, assets: Path
) -> None:
    import tensorflow as tf
    import tensorflow_hub as hub

    photo = read_picture(find_images([assets / "data" / "content"])[0].path).rgb[:320, :480]
    style = crop_to_square(read_picture(painting, to_srgb=True).on_white(), 256)
    module = hub.load(str(magenta_folder))
    own = module(tf.constant(photo[None] / np.float32(255)), tf.constant(style[None] / np.float32(255)))[0]
    expected = np.rint(np.clip(own.numpy()[0], 0, 1) * 255).astype(np.uint8)
    [stylized] = teacher.stylize([photo])
    np.testing.assert_array_equal(stylized, expected)
    assert np.abs(stylized.astype(int) - photo).mean() > 10  # it did stylize


@pytest.mark.parametrize("size", [(127, 253), (321, 10), (5, 3), (1, 1), (1, 9), (8, 8)])
def test_the_output_has_the_photos_size(
    teacher: MagentaTeacher, photos: Callable[..., list[Image8]], size: tuple[int, int]
) -> None:
    [stylized] = teacher.stylize(photos(1, *size))
    assert stylized.shape == (*size, 3)
    assert stylized.dtype == np.uint8


def test_odd_sizes_stay_aligned_with_the_photo(teacher: MagentaTeacher, photos: Callable[..., list[Image8]]) -> None:
    """A photo without its last rows gives the same as the whole photo there, not shifted or stretched."""
    [photo] = photos(1, 128, 192)
    whole, part = teacher.stylize([photo, photo[:127, :190]])
    moved = np.abs(whole[:127, :190].astype(int) - part)[:100, :160].mean()
    shifted = np.abs(whole[1:101, 1:161].astype(int) - part[:100, :160]).mean()
    assert moved < 1.5
    assert shifted > 3 * moved


def test_a_photo_does_not_depend_on_the_others(teacher: MagentaTeacher, assets: Path) -> None:
    """Real photos of 320 pixels: in one batch, TensorFlow changes some values by 1."""
    found = find_images([assets / "data" / "content"])[:4]
    photos = [crop_to_square(read_picture(file.path).rgb, 320) for file in found]
    photos.insert(1, photos[0][:61, :90])
    for photo, stylized in zip(photos, teacher.stylize(photos), strict=True):
        np.testing.assert_array_equal(stylized, teacher.stylize([photo])[0])
    assert teacher.stylize([]) == []


def test_each_8_bit_value_survives_the_conversion() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(from_unit(to_unit(levels)), levels)


# --- cutting the network --------------------------------------------------------------------------------------------


def test_the_style_of_the_real_network_is_26_numbers(teacher: MagentaTeacher) -> None:
    assert teacher._network.style_length == 26


def test_another_network_is_cut_at_the_tensor_that_carries_all_of_the_style_and_no_photo(
    small_network: Path, any_painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    import tensorflow as tf

    teacher = MagentaTeacher(any_painting, str(small_network), "tensorflow")
    assert teacher._network.style_length == 7
    [photo] = photos(1, 24, 36)
    style = to_unit(crop_to_square(read_picture(any_painting).rgb, 256))[None]
    own = tf.saved_model.load(str(small_network))(tf.constant(to_unit(photo)[None]), tf.constant(style))[0]
    np.testing.assert_array_equal(teacher(photo), from_unit(own.numpy()[0]))


def test_a_cut_that_changes_the_output_is_refused(
    small_network: Path, any_painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.teachers.magenta import tensorflow_network

    cut = tensorflow_network._cut

    def cut_and_spoil(*given: object) -> object:
        predictor, transformer = cut(*given)
        return predictor, lambda photo, vector: transformer(photo, vector * 1.001)

    monkeypatch.setattr(tensorflow_network, "_cut", cut_and_spoil)
    with pytest.raises(ArtifactError, match="halves of the cut network do not give the output of the whole"):
        MagentaTeacher(any_painting, str(small_network), "tensorflow")


# --- styles ---------------------------------------------------------------------------------------------------------


def test_the_style_vector_is_computed_once_and_not_for_every_photo(
    recording: RecordingNetwork, painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    teacher = MagentaTeacher(painting, network=recording)
    teacher.stylize(photos(5))
    teacher.stylize(photos(2, 20, 20))
    assert (len(recording.predicted), len(recording.vectors)) == (1, 7)


def test_several_paintings_are_averaged_by_their_weights(
    recording: RecordingNetwork, assets: Path, photos: Callable[..., list[Image8]]
) -> None:
    paintings = tuple(assets / "data" / "styles" / f"style{n}.jpg" for n in ("08", "19"))
    teacher = MagentaTeacher(StyleBlend("blended", paintings, (1.0, 3.0)), network=recording)
    [photo] = photos(1)
    blended = teacher(photo)
    first, second = (recording.inner.predict_style(one) for one in recording.predicted)
    np.testing.assert_allclose(recording.vectors[0], 0.25 * first + 0.75 * second, atol=1e-6)
    alone = [MagentaTeacher(path, network=recording.inner)(photo) for path in paintings]
    assert all(np.abs(blended.astype(int) - one).mean() > 1 for one in alone)
    identity = teacher.identity
    assert identity.name == "magenta:blended"
    assert identity.style_sha256 == tuple(sha256_file(path) for path in paintings)
    assert identity.settings["weights"] == "0.25 0.75"


def test_strength_blends_with_the_photos_own_vector(
    recording: RecordingNetwork, painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    given = photos(2, 60, 90)
    teacher = MagentaTeacher(StyleBlend.from_paintings(painting, strength=0.25), network=recording)
    teacher.stylize(given)
    style, *own = (recording.inner.predict_style(one) for one in recording.predicted)
    assert len(own) == 2
    for photo, vector, blended in zip(given, own, recording.vectors, strict=True):
        np.testing.assert_array_equal(vector, recording.inner.predict_style(to_unit(resize(photo, 256, 256))[None]))
        np.testing.assert_allclose(blended, 0.25 * style + 0.75 * vector, atol=1e-6)
    assert teacher.identity.settings["strength"] == 0.25


def test_styles_share_one_network(magenta_folder: Path, assets: Path, photos: Callable[..., list[Image8]]) -> None:
    styles = [StyleBlend.from_paintings(assets / "data" / "styles" / f"style{n}.jpg") for n in ("08", "19")]
    teachers = load_magenta(styles, str(magenta_folder), "tensorflow")
    assert [teacher.identity.name for teacher in teachers] == ["magenta:style08.jpg", "magenta:style19.jpg"]
    assert teachers[0]._network is teachers[1]._network
    [photo] = photos(1, 64, 64)
    assert np.abs(teachers[0](photo).astype(int) - teachers[1](photo)).mean() > 5


def test_a_spec_can_be_sent_to_another_process(
    small_network: Path, any_painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    pairs = PairsConfig(teacher="magenta", style=any_painting, module=str(small_network), backend="tensorflow")
    spec = TeacherSpec(pairs)
    [here], [there] = spec.load(), pickle.loads(pickle.dumps(spec)).load()
    assert here.identity == there.identity
    np.testing.assert_array_equal(here(photos(1)[0]), there(photos(1)[0]))


def test_the_identity_names_network_and_painting(teacher: MagentaTeacher, magenta_folder: Path, painting: Path) -> None:
    identity = teacher.identity
    assert identity.name == "magenta:style08.jpg"
    assert identity.sha256 == sha256_folder(magenta_folder)
    assert identity.style_sha256 == (sha256_file(painting),)
    assert identity.licence == "Apache-2.0"
    assert identity.settings["backend"] == "tensorflow"
    assert "weights" not in identity.settings
    assert str(magenta_folder) not in str(identity)


def test_the_environment_variable_names_the_module(
    small_network: Path, any_painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(MODULE_VARIABLE, str(small_network))
    assert MagentaTeacher(any_painting).identity.sha256 == sha256_folder(small_network)
    with pytest.raises(ArtifactError, match="nowhere"):  # the argument comes first
        MagentaTeacher(any_painting, module="nowhere")


def test_nothing_is_written_to_stderr(magenta_folder: Path, painting: Path) -> None:
    code = (
        "import sys, numpy; from pathlib import Path; from pix2style.loading import load_stylizer;"
        "load_stylizer('magenta:' + sys.argv[1], teacher_module=sys.argv[2])(numpy.zeros((8, 8, 3), 'uint8'));"
        "import os; assert os.environ['TF_FORCE_GPU_ALLOW_GROWTH'] == 'true'; assert 'torch' not in sys.modules"
    )
    environment = {k: v for k, v in os.environ.items() if not k.startswith("TF_")}
    done = subprocess.run(
        [sys.executable, "-c", code, str(painting), str(magenta_folder)],
        check=False,
        capture_output=True,
        text=True,
        env=environment,
    )
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


@pytest.mark.skipif(importlib.util.find_spec("triton") is None, reason="triton is not installed")
def test_torch_can_import_its_compiler_afterwards(any_painting: Path, magenta_folder: Path) -> None:
    """TensorFlow and triton each have an LLVM; in the wrong order, the second one aborts the process."""
    code = (
        "import sys; from pix2style.loading import load_stylizer;"
        "load_stylizer('magenta:' + sys.argv[1], teacher_module=sys.argv[2]); import torch._dynamo"
    )
    done = subprocess.run(
        [sys.executable, "-c", code, str(any_painting), str(magenta_folder)],
        check=False,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stderr


# --- errors ---------------------------------------------------------------------------------------------------------


def test_a_missing_or_broken_painting_is_named(tmp_path: Path, magenta_folder: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    for path in (tmp_path / "missing.jpg", broken, tmp_path):
        with pytest.raises(ImageError, match=path.name):
            MagentaTeacher(path, module=str(magenta_folder))
        with pytest.raises(ImageError, match=path.name):
            load_magenta([StyleBlend.from_paintings(path)], module="nowhere")  # reported before the network is loaded


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_that_is_not_a_saved_model(tmp_path: Path, any_painting: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"is no SavedModel folder.*kaggle.*--module PATH.*PIX2STYLE_MAGENTA"):
        MagentaTeacher(any_painting, module=str(tmp_path / name))


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("damage", ["cut", "gone", "noise"])
def test_a_damaged_saved_model(tmp_path: Path, small_network: Path, any_painting: Path, file: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_network, copy)
    damaged = copy / file
    whole = damaged.read_bytes()
    damaged.unlink()
    if damage != "gone":
        damaged.write_bytes(whole[: len(whole) // 2] if damage == "cut" else os.urandom(len(whole) // 2))
    with pytest.raises(ArtifactError, match="copy: "):
        MagentaTeacher(any_painting, module=str(copy))


def _save_module(path: Path, answer: Callable[..., object]) -> None:
    import tensorflow as tf

    class Module(tf.Module):  # type: ignore[misc]
        @tf.function(input_signature=[tf.TensorSpec([None, None, None, 3])] * 2)  # type: ignore[untyped-decorator]
        def __call__(self, photo: object, style: object) -> object:
            return answer(photo, tf.reduce_mean(style, [1, 2], keepdims=True))

    tf.saved_model.save(Module(), str(path))


@pytest.mark.parametrize(
    "answer",
    [
        lambda photo, _: (photo,),  # no style at all
        lambda photo, style: {"picture": photo * style},
        lambda photo, style: photo * style,  # [0] is then an image without a batch dimension
    ],
)
def test_another_network_is_refused(
    tmp_path: Path, any_painting: Path, teacher: MagentaTeacher, answer: Callable[..., object]
) -> None:
    _save_module(tmp_path / "other", answer)
    with pytest.raises(ArtifactError, match="is not Magenta's arbitrary stylization") as caught:
        MagentaTeacher(any_painting, module=str(tmp_path / "other"))
    assert str(caught.value).count("kaggle.com") == 1


@pytest.mark.parametrize(
    ("answer", "words"),
    [
        (lambda photo, style: (photo[:, ::2] * style,), "output has shape"),  # another size
        (lambda photo, style: (photo * style * 255,), "values span"),  # another range
        (lambda photo, style: (photo * style * float("nan"),), "values span"),
    ],
)
def test_a_network_with_another_kind_of_output_is_refused(
    tmp_path: Path,
    any_painting: Path,
    teacher: MagentaTeacher,
    answer: Callable[..., object],
    words: str,
) -> None:
    _save_module(tmp_path / "other", answer)
    with pytest.raises(ArtifactError, match=f"not Magenta's.*{words}"):
        MagentaTeacher(any_painting, module=str(tmp_path / "other"))


def test_a_saved_model_that_cannot_be_called_is_refused(
    tmp_path: Path, any_painting: Path, teacher: MagentaTeacher
) -> None:
    import tensorflow as tf

    tf.saved_model.save(tf.Module(), str(tmp_path / "other"))
    with pytest.raises(ArtifactError, match="is not Magenta's arbitrary stylization"):
        MagentaTeacher(any_painting, module=str(tmp_path / "other"))


def test_a_network_that_was_not_converted_has_no_onnx_backend(small_network: Path) -> None:
    with pytest.raises(ArtifactError, match=r"has not been converted.*pix2style teacher convert"):
        open_network(str(small_network), "onnx")
