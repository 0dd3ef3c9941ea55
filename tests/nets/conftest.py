"""What several tests of networks need."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
import torch
from torch import Tensor, nn

from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.nets.nafnet import Nafnet
from pix2style.nets.resnet import Resnet
from pix2style.nets.unet import Unet
from pix2style.nets.unet_2017 import Unet2017

SMALL: dict[str, Callable[[], Generator]] = {
    "unet-resize": lambda: Unet(channels=4, levels=2),
    "unet-shuffle": lambda: Unet(channels=4, levels=2, upsample="shuffle"),
    "unet-patches": lambda: Unet(channels=4, levels=1, scale=4, blocks=2, context=True, colour_skip=False),
    "unet-2017": lambda: Unet2017(channels=2, downsamplings=5),
    "unet-group": lambda: Unet(channels=4, levels=2, norm="group"),
    "unet-instance": lambda: Unet(channels=4, levels=1, scale=4, blocks=2, norm="instance", colour_skip=False),
    "resnet": lambda: Resnet(channels=4, blocks=2),
    "resnet-plain": lambda: Resnet(channels=4, blocks=2, upsample="resize", norm="none"),
    "transformer": lambda: Nafnet(channels=8, blocks=(1, 1)),
    "lite": lambda: Lite(channels=8, blocks=2),
    "lite-instance": lambda: Lite(channels=8, blocks=2, norm="instance"),
}
# Generators whose normalisation layers take statistics of the whole image. (lite has global context, too, but gets it
# as an argument, so that tiles can be given that of the whole image.)
WITH_IMAGE_STATISTICS = frozenset({"unet-group", "unet-instance", "resnet"})


@pytest.fixture(autouse=True)
def _seeded() -> Iterator[None]:
    """One thread and fixed weights: figures do not depend on the machine or the order of tests."""
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    torch.manual_seed(0)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def make() -> Callable[[str], Generator]:
    """`make("lite")`: a small generator of that kind, as `generator` gives."""
    return lambda kind: shaken(SMALL[kind]())


@pytest.fixture(params=sorted(SMALL.keys() - WITH_IMAGE_STATISTICS))
def local_generator(request: pytest.FixtureRequest) -> Generator:
    """As `generator`, those without statistics of the whole picture."""
    return shaken(SMALL[request.param]())


@pytest.fixture(params=sorted(WITH_IMAGE_STATISTICS))
def statistical_generator(request: pytest.FixtureRequest) -> Generator:
    """As `generator`, those with statistics of the whole picture."""
    return shaken(SMALL[request.param]())


@pytest.fixture(params=sorted(SMALL))
def kind(request: pytest.FixtureRequest) -> str:
    """Name of each kind of generator in `SMALL`."""
    name: str = request.param
    return name


@pytest.fixture(params=sorted(SMALL))
def generator(request: pytest.FixtureRequest) -> Generator:
    """Each kind of generator, small, in eval mode, with every part at work (none starts at zero)."""
    return shaken(SMALL[request.param]())


@pytest.fixture
def shake() -> Callable[[Generator], Generator]:
    """`shake(generator)`: the same one, with every part at work."""
    return shaken


def shaken(generator: Generator) -> Generator:
    """Random weights everywhere, and statistics as if trained, so that nothing is hidden by a gentle start."""
    for name, tensor in generator.state_dict().items():
        if tensor.is_floating_point():
            noise = torch.randn_like(tensor)
            tensor.copy_(1 + noise.abs() if "running_var" in name else tensor + 0.1 * noise)
    return generator.eval()


@pytest.fixture
def pictures() -> Callable[..., Tensor]:
    """`pictures(batch, height, width)`: noise in [-1, 1]."""

    def build(batch: int, height: int, width: int) -> Tensor:
        return (
            torch.rand(batch, 3, height, width, generator=torch.Generator().manual_seed(height * 1000 + width)) * 2 - 1
        )

    return build


@pytest.fixture
def count_gmacs() -> Callable[[nn.Module, int], float]:
    """`count_gmacs(network, side)`: multiply-adds / 1e9 of its convolutions on one square picture.

    Transposed convolutions are counted by input area, as in the figures of pix2pix's U-Net in the literature (6.05 G).
    """

    def count(network: nn.Module, side: int) -> float:
        total = 0

        def see(module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            nonlocal total
            area = inputs[0] if isinstance(module, nn.ConvTranspose2d) else output
            total += module.weight.numel() * area.shape[-2] * area.shape[-1]

        hooks = [
            m.register_forward_hook(see) for m in network.modules() if isinstance(m, nn.Conv2d | nn.ConvTranspose2d)
        ]
        with torch.no_grad():
            network.to("meta")(torch.zeros(1, 3, side, side, device="meta"))
        for hook in hooks:
            hook.remove()
        return total / 1e9

    return count
