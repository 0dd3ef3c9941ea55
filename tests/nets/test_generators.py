"""Properties of every generator: sizes, range, independence of the batch, receptive field, tiles, folding."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import ClassVar

import pytest
import torch
from torch import Tensor, nn
from torch.nn.utils import parametrizations, parametrize

from pix2style.nets.generator import Generator, pad_to_multiple
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017

Images = Callable[..., Tensor]


@pytest.mark.parametrize("size", [(1, 1), (1, 7), (5, 3), (32, 32), (33, 31), (64, 17), (2, 130)])
def test_the_image_has_the_size_of_the_photo(generator: Generator, pictures: Images, size: tuple[int, int]) -> None:
    photo = pictures(2, *size)
    with torch.no_grad():
        image = generator(photo)
    assert image.shape == photo.shape
    assert image.isfinite().all()
    assert image.abs().max() <= 1
    assert image.std() > 0


def test_padding_changes_only_pixels_near_the_padded_sides(pictures: Images) -> None:
    # Padding is added on the right and below only.
    unet = Unet(channels=4, levels=1).eval()
    photo = pictures(1, 64, 64)
    radius = unet.receptive_field_px
    with torch.no_grad():
        whole, odd = unet(photo), unet(photo[..., :63, :61])
    torch.testing.assert_close(odd[..., : 63 - radius, : 61 - radius], whole[..., : 63 - radius, : 61 - radius])


def test_padding_repeats_the_last_row_and_column() -> None:
    photo = torch.arange(6.0).reshape(1, 1, 2, 3)
    expected = torch.tensor([[0.0, 1, 2, 2], [3, 4, 5, 5], [3, 4, 5, 5], [3, 4, 5, 5]])
    assert torch.equal(pad_to_multiple(photo, 4)[0, 0], expected)
    assert pad_to_multiple(torch.ones(1, 3, 8, 4), 4).shape == (1, 3, 8, 4)
    assert torch.equal(pad_to_multiple(torch.ones(1, 3, 1, 1), 256), torch.ones(1, 3, 256, 256))


@pytest.mark.parametrize("shape", [(3, 8, 8), (1, 4, 8, 8), (1, 8, 8, 3), (1, 3, 0, 8), (0, 3, 8, 8)])
def test_other_inputs_than_batches_of_rgb_images_are_errors(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="images must"):
        Lite(8, 1)(torch.zeros(shape))


def test_an_image_does_not_depend_on_its_batch(generator: Generator, pictures: Images) -> None:
    # Users of pix2pix report that "test output differs from training output" (#285, #555).
    photos = pictures(3, 24, 40)
    with torch.no_grad():
        together = generator(photos)
        alone = torch.cat([generator(photo[None]) for photo in photos])
        again = generator(photos.flip(0)).flip(0)
    torch.testing.assert_close(together, alone, atol=1e-5, rtol=0)
    torch.testing.assert_close(together, again, atol=1e-5, rtol=0)


def test_the_batch_test_would_catch_batchnorm_in_training_mode(pictures: Images) -> None:
    photos = pictures(3, 32, 32)
    generator = Unet2017(2, 5, dropout=False).train()
    with torch.no_grad():
        assert (generator(photos)[:1] - generator(photos[:1])).abs().max() > 1e-3


def test_training_and_eval_mode_agree_without_batchnorm_and_dropout(pictures: Images) -> None:
    photo = pictures(2, 24, 24)
    for generator in (Unet(4, 2), Lite(8, 2)):
        with torch.no_grad():
            assert torch.equal(generator.train()(photo), generator.eval()(photo))


def _reach(generator: Generator, at: int, size: int, *, axis: int) -> int:
    """Measure by the gradient how far from position `at` along `axis` input pixels change the output there."""
    shape = [1, 3, generator.size_multiple, generator.size_multiple]
    shape[axis] = size
    photo = torch.rand(shape, dtype=torch.float64).mul(2).sub(1).requires_grad_()
    context = generator.context(photo)
    image = generator(photo, None if context is None else context.detach())
    image.select(axis, at).sum().backward()
    assert photo.grad is not None
    positions = photo.grad.abs().sum(dim=[d for d in range(4) if d != axis]).nonzero()
    return int((positions - at).abs().max())


def _without_statistics(generator: Generator) -> Generator:
    """Remove normalisation layers with statistics of the whole image, which the receptive field leaves out."""
    for module in list(generator.modules()):
        for name, child in list(module.named_children()):
            if isinstance(child, nn.GroupNorm | nn.InstanceNorm2d):
                setattr(module, name, nn.Identity())
    return generator


@pytest.mark.parametrize("axis", [2, 3])
def test_the_receptive_field_is_exact(generator: Generator, axis: int) -> None:
    generator = _without_statistics(generator).double()
    radius, period = generator.receptive_field_px, generator.size_multiple
    start = -(-radius // period) * period
    size = start + period + -(-radius // period) * period + period
    reaches = [_reach(generator, start + phase, size, axis=axis) for phase in range(period)]
    assert max(reaches) == radius


def test_receptive_fields_of_the_defaults() -> None:
    assert Lite(channels=8).receptive_field_px == 31
    assert Unet(channels=4).receptive_field_px == 107
    assert Unet2017(channels=2).receptive_field_px == 765  # larger than any image of 256 px
    assert Resnet(channels=4).receptive_field_px == 84
    assert Nafnet(channels=8).receptive_field_px == 184


def test_a_tile_equals_that_part_of_the_whole_image(local_generator: Generator, pictures: Images) -> None:
    generator = local_generator
    radius, grid = generator.receptive_field_px, generator.size_multiple
    margin = -(-radius // grid) * grid
    side = 3 * margin + grid * (1 - (-3 // grid))  # room for a tile that starts and ends inside
    photo = pictures(1, grid, side)
    start, stop = margin, 2 * margin + grid + 3
    tile = photo[..., start - margin : stop + margin]
    with torch.no_grad():
        whole = generator(photo)[..., start:stop]
        part = generator(tile, generator.context(photo))[..., margin:-margin]
        off_grid = generator(tile[..., 1:], generator.context(photo))[..., margin - 1 : -margin]
    torch.testing.assert_close(part, whole, atol=1e-5, rtol=0)
    if grid > 1:  # a network without strides does not care where a tile starts
        assert (off_grid - whole).abs().max() > 1e-4  # shows that the comparison is not trivial


def test_global_context_is_declared(statistical_generator: Generator, pictures: Images) -> None:
    generator = statistical_generator
    assert generator.global_context
    photo = pictures(1, 16, 512)
    brighter = photo.clone()
    brighter[..., 480:] = 1
    with torch.no_grad():
        assert generator.context(photo) is None
        change = (generator(brighter) - generator(photo))[..., : 480 - generator.receptive_field_px - 8]
    assert change.abs().max() > 1e-4


def test_folded_is_an_equivalent_copy_in_eval_mode(generator: Generator, pictures: Images) -> None:
    photo = pictures(2, 21, 34)
    before = copy.deepcopy(generator.state_dict())
    generator.train()
    folded = generator.folded()
    assert generator.training
    assert not folded.training
    assert type(folded) is type(generator)
    with torch.no_grad():
        torch.testing.assert_close(folded(photo), generator.eval()(photo), atol=1e-5, rtol=0)
        for tensor in folded.parameters():
            tensor.zero_()  # the copy shares no memory with the original
    assert all(torch.equal(tensor, before[key]) for key, tensor in generator.state_dict().items())


def test_without_feature_stages_the_features_are_empty(generator: Generator, pictures: Images) -> None:
    photo = pictures(1, 24, 40)
    with torch.no_grad():
        output = generator(photo, feature_stages=())
        assert torch.equal(output.image, generator(photo))
    assert output.features == {}


def test_an_architecture_without_feature_stages_says_so(pictures: Images) -> None:
    resnet = Resnet(channels=4, blocks=1)
    assert resnet.stages_at_scale(4) is None
    with pytest.raises(ValueError, match="resnet has no feature stages"):
        resnet(pictures(1, 16, 16), feature_stages=(0,))


class _Limited(Generator):
    """One convolution under spectral norm."""

    architecture: ClassVar[str] = "limited"
    size_multiple = 2
    receptive_field_px = 1

    def __init__(self) -> None:
        super().__init__()
        self.conv = parametrizations.spectral_norm(nn.Conv2d(3, 3, 3, padding=1))

    def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
        assert context is None
        return torch.tanh(self.conv(photo))


def test_folding_makes_spectral_norm_plain_weights(pictures: Images) -> None:
    limited = _Limited().eval()
    folded = limited.folded()
    assert parametrize.is_parametrized(limited.conv)
    assert not parametrize.is_parametrized(folded.conv)
    with torch.no_grad():
        torch.testing.assert_close(folded(pictures(1, 5, 6)), limited(pictures(1, 5, 6)))


def test_gradients_reach_every_weight(generator: Generator, pictures: Images) -> None:
    generator.train()(pictures(2, 64, 64)).square().mean().backward()
    without = [name for name, weight in generator.named_parameters() if weight.grad is None or not weight.grad.any()]
    assert [name for name in without if not _is_bias_before_instance_norm(generator, name)] == []


def _is_bias_before_instance_norm(generator: Generator, name: str) -> bool:
    """The published ResNet has such biases. InstanceNorm subtracts them again, so that their gradient is about 0."""
    return isinstance(generator, Resnet) and generator.global_context and name.endswith(".bias")


@pytest.mark.parametrize(
    "make",
    [
        lambda: Unet(8, 2),
        lambda: Unet(8, 2, "shuffle"),
        lambda: Unet(8, 2, norm="group"),
        lambda: Nafnet(8, (1, 1)),
        lambda: Lite(8, 2, scale=2),
    ],
)
def test_an_untrained_network_keeps_the_photos_colours(
    make: Callable[[], Generator], photos: Callable[..., list]
) -> None:
    # Users of pix2pix report colours that shift, invert or turn grey (#249, #744, #1301).
    [photo] = photos(1)
    content = torch.from_numpy(photo).permute(2, 0, 1)[None] / 127.5 - 1
    with torch.no_grad():
        image = make().eval()(content)
    assert (image - content).abs().mean() < 0.1
    for channel in range(3):
        both = torch.stack([image[0, channel].flatten(), content[0, channel].flatten()])
        assert torch.corrcoef(both)[0, 1] > 0.95
