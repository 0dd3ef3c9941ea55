"""Tests of the Gatys teacher, with VGG19 of random weights: sizes, seeds, blends, identity."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch

from pix2style.config.pairs import GatysConfig, PairsConfig, StyleConfig
from pix2style.errors import ImageError, PhotoError
from pix2style.files import sha256_file
from pix2style.images import Image8, Picture, encode_png, resize, write_picture
from pix2style.loading import load_stylizer
from pix2style.teachers.color import preserve_color
from pix2style.teachers.gatys import GatysSettings, preset, pyramid
from pix2style.teachers.gatys.objective import Objective, painting_grams
from pix2style.teachers.gatys.pyramid import bytes_needed, level_sizes, painting_size
from pix2style.teachers.gatys.teacher import GatysTeacher, OptimizationStep
from pix2style.teachers.spec import TeacherSpec
from pix2style.teachers.style import StyleBlend

SHORT = preset(
    "shallow", steps=6, fine_steps=3, style_layers=(("conv1_1", 0.5), ("conv2_1", 0.5)), variation_weight=0.0
)


@pytest.fixture
def paintings(tmp_path: Path) -> list[Path]:
    """Two paintings that differ from each other and from the photos: stripes and coloured noise."""
    stripes = np.zeros((40, 50, 3), np.uint8)
    stripes[:, ::4] = (250, 200, 30)
    noise = np.random.default_rng(5).integers(0, 255, (44, 36, 3)).astype(np.uint8)
    for name, picture in (("stripes", stripes), ("noise", noise)):
        (tmp_path / f"{name}.png").write_bytes(encode_png(picture))
    return [tmp_path / "stripes.png", tmp_path / "noise.png"]


@pytest.fixture
def photo(photos: Callable[..., list[Image8]]) -> Image8:
    return photos(1, 47, 61)[0]


@pytest.fixture
def teach(vgg_to_conv3_1: Path, paintings: list[Path]) -> Callable[..., GatysTeacher]:
    def make(settings: GatysSettings = SHORT, style: StyleBlend | None = None) -> GatysTeacher:
        return GatysTeacher(style or StyleBlend.from_paintings(paintings[0]), settings, vgg_to_conv3_1)

    return make


def grams(teacher: GatysTeacher, picture: Image8) -> dict[str, torch.Tensor]:
    return painting_grams(teacher.network, SHORT, [teacher._to_unit(picture)], [1.0])


def gram_distance(teacher: GatysTeacher, picture: Image8) -> float:
    target, mine = teacher._style_grams(max(picture.shape)), grams(teacher, picture)
    return sum(float((mine[name] - target[name]).square().sum()) for name in mine)


@pytest.mark.parametrize("size", [(47, 61), (61, 47), (16, 33), (5, 90)])
@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_the_picture_has_the_photos_size(
    size: tuple[int, int], optimizer: str, teach: Callable[..., GatysTeacher], photos: Callable[..., list[Image8]]
) -> None:
    photo = photos(1, *size)[0]
    settings = preset("shallow", steps=2, optimizer=optimizer, coarse_side_px=40, fine_steps=1)
    [stylized] = teach(settings).stylize([photo])
    assert (stylized.shape, stylized.dtype) == (photo.shape, np.uint8)
    assert not np.array_equal(stylized, photo)


@pytest.mark.parametrize("name", ["shallow", "gatys-2015", "adam-7000"])
def test_both_losses_change_with_a_presets_weights(
    name: str, teach: Callable[..., GatysTeacher], photo: Image8
) -> None:
    """From the photo, the style loss falls and the content loss rises from about 0; from noise, the sum falls."""
    layers = {"content_layers": (("conv3_1", 1.0),), "style_layers": (("conv1_1", 0.2), ("conv2_1", 0.2))}
    rate = {"learning_rate": 0.02} if name == "adam-7000" else {}  # a larger rate, because 15 steps replace its 7000
    for start in ("content", "noise"):
        steps: list[OptimizationStep] = []
        teach(preset(name, **layers, **rate, steps=15, start=start)).stylize_photo(photo, on_step=steps.append)
        assert steps[-1].style_loss < 0.7 * steps[0].style_loss
        assert start == "noise" or steps[-1].content_loss > steps[0].content_loss
        assert steps[-1].total_loss < steps[0].total_loss


def test_more_style_weight_gives_a_smaller_gram_distance(teach: Callable[..., GatysTeacher], photo: Image8) -> None:
    distances = []
    for style_weight in (0.0, 1e4, 1e6):
        teacher = teach(preset("shallow", steps=12, style_weight=style_weight))
        distances.append(gram_distance(teacher, teacher.stylize_photo(photo)))
    assert distances[0] > 1.2 * distances[1]
    assert distances[1] > 1.2 * distances[2]


def test_the_same_seed_gives_the_same_bytes(teach: Callable[..., GatysTeacher], photo: Image8) -> None:
    from_noise = preset("shallow", steps=4, start="noise", seed=3)
    first, again = (teach(from_noise).stylize_photo(photo) for _ in range(2))
    assert np.array_equal(first, again)
    assert not np.array_equal(first, teach(preset("shallow", steps=4, start="noise", seed=4)).stylize_photo(photo))
    # A photo does not depend on the photos before it.
    teacher = teach(from_noise)
    assert np.array_equal(teacher.stylize([np.rot90(photo).copy(), photo])[1], first)


@pytest.mark.parametrize("optimizer", ["lbfgs", "adam"])
def test_bfloat16_reaches_about_the_loss_of_float32(
    optimizer: str, teach: Callable[..., GatysTeacher], photo: Image8
) -> None:
    settings = {"steps": 30, "optimizer": optimizer, "coarse_side_px": 40, "fine_steps": 10}
    distances = {}
    for precision in ("fp32", "bf16"):
        teacher, steps = teach(preset("shallow", **settings, precision=precision)), []
        stylized = teacher.stylize_photo(photo, on_step=steps.append)
        # The last steps are in float32, so their losses are comparable.
        distances[precision] = steps[-1].total_loss
        assert [step.step for step in steps] == list(range(1, 41))
        assert np.array_equal(stylized, teacher.stylize_photo(photo))
    assert distances["bf16"] < 1.1 * distances["fp32"]
    assert distances["bf16"] != distances["fp32"]


def test_the_precision_is_part_of_the_identity(teach: Callable[..., GatysTeacher]) -> None:
    exact, fast = (teach(preset("shallow", precision=precision)).identity for precision in ("fp32", "bf16"))
    assert (exact.settings["precision"], fast.settings["precision"]) == ("fp32", "bf16")
    assert exact.sha256 == fast.sha256  # the weights are the same file


def test_the_start_image_is_used(teach: Callable[..., GatysTeacher], photo: Image8) -> None:
    barely = preset("shallow", steps=1, optimizer="adam", learning_rate=1e-6)
    other = np.full((20, 31, 3), (200, 30, 90), np.uint8)
    stylized = teach(barely).stylize_photo(photo, start=other)
    assert np.abs(stylized.astype(int) - resize(other, 47, 61)).max() <= 1
    assert np.abs(teach(barely).stylize_photo(photo).astype(int) - photo).max() <= 1


def test_the_pyramid_ends_at_full_size(teach: Callable[..., GatysTeacher], photo: Image8) -> None:
    settings = preset("shallow", steps=3, fine_steps=2, optimizer="adam", learning_rate=0.02, coarse_side_px=20)
    steps: list[tuple[int, int, tuple[int, ...]]] = []
    stylized = teach(settings).stylize_photo(
        photo, on_step=lambda s: steps.append((s.step, s.total_steps, s.current_image().shape))
    )
    assert stylized.shape == photo.shape
    assert [number for number, _, _ in steps] == [1, 2, 3, 4, 5, 6, 7]
    assert {total for _, total, _ in steps} == {7}
    assert [shape[:2] for _, _, shape in steps] == [(12, 15)] * 3 + [(24, 30)] * 2 + [(47, 61)] * 2


def test_sizes_of_levels() -> None:
    assert level_sizes((300, 1100), 512, 4) == [(75, 275), (150, 550), (300, 1100)]
    assert level_sizes((300, 1100), 0, 4) == [(300, 1100)]
    assert level_sizes((512, 300), 512, 4) == [(512, 300)]
    assert level_sizes((10, 1100), 100, 4) == [(5, 550), (10, 1100)]  # half of 5 is smaller than the network's stride
    assert painting_size((100, 200), 61, 4) == (30, 61)
    assert painting_size((10, 400), 61, 16) == (16, 640)


def test_kept_colors_are_the_photos(teach: Callable[..., GatysTeacher]) -> None:
    # Lightness moves less than the room that these colours leave, so that none is clipped.
    x = np.linspace(0, 1, 61)
    photo = np.stack(np.broadcast_arrays(120 + 20 * x, 128 + 10 * np.sin(6 * x), np.full(61, 135.0)), axis=-1)
    photo = np.tile(photo.astype(np.uint8), (47, 1, 1))
    stylized = teach(preset("shallow", steps=4, optimizer="adam", learning_rate=0.03)).stylize_photo(photo)
    kept = preserve_color(photo, stylized)
    assert np.abs(lab(kept)[..., 1:] - lab(photo)[..., 1:]).max() < 1.0
    assert np.abs(lab(kept)[..., 0] - lab(stylized)[..., 0]).max() < 1.0
    assert np.abs(lab(stylized)[..., 1:] - lab(photo)[..., 1:]).max() > 2.0  # it was not so before


def lab(picture: Image8) -> np.ndarray:
    import cv2

    return cv2.cvtColor((picture / 255).astype(np.float32), cv2.COLOR_RGB2Lab)


def test_several_paintings_blend_by_their_gram_matrices(
    teach: Callable[..., GatysTeacher], paintings: list[Path], photo: Image8
) -> None:
    both = teach(style=StyleBlend("both", tuple(paintings), (3.0, 1.0)))._style_grams(61)
    one, two = (teach(style=StyleBlend.from_paintings(path))._style_grams(61) for path in paintings)
    for name, gram in both.items():
        torch.testing.assert_close(gram, 0.75 * one[name] + 0.25 * two[name])


def test_strength_goes_from_the_photo_to_the_painting(
    teach: Callable[..., GatysTeacher], paintings: list[Path], photo: Image8
) -> None:
    none, half, whole = (
        teach(style=StyleBlend.from_paintings(paintings[0], strength=strength)) for strength in (0.0, 0.5, 1.0)
    )
    assert np.array_equal(none.stylize_photo(photo), photo)
    distances = [gram_distance(whole, teacher.stylize_photo(photo)) for teacher in (none, half, whole)]
    assert distances[0] > distances[1] > distances[2]
    own, style = grams(whole, photo), whole._style_grams(61)
    target = Objective(whole.network, SHORT, whole._to_unit(photo), style, 0.25)._style_target
    for name in style:
        torch.testing.assert_close(target[name], 0.75 * own[name] + 0.25 * style[name])


def test_the_paintings_activations_are_computed_once_per_size(
    teach: Callable[..., GatysTeacher], photo: Image8
) -> None:
    teacher, sizes = teach(), []
    teacher.network.register_forward_hook(lambda _, given, __: sizes.append(tuple(given[0].shape[-2:])))
    teacher.stylize([photo, photo[::-1].copy()])
    painting = (49, 61)  # 40x50, scaled to the photo's longer side
    assert sizes[0] != sizes[1]
    assert sizes.count(painting) == 1


def test_the_identity_contains_all_settings(
    teach: Callable[..., GatysTeacher], paintings: list[Path], vgg_to_conv3_1: Path, tmp_path: Path
) -> None:
    identity = teach(style=StyleBlend("mix", tuple(paintings), (1.0, 3.0), 0.5)).identity
    assert identity.name == "gatys:mix"
    assert identity.style_sha256 == tuple(sha256_file(path) for path in paintings)
    assert identity.settings["shares"] == "0.25,0.75"
    assert identity.settings["style_layers"] == "conv1_1=0.5,conv2_1=0.5"
    assert identity.settings["strength"] == 0.5
    assert all(isinstance(value, str | int | float | bool) for value in identity.settings.values())
    assert identity == teach(style=StyleBlend("mix", tuple(paintings), (1.0, 3.0), 0.5)).identity
    assert teach(preset("shallow", steps=9)).identity.settings != teach(preset("shallow", steps=8)).identity.settings
    changed = tmp_path / "changed.safetensors"
    data = bytearray(vgg_to_conv3_1.read_bytes())
    data[5000] ^= 1
    changed.write_bytes(data)
    other = GatysTeacher(StyleBlend.from_paintings(paintings[0]), SHORT, changed).identity
    assert other.sha256 != teach().identity.sha256


def test_a_spec_can_be_sent_to_another_process_and_its_teachers_share_one_network(
    paintings: list[Path], vgg_to_conv3_1: Path, photo: Image8, teach: Callable[..., GatysTeacher]
) -> None:
    styles = tuple(StyleConfig(paintings=(path,)) for path in paintings)
    gatys = GatysConfig(preset="shallow", steps=2, weights=vgg_to_conv3_1)
    spec = TeacherSpec(PairsConfig(teacher="gatys", styles=styles, gatys=gatys))
    first, second = pickle.loads(pickle.dumps(spec)).load()
    assert isinstance(first, GatysTeacher)
    assert isinstance(second, GatysTeacher)
    assert first.network is second.network
    assert [one.identity.name for one in (first, second)] == ["gatys:stripes.png", "gatys:noise.png"]
    assert np.array_equal(first.stylize([photo])[0], teach(preset("shallow", steps=2)).stylize_photo(photo))


def test_loading_by_name(paintings: list[Path], vgg_to_conv3_1: Path) -> None:
    loaded = load_stylizer(f"gatys:{paintings[0]}", teacher_module=str(vgg_to_conv3_1))
    assert loaded.identity.name == "gatys:stripes.png"
    assert loaded.identity.settings["content_layers"] == "conv2_2=1.0"  # the file ends at conv3_1
    with pytest.raises(ImageError):
        load_stylizer("gatys:nowhere.png", teacher_module=str(vgg_to_conv3_1))


def test_a_photo_that_cannot_be_stylized_is_an_error_of_that_photo(
    teach: Callable[..., GatysTeacher], photo: Image8, monkeypatch: pytest.MonkeyPatch
) -> None:
    with pytest.raises(PhotoError, match=r"30x1 is too small.*at least 2 px"):
        teach().stylize([np.zeros((1, 30, 3), np.uint8)])
    with pytest.raises(PhotoError, match="--style-weight"):
        teach(preset("shallow", style_weight=1e38, activation_scale=1e6, steps=2)).stylize([photo])
    # On a machine with little memory, the photo is refused before the process is killed.
    monkeypatch.setattr(pyramid, "memory_bytes", lambda: 1 << 20)
    with pytest.raises(PhotoError, match=r"61x47 needs about .* GiB"):
        teach().stylize([photo])


def test_the_memory_is_not_overestimated(teach: Callable[..., GatysTeacher]) -> None:
    network = teach().network
    # conv1_1, relu1_1, conv1_2, relu1_2: 64 channels; pool1: 64, conv2_1: 128 and relu, conv2_2: 128 at a quarter.
    floats = 64 * 100 * 4 + (64 + 3 * 128) * 25
    assert [type(one).__name__ for one in network.body].count("Conv2d") == 4
    assert bytes_needed(network, SHORT, (10, 10)) == 4 * (floats + 40 * 300)


def test_real_allocator_failures_are_errors_of_that_photo(
    teach: Callable[..., GatysTeacher], photo: Image8, monkeypatch: pytest.MonkeyPatch
) -> None:
    teacher = teach()

    def greedy(*_: object) -> None:
        torch.empty(1 << 60, dtype=torch.uint8)

    teacher.network.register_forward_pre_hook(greedy)
    with pytest.raises(PhotoError, match="61x47 needs more memory than there is"):
        teacher.stylize([photo])


def test_a_transparent_painting_is_put_on_white(tmp_path: Path, vgg_to_conv3_1: Path, photo: Image8) -> None:
    clear, white = np.zeros((30, 30), np.uint8), np.full((30, 30, 3), 255, np.uint8)
    write_picture(tmp_path / "clear.png", Picture(np.zeros((30, 30, 3), np.uint8), clear))
    write_picture(tmp_path / "white.png", Picture(white))
    made = [
        GatysTeacher(StyleBlend.from_paintings(tmp_path / name), SHORT, vgg_to_conv3_1).stylize_photo(photo)
        for name in ("clear.png", "white.png")
    ]
    assert np.array_equal(*made)
