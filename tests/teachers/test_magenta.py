"""Magenta's teacher by TensorFlow, against the hub module's own output, and networks that are another or damaged."""

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


class Watched(MagentaNetwork):
    """A real network, and what it was asked."""

    def __init__(self, inner: MagentaNetwork) -> None:
        self.inner, self.source_sha256, self.style_length = inner, inner.source_sha256, inner.style_length
        self.predicted: list[Floats] = []
        self.vectors: list[Floats] = []

    @property
    def settings(self) -> Mapping[str, Setting]:
        return self.inner.settings

    def predict(self, paintings: Floats) -> Floats:
        self.predicted.append(paintings)
        return self.inner.predict(paintings)

    def transform(self, photos: Floats, vector: Floats) -> Floats:
        self.vectors.append(vector)
        return self.inner.transform(photos, vector)


@pytest.fixture
def watched(teacher: MagentaTeacher) -> Watched:
    return Watched(teacher._network)


# --- what it paints ------------------------------------------------------------------------------------------------


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
    assert np.abs(stylized.astype(int) - photo).mean() > 10  # it did paint


@pytest.mark.parametrize("size", [(127, 253), (321, 10), (5, 3), (1, 1), (1, 9), (8, 8)])
def test_sizes_come_out_as_they_went_in(
    teacher: MagentaTeacher, photos: Callable[..., list[Image8]], size: tuple[int, int]
) -> None:
    [stylized] = teacher.stylize(photos(1, *size))
    assert stylized.shape == (*size, 3)
    assert stylized.dtype == np.uint8


def test_odd_sizes_stay_aligned_with_the_photo(teacher: MagentaTeacher, photos: Callable[..., list[Image8]]) -> None:
    """A photo without its last rows is painted like the whole photo there, not shifted or stretched."""
    [photo] = photos(1, 128, 192)
    whole, part = teacher.stylize([photo, photo[:127, :190]])
    moved = np.abs(whole[:127, :190].astype(int) - part)[:100, :160].mean()
    shifted = np.abs(whole[1:101, 1:161].astype(int) - part[:100, :160]).mean()
    assert moved < 1.5
    assert shifted > 3 * moved


def test_a_photo_does_not_depend_on_the_others(teacher: MagentaTeacher, assets: Path) -> None:
    """Real photos at 320 pixels: painted as one batch by TensorFlow, some differ by a level."""
    found = find_images([assets / "data" / "content"])[:4]
    photos = [crop_to_square(read_picture(one.path).rgb, 320) for one in found]
    photos.insert(1, photos[0][:61, :90])
    for photo, stylized in zip(photos, teacher.stylize(photos), strict=True):
        np.testing.assert_array_equal(stylized, teacher.stylize([photo])[0])
    assert teacher.stylize([]) == []


def test_each_8_bit_value_survives_the_conversion() -> None:
    levels = np.arange(256, dtype=np.uint8)
    np.testing.assert_array_equal(from_unit(to_unit(levels)), levels)


# --- where it is cut ------------------------------------------------------------------------------------------------


def test_the_style_of_the_real_network_is_26_numbers(teacher: MagentaTeacher) -> None:
    assert teacher._network.style_length == 26


def test_another_network_is_cut_where_all_of_the_style_and_nothing_of_the_photo_goes_through(
    small_network: Path, any_painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    import tensorflow as tf

    teacher = MagentaTeacher(any_painting, str(small_network), "tensorflow")
    assert teacher._network.style_length == 7
    [photo] = photos(1, 24, 36)
    style = to_unit(crop_to_square(read_picture(any_painting).rgb, 256))[None]
    own = tf.saved_model.load(str(small_network))(tf.constant(to_unit(photo)[None]), tf.constant(style))[0]
    np.testing.assert_array_equal(teacher(photo), from_unit(own.numpy()[0]))


def test_halves_that_do_not_make_the_whole_are_refused(
    small_network: Path, any_painting: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from pix2style.teachers.magenta import tensorflow_network

    cut = tensorflow_network._cut

    def cut_and_spoil(*given: object) -> object:
        predictor, transformer = cut(*given)
        return predictor, lambda photo, vector: transformer(photo, vector * 1.001)

    monkeypatch.setattr(tensorflow_network, "_cut", cut_and_spoil)
    with pytest.raises(ArtifactError, match="halves do not give the picture that the whole gives"):
        MagentaTeacher(any_painting, str(small_network), "tensorflow")


# --- styles --------------------------------------------------------------------------------------------------------


def test_a_style_is_predicted_once_not_once_a_photo(
    watched: Watched, painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    teacher = MagentaTeacher(painting, network=watched)
    teacher.stylize(photos(5))
    teacher.stylize(photos(2, 20, 20))
    assert (len(watched.predicted), len(watched.vectors)) == (1, 7)


def test_several_paintings_are_averaged_by_their_weights(
    watched: Watched, assets: Path, photos: Callable[..., list[Image8]]
) -> None:
    paintings = tuple(assets / "data" / "styles" / f"style{n}.jpg" for n in ("08", "19"))
    teacher = MagentaTeacher(StyleBlend("mixed", paintings, (1.0, 3.0)), network=watched)
    [photo] = photos(1)
    mixed = teacher(photo)
    first, second = (watched.inner.predict(one) for one in watched.predicted)
    np.testing.assert_allclose(watched.vectors[0], 0.25 * first + 0.75 * second, atol=1e-6)
    alone = [MagentaTeacher(path, network=watched.inner)(photo) for path in paintings]
    assert all(np.abs(mixed.astype(int) - one).mean() > 1 for one in alone)
    identity = teacher.identity
    assert identity.name == "magenta:mixed"
    assert identity.style_sha256 == tuple(sha256_file(path) for path in paintings)
    assert identity.settings["weights"] == "0.25 0.75"


def test_strength_mixes_in_the_photos_own_vector(
    watched: Watched, painting: Path, photos: Callable[..., list[Image8]]
) -> None:
    given = photos(2, 60, 90)
    teacher = MagentaTeacher(StyleBlend.from_paintings(painting, strength=0.25), network=watched)
    teacher.stylize(given)
    style, *own = (watched.inner.predict(one) for one in watched.predicted)
    assert len(own) == 2
    for photo, vector, mixed in zip(given, own, watched.vectors, strict=True):
        np.testing.assert_array_equal(vector, watched.inner.predict(to_unit(resize(photo, 256, 256))[None]))
        np.testing.assert_allclose(mixed, 0.25 * style + 0.75 * vector, atol=1e-6)
    assert teacher.identity.settings["strength"] == 0.25


def test_styles_share_one_network(magenta_folder: Path, assets: Path, photos: Callable[..., list[Image8]]) -> None:
    styles = [StyleBlend.from_paintings(assets / "data" / "styles" / f"style{n}.jpg") for n in ("08", "19")]
    teachers = load_magenta(styles, str(magenta_folder), "tensorflow")
    assert [one.identity.name for one in teachers] == ["magenta:style08.jpg", "magenta:style19.jpg"]
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


def test_identity_names_network_and_painting(teacher: MagentaTeacher, magenta_folder: Path, painting: Path) -> None:
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


def test_nothing_is_said_on_stderr(magenta_folder: Path, painting: Path) -> None:
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
def test_torch_can_load_its_compiler_afterwards(any_painting: Path, magenta_folder: Path) -> None:
    """Two LLVMs in one process: in the wrong order the second one aborts it."""
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


# --- what goes wrong -------------------------------------------------------------------------------------------------


def test_a_missing_or_broken_painting_is_named(tmp_path: Path, magenta_folder: Path) -> None:
    broken = tmp_path / "broken.jpg"
    broken.write_bytes(b"no picture")
    for path in (tmp_path / "missing.jpg", broken, tmp_path):
        with pytest.raises(ImageError, match=path.name):
            MagentaTeacher(path, module=str(magenta_folder))
        with pytest.raises(ImageError, match=path.name):
            load_magenta([StyleBlend.from_paintings(path)], module="nowhere")  # before the network


@pytest.mark.parametrize("name", [".", "missing"])
def test_a_folder_that_is_no_saved_model(tmp_path: Path, any_painting: Path, name: str) -> None:
    with pytest.raises(ArtifactError, match=r"is no SavedModel folder.*kaggle.*--module PATH.*PIX2STYLE_MAGENTA"):
        MagentaTeacher(any_painting, module=str(tmp_path / name))


@pytest.mark.parametrize(
    "file", ["saved_model.pb", "variables/variables.index", "variables/variables.data-00000-of-00001"]
)
@pytest.mark.parametrize("damage", ["cut", "gone", "noise"])
def test_a_damaged_saved_model(tmp_path: Path, small_network: Path, any_painting: Path, file: str, damage: str) -> None:
    copy = tmp_path / "copy"
    shutil.copytree(small_network, copy)
    victim = copy / file
    whole = victim.read_bytes()
    victim.unlink()
    if damage != "gone":
        victim.write_bytes(whole[: len(whole) // 2] if damage == "cut" else os.urandom(len(whole) // 2))
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
        lambda photo, style: photo * style,  # [0] is then one picture without a batch
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
        (lambda photo, style: (photo[:, ::2] * style,), "painted"),  # another size
        (lambda photo, style: (photo * style * 255,), "values span"),  # another range
        (lambda photo, style: (photo * style * float("nan"),), "values span"),
    ],
)
def test_a_network_that_paints_something_else_is_refused(
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
