"""Small generators of every kind after a short training, and specs that describe them."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch

from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import to_batch
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017
from pix2style.spec import GeneratorSpec, Provenance

KINDS: dict[str, Callable[[], Generator]] = {
    "lite": lambda: Lite(channels=16, blocks=2, scale=4),
    "lite-instance": lambda: Lite(channels=16, blocks=2, scale=4, norm="instance"),
    "lite-of-styles": lambda: Lite(channels=16, blocks=2, scale=4, styles=3),
    "resnet": lambda: Resnet(channels=8, blocks=2),
    "transformer": lambda: Nafnet(channels=8, blocks=(1, 1)),
    "unet": lambda: Unet(channels=8, levels=3),
    "unet-group": lambda: Unet(channels=8, levels=3, norm="group", styles=3),
    "unet-instance": lambda: Unet(channels=8, levels=2, scale=4, blocks=2, norm="instance", colour_skip=False),
    "unet-patches": lambda: Unet(channels=8, levels=2, scale=4, blocks=2, context=True, colour_skip=False),
    "unet-2017": lambda: Unet2017(channels=4, downsamplings=8),
    "unet-shuffle": lambda: Unet(channels=8, levels=3, upsample="shuffle"),
}


@pytest.fixture(autouse=True, scope="session")
def _one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(params=sorted(KINDS), scope="session")
def trained(request: pytest.FixtureRequest) -> Generator:
    """A generator of each kind after some training steps: with strong colours and real BatchNorm statistics.

    Generators of several styles hold a mixture of them. Fresh weights would not do: their output is almost uniform
    grey, on which wrong programs agree as well.
    """
    torch.manual_seed(0)
    generator = KINDS[request.param]()
    photo = torch.from_numpy(to_batch([synthetic_photo(64, 64, seed) for seed in range(4)]))
    target = torch.tanh(3 * photo.flip(1))
    adam = torch.optim.Adam(generator.parameters(), 5e-3)
    style = torch.eye(generator.styles).repeat(2, 1)[:4] if generator.styles > 1 else None
    for _ in range(25):
        adam.zero_grad()
        (generator(photo, style=style) - target).abs().mean().backward()
        adam.step()
    if generator.styles > 1:
        generator = generator.with_fixed_style((0.25, 0.25, 0.5)).train()
    return generator  # in training mode, to test that the export does not depend on the mode


@pytest.fixture(scope="session")
def describe() -> Callable[[Generator], GeneratorSpec]:
    """`describe(generator)` returns a spec for a generator."""

    def build(generator: Generator) -> GeneratorSpec:
        return GeneratorSpec(
            name="test",
            architecture=generator.architecture,
            parameters=sum(weights.numel() for weights in generator.parameters()),
            size_multiple=generator.size_multiple,
            receptive_field_px=generator.receptive_field_px,
            global_context=generator.global_context,
            trained_at_px=64,
            licence="CC0-1.0",
            pix2style_version="0.1.0",
            provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
        )

    return build
