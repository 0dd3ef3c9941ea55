"""Compare feature networks: how well their distances rank real images, their size, and their time.

For each held-out pair the target is compared with itself shifted by two pixels, which a person hardly notices, and with
three worse images: the target blurred, the photo, and the target of another style. A distance is good if the shifted
target is nearer than each of these. The distance of pixels (L1) is the baseline.

python benchmarks/features.py --pairs SET --other SET_OF_ANOTHER_STYLE --vgg VGG19.safetensors \
    [--autoencoder FILE | --steps 300] [--photos 40]
"""

from __future__ import annotations

import argparse
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np
import torch
from torch import Tensor

from pix2style import losses
from pix2style.evaluation.machine import describe_machine
from pix2style.images import Image8, to_batch
from pix2style.nets.autoencoder import LAYERS, load_autoencoder
from pix2style.nets.features import FeatureNetwork, load_vgg19
from pix2style.pairs.format.reader import PairReader
from pix2style.training.autoencoder import read_pairs, train_autoencoder

_VGG_LAYERS = ("relu1_1", "relu2_1", "relu3_1")
_SHIFT_PX = 2
_BLUR_SIGMA_PX = 1.5
_CHANNELS = (32, 64, 96, 128)
_WORSE = ("blurred", "the photo", "another style")

Features = dict[str, Tensor]
Distance = Callable[[Features, Features], float]


def main() -> None:
    """Measure, print the table, and write it into benchmarks/results."""
    options = _options()
    pictures = _candidates(PairReader(options.pairs), PairReader(options.other), options.photos)
    with tempfile.TemporaryDirectory() as folder:
        autoencoder, learned = _autoencoder(options, Path(folder))
    networks = {"autoencoder": autoencoder, "VGG19 to relu3_1": load_vgg19(_VGG_LAYERS, options.vgg)}
    lines = [_heading(options, len(pictures), learned), "", *_ranking(networks, pictures), "", *_costs(networks)]
    text = "\n".join(lines)
    print(text)
    (Path(__file__).parent / "results" / "features.md").write_text(text + "\n", encoding="utf-8")


def _options() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pairs", type=Path, required=True)
    parser.add_argument("--other", type=Path, required=True)
    parser.add_argument("--vgg", type=Path, required=True)
    parser.add_argument("--autoencoder", type=Path)
    parser.add_argument("--steps", type=int, default=300)
    parser.add_argument("--photos", type=int, default=40)
    return parser.parse_args()


def _heading(options: argparse.Namespace, photos: int, learned: str) -> str:
    which = f"--steps {options.steps}" if options.autoencoder is None else f"--autoencoder {options.autoencoder.name}"
    return f"""# Feature networks

`python benchmarks/features.py --pairs SET --other SET_OF_ANOTHER_STYLE --vgg VGG19.safetensors {which}`

{photos} held-out pairs of {options.pairs.name}, the other style {options.other.name}; {learned};
{describe_machine()["processor"]}.
Share of the pairs for which the target shifted by {_SHIFT_PX} px is nearer to the target than the worse picture is, and
in brackets how many times farther the worse one is (median). Blur: sigma {_BLUR_SIGMA_PX} px."""


def _candidates(reader: PairReader, other: PairReader, photos: int) -> list[dict[str, Tensor]]:
    """Return target, shifted target and worse images of each held-out photo, cropped alike."""
    elsewhere = {entry.sha256: entry for split in ("test", "val") for entry in other.entries(split)}
    entries = [entry for split in ("test", "val") for entry in reader.entries(split) if entry.sha256 in elsewhere]
    if not entries:
        raise SystemExit("the two sets share no held-out photo: make both of the same photos")
    found = []
    for entry in entries[:photos]:
        content, target = reader.read(entry)
        _, restyled = other.read(elsewhere[entry.sha256])
        blurred = np.asarray(cv2.GaussianBlur(target, (0, 0), _BLUR_SIGMA_PX), np.uint8)
        worse = dict(zip(_WORSE, (blurred, content, restyled), strict=True))
        whole = {"target": target[_SHIFT_PX:, _SHIFT_PX:], "shifted": target[:-_SHIFT_PX, :-_SHIFT_PX]}
        whole |= {name: picture[_SHIFT_PX:, _SHIFT_PX:] for name, picture in worse.items()}
        found.append({name: _tensor(picture) for name, picture in whole.items()})
    return found


def _tensor(picture: Image8) -> Tensor:
    return torch.from_numpy(to_batch([np.ascontiguousarray(picture)]))


def _autoencoder(options: argparse.Namespace, folder: Path) -> tuple[FeatureNetwork, str]:
    """Return the autoencoder, and a description of how it was trained."""
    if options.autoencoder is not None:
        return load_autoencoder(LAYERS, options.autoencoder), f"autoencoder {options.autoencoder.name}"
    pictures = read_pairs(PairReader(options.pairs), 1000)
    report = train_autoencoder(pictures, folder / "f.safetensors", steps=options.steps, channels=_CHANNELS)
    how = f"the autoencoder was trained for {report.steps} steps on the set's {report.pictures} training pictures"
    return load_autoencoder(LAYERS, report.out), how


def _activations(a: Features, b: Features) -> float:
    return float(losses.perceptual(a, b, dict.fromkeys(a, 1.0)))


def _gram(a: Features, b: Features) -> float:
    return sum(float((losses.gram(a[name]) - losses.gram(b[name])).square().sum()) for name in a)


def _pixels(a: Features, b: Features) -> float:
    return float((a["pixels"] - b["pixels"]).abs().mean())


@torch.inference_mode()
def _ranking(networks: dict[str, FeatureNetwork], pictures: list[dict[str, Tensor]]) -> list[str]:
    rows: dict[str, list[list[float]]] = {}
    for one in pictures:
        seen = {name: {"pixels": picture} for name, picture in one.items()}
        rows.setdefault("pixels (L1)", []).append(_from_target(_pixels, seen))
        for name, network in networks.items():
            seen = {kind: network(picture) for kind, picture in one.items()}
            rows.setdefault(f"{name}: activations", []).append(_from_target(_activations, seen))
            rows.setdefault(f"{name}: Gram", []).append(_from_target(_gram, seen))
    lines = [f"| distance | {' | '.join(_WORSE)} |", "|---" * (1 + len(_WORSE)) + "|"]
    for name, found in rows.items():
        near, *far = np.array(found).T
        cells = [f"{100 * (near < one).mean():.0f} % ({np.median(one / near):.2f})" for one in far]
        lines.append(f"| {name} | {' | '.join(cells)} |")
    return lines


def _from_target(distance: Distance, seen: dict[str, Features]) -> list[float]:
    """Return the distances of the target to the shifted target and to each worse image, in this order."""
    return [distance(seen["target"], seen[name]) for name in ("shifted", *_WORSE)]


def _costs(networks: dict[str, FeatureNetwork]) -> list[str]:
    lines = [
        "| network | weights | size in MB | forward and backward of one 256x256 picture, ms |",
        "|---|---|---|---|",
    ]
    for name, network in networks.items():
        weights = sum(parameter.numel() for parameter in network.parameters())
        lines.append(f"| {name} | {weights:,} | {4 * weights / 1e6:.2f} | {_milliseconds(network):.0f} |")
    return [*lines, "", f"{torch.get_num_threads()} threads, float32, channels_last; best of 5."]


def _milliseconds(network: FeatureNetwork) -> float:
    network = network.to(memory_format=torch.channels_last)
    picture = torch.rand(1, 3, 256, 256).to(memory_format=torch.channels_last).requires_grad_()
    seconds = []
    for _ in range(6):
        begun = time.perf_counter()
        torch.autograd.backward(torch.stack([features.mean() for features in network(picture).values()]).sum())
        seconds.append(time.perf_counter() - begun)
    return 1000 * min(seconds[1:])


if __name__ == "__main__":
    main()
