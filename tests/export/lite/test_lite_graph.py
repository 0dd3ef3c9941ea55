"""The hand-written graph of the lightweight generator in ONNX Runtime, and each of its inputs, against torch."""

from __future__ import annotations

from typing import Any

import numpy as np
import onnxruntime
import pytest
import torch

from pix2style.export.lite.float_layers import FloatLayers
from pix2style.export.lite.lite_graph import lite_graph
from pix2style.export.synthetic_photo import synthetic_photo
from pix2style.images import Image8, from_batch, to_batch
from pix2style.images.glimpse import glimpse
from pix2style.nets.lite import Lite
from pix2style.nets.style_condition import ConditionalLayer

SIZES = [(64, 64), (61, 47), (1, 1), (2, 7), (1, 31), (130, 97)]


def random_network(styles: int = 1, scale: int = 4, channels: int = 12, norm: str = "none") -> Lite:
    """A network whose weights all have an effect, also those that start at zero (context, styles, 1x1 branches)."""
    torch.manual_seed(3)
    network = Lite(channels, 2, scale, styles, norm).eval()
    with torch.no_grad():
        for weights in network.parameters():
            weights.add_(torch.randn_like(weights), alpha=0.02)
        if network.context_network is not None:
            network.context_network.statistics_layers[-1].weight.normal_(std=0.2)  # type: ignore[operator, union-attr]
        for module in network.modules():
            if isinstance(module, ConditionalLayer):
                module.table.normal_(std=0.2)
    return network


@pytest.fixture(
    scope="module",
    params=[(1, 4, "none"), (1, 4, "instance"), (3, 4, "none"), (1, 2, "none"), (1, 1, "none")],
    ids=["lite", "instance", "styles", "half", "full"],
)
def network(request: pytest.FixtureRequest) -> Lite:
    styles, scale, norm = request.param
    return random_network(styles, scale, norm=norm)


@pytest.fixture(scope="module")
def session(network: Lite) -> onnxruntime.InferenceSession:
    return open_session(network)


def open_session(network: Lite) -> onnxruntime.InferenceSession:
    folded = network.folded()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 3
    graph = lite_graph(folded, FloatLayers(folded)).SerializeToString()
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def run(session: onnxruntime.InferenceSession, photos: list[Image8], **inputs: Any) -> Image8:
    [output] = session.run(None, {"photo": np.stack(photos), **inputs})
    assert output.dtype == np.uint8
    return np.asarray(output)


def generate(network: Lite, photos: list[Image8], style: int = 0, glimpse_used: Image8 | None = None) -> Image8:
    weights = torch.eye(network.styles)[[style] * len(photos)] if network.styles > 1 else None
    with torch.no_grad():
        context = None
        if glimpse_used is not None:
            context = network.context_from_glimpse(torch.from_numpy(to_batch([glimpse_used])))
        return np.stack(from_batch(network(torch.from_numpy(to_batch(photos)), context=context, style=weights).numpy()))


def assert_close(output: Image8, expected: Image8) -> None:
    assert output.shape == expected.shape
    difference = np.abs(output.astype(int) - expected)
    assert difference.max() <= 1
    assert (difference > 0).mean() <= max(1e-3, 1 / difference.size)


@pytest.mark.parametrize("size", SIZES)
def test_output_equals_the_networks(
    network: Lite, session: onnxruntime.InferenceSession, size: tuple[int, int]
) -> None:
    photos = [synthetic_photo(*size, seed) for seed in (0, 1)]
    assert_close(run(session, photos), generate(network, photos))


def test_every_style_and_a_mixture(network: Lite, session: onnxruntime.InferenceSession) -> None:
    photo = synthetic_photo(40, 56)
    if network.styles == 1:
        assert "style" not in [value.name for value in session.get_overridable_initializers()]
        return
    for style in range(network.styles):
        weights = np.eye(network.styles, dtype=np.float32)[style]
        assert_close(run(session, [photo], style=weights), generate(network, [photo], style))
    mixed = np.array([0.2, 0.5, 0.3], np.float32)
    assert_close(run(session, [photo], style=mixed), generate(network.with_fixed_style(tuple(mixed.tolist())), [photo]))


def test_the_glimpse_input_replaces_the_photos_own(network: Lite, session: onnxruntime.InferenceSession) -> None:
    photos, other = [synthetic_photo(40, 56, seed) for seed in (0, 1)], glimpse(synthetic_photo(200, 300, seed=9))
    output = run(session, photos, glimpse=other[None])
    assert_close(output, generate(network, photos, glimpse_used=other))
    assert np.array_equal(output, run(session, photos, glimpse=np.stack([other, other])))
    assert np.abs(output.astype(int) - run(session, photos)).max() > 1  # the glimpse has an effect
    own = np.stack([glimpse(photo) for photo in photos])
    assert np.array_equal(run(session, photos), run(session, photos, glimpse=own))


def test_tiles_equal_the_whole(network: Lite, session: onnxruntime.InferenceSession) -> None:
    whole = synthetic_photo(160, 200)
    whole_output, whole_glimpse = run(session, [whole])[0], glimpse(whole)[None]
    multiple = network.size_multiple
    margin = -(-network.receptive_field_px // multiple) * multiple
    top, left = 2 * multiple, 4 * multiple
    tile = whole[top : top + 2 * margin + 24, left : left + 2 * margin + 36]
    inside = run(session, [tile], glimpse=whole_glimpse)[0][margin:-margin, margin:-margin]
    expected = whole_output[top + margin :, left + margin :][: inside.shape[0], : inside.shape[1]]
    assert inside.size > 0
    assert np.abs(inside.astype(int) - expected).max() <= 1


@pytest.mark.parametrize("strength", [0.0, 0.3, 0.5, 1.0])
def test_strength_blends_photo_and_full_style(
    network: Lite, session: onnxruntime.InferenceSession, strength: float
) -> None:
    photo = synthetic_photo(40, 56)
    full = run(session, [photo])[0].astype(np.float32)
    output = run(session, [photo], strength=np.array([strength], np.float32))[0]
    assert np.abs(output - np.rint(photo + strength * (full - photo))).max() <= 1
    if strength in (0, 1):
        assert np.array_equal(output, full if strength else photo)


def test_strength_is_clipped_to_its_range(session: onnxruntime.InferenceSession) -> None:
    photo = synthetic_photo(40, 56)
    assert np.array_equal(run(session, [photo], strength=np.array([-3], np.float32))[0], photo)
    assert np.array_equal(run(session, [photo], strength=np.array([7], np.float32)), run(session, [photo]))
