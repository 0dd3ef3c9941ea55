"""Validation on held-out photos: metrics, grid and early stopping."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
import torch
from torch import Tensor

from pix2style.config.train import EarlyStopConfig, TrainConfig
from pix2style.fidelity import ssim
from pix2style.images import Image8, read_picture
from pix2style.nets.generator import Generator
from pix2style.nets.lite import Lite
from pix2style.pairs.format.records import PairRecord
from pix2style.training.run.validation.early_stop import EarlyStopping, is_better
from pix2style.training.run.validation.validate import first_photos, validate_generator

_SIDE, _TOP, _GAP = 32, 34, 8


class Darker(Generator):
    """Makes every pixel 16 levels darker."""

    architecture = "darker"

    def __init__(self) -> None:
        super().__init__()
        self.size_multiple, self.receptive_field_px = 1, 0
        self.amount = torch.nn.Parameter(torch.tensor(16 * 2 / 255))

    def _generate(self, photo: Tensor, context: Tensor | None, *rest: object) -> Tensor:
        return photo - self.amount


def record(photo: int, style: int = 0) -> PairRecord:
    digest = f"{photo:064x}"
    return PairRecord(
        key=f"{photo:08x}",
        source=f"{photo}.jpg",
        sha256=digest,
        split="val",
        style=style,
        height_px=_SIDE,
        width_px=_SIDE,
    )


def gray(level: int) -> Image8:
    return np.full((_SIDE, _SIDE, 3), level, np.uint8)


def cell(grid: Image8, row: int, column: int) -> Image8:
    top, left = _TOP + row * (_SIDE + _GAP), _GAP + column * (_SIDE + _GAP)
    return grid[top : top + _SIDE, left : left + _SIDE]


def test_metrics_and_grid_of_known_images(tmp_path: Path) -> None:
    # The outputs are 16 levels darker than the content, the targets 20 and 24: the differences are 4 and 8 levels.
    metrics = validate_generator(
        Darker().eval(),
        lambda entry: (gray(100), gray(80 if entry.key.endswith("0") else 76)),
        [record(0), record(1)],
        grid=tmp_path / "grid.png",
        grid_photos=1,
    )
    assert metrics is not None
    assert metrics.images == 2
    assert metrics.l1_levels == pytest.approx(6)
    psnr = [20 * np.log10(255 / difference) for difference in (4, 8)]
    assert metrics.psnr_db == pytest.approx(np.mean(psnr))
    assert metrics.ssim == pytest.approx(np.mean([ssim(gray(84), gray(80)), ssim(gray(84), gray(76))]))
    assert metrics.by_logged_name() == {
        "validation/l1_levels": metrics.l1_levels,
        "validation/psnr_db": metrics.psnr_db,
        "validation/ssim": metrics.ssim,
    }
    grid = read_picture(tmp_path / "grid.png").rgb
    assert grid.shape == (_TOP + _SIDE + _GAP, 3 * (_SIDE + _GAP) + _GAP, 3)
    for column, level in enumerate((100, 84, 80)):
        np.testing.assert_array_equal(cell(grid, 0, column), gray(level))


def test_without_targets_there_is_a_grid_and_no_metrics(tmp_path: Path) -> None:
    metrics = validate_generator(
        Darker().eval(), lambda _: (gray(100), None), [record(0)], grid=tmp_path / "grid.png", grid_photos=3
    )
    assert metrics is None
    grid = read_picture(tmp_path / "grid.png").rgb
    assert grid.shape[1] == 2 * (_SIDE + _GAP) + _GAP  # content and stylized alone


def multi() -> Generator:
    torch.manual_seed(0)
    network = Lite(channels=8, blocks=1, scale=2, styles=2)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.2 * torch.randn_like(weight))  # all styles of fresh weights give the same output
    return network.eval()


def test_each_style_is_measured_and_shown_in_its_own_columns(
    tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    [photo] = photos(1, _SIDE, _SIDE)
    network = multi()
    with torch.inference_mode():
        signed = torch.from_numpy(photo.transpose(2, 0, 1)[None].copy()).float() / 127.5 - 1
        one_hot = [network(signed, style=torch.eye(2)[[style]]) for style in range(2)]
    stylized = [
        ((one[0].permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255).round().astype(np.uint8) for one in one_hot
    ]
    assert np.abs(stylized[0].astype(int) - stylized[1]).mean() > 1
    entries = [record(0, 0), record(0, 1), record(1, 1)]
    metrics = validate_generator(
        network,
        lambda entry: (photo, stylized[entry.style]),
        entries,
        grid=tmp_path / "grid.png",
        grid_photos=2,
        style_names=["first", "second"],
    )
    assert metrics is not None
    assert metrics.images == 3
    assert metrics.l1_levels < 0.1  # each is compared with the target of its own style; folding changes roundings
    grid = read_picture(tmp_path / "grid.png").rgb.astype(int)
    assert grid.shape[1] == 5 * (_SIDE + _GAP) + _GAP
    for column, expected in enumerate([photo, stylized[0], stylized[0], stylized[1], stylized[1]]):
        assert np.abs(cell(grid, 0, column) - expected).max() <= 1
    # The second photo has no pair of the second style: it is stylized nevertheless, with a white cell for the target.
    assert np.abs(cell(grid, 1, 1) - stylized[0]).max() <= 1
    assert (cell(grid, 1, 2) == 255).all()


def test_first_photos_counts_photos_and_not_entries() -> None:
    entries = [record(photo, style) for photo in range(3) for style in range(2)]
    assert first_photos(entries, 2) == entries[:4]
    by_style = sorted(entries, key=lambda entry: entry.style)
    assert {entry.sha256 for entry in first_photos(by_style, 2)} == {entry.sha256 for entry in entries[:4]}


def test_a_generator_in_training_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="training mode"):
        validate_generator(
            Darker().train(), lambda _: (gray(1), None), [record(0)], grid=tmp_path / "g.png", grid_photos=1
        )


@pytest.mark.parametrize(
    ("best_by", "values", "stops_after"),
    [
        ("l1", [9, 8, 8.5, 8.2, 8.1], 4),  # two validations without a gain: stop
        ("l1", [9, 8, 8.5, 7.9, 8.1, 8.3], 6),  # a better value resets the count
        ("psnr", [20, 21, 20.5, 21], 4),  # higher is better; equal is not
        ("ssim", [0.5, 0.6, 0.7, 0.8], None),
        ("l1", [9, float("nan"), float("nan")], 3),
    ],
)
def test_early_stopping_counts_validations_without_gain(
    best_by: str, values: list[float], stops_after: int | None
) -> None:
    early_stopping = EarlyStopping(EarlyStopConfig(patience=2), best_by)  # type: ignore[arg-type]
    stops = []
    for value in values:
        early_stopping.observe(value)
        stops.append(early_stopping.should_stop)
    assert (stops.index(True) + 1 if True in stops else None) == stops_after
    replayed = EarlyStopping(EarlyStopConfig(patience=2), best_by, values)  # type: ignore[arg-type]
    assert replayed.should_stop == stops[-1]


def test_early_stopping_with_min_gain_and_without_patience() -> None:
    early_stopping = EarlyStopping(EarlyStopConfig(patience=1, min_gain=0.5), "l1", [9.0, 8.7])
    assert early_stopping.should_stop
    assert early_stopping.best == 9.0
    assert not EarlyStopping.from_config(TrainConfig(), [1.0, 2.0, 3.0, 4.0]).should_stop


def test_is_better() -> None:
    assert is_better(1.0, None, "l1", min_gain=5)
    assert is_better(1.0, 2.0, "l1")
    assert not is_better(2.0, 2.0, "l1")
    assert is_better(2.0, 1.0, "ssim")
    assert not is_better(1.4, 1.0, "psnr", 0.5)
