"""What is measured on held-out photos, what the grid shows, and when that ends a run."""

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
from pix2style.training.run.early_stop import EarlyStopping, is_better
from pix2style.training.run.validation import first_photos, validate

_SIDE, _TOP, _GAP = 32, 34, 8


class Darker(Generator):
    """Every value becomes a quarter of the range lower."""

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


def test_figures_and_grid_of_known_pictures(tmp_path: Path) -> None:
    # darker by 16 levels; the targets are 20 and 24 levels darker: 4 and 8 levels off
    report = validate(
        Darker().eval(),
        lambda entry: (gray(100), gray(80 if entry.key.endswith("0") else 76)),
        [record(0), record(1)],
        grid=tmp_path / "grid.png",
        grid_photos=1,
    )
    assert report is not None
    assert report.pictures == 2
    assert report.l1_levels == pytest.approx(6)
    psnr = [20 * np.log10(255 / off) for off in (4, 8)]
    assert report.psnr_db == pytest.approx(np.mean(psnr))
    assert report.ssim == pytest.approx(np.mean([ssim(gray(84), gray(80)), ssim(gray(84), gray(76))]))
    assert report.figures() == {
        "validation/l1_levels": report.l1_levels,
        "validation/psnr_db": report.psnr_db,
        "validation/ssim": report.ssim,
    }
    grid = read_picture(tmp_path / "grid.png").rgb
    assert grid.shape == (_TOP + _SIDE + _GAP, 3 * (_SIDE + _GAP) + _GAP, 3)
    for column, level in enumerate((100, 84, 80)):
        np.testing.assert_array_equal(cell(grid, 0, column), gray(level))


def test_without_targets_there_is_a_grid_and_no_figures(tmp_path: Path) -> None:
    report = validate(
        Darker().eval(), lambda _: (gray(100), None), [record(0)], grid=tmp_path / "grid.png", grid_photos=3
    )
    assert report is None
    grid = read_picture(tmp_path / "grid.png").rgb
    assert grid.shape[1] == 2 * (_SIDE + _GAP) + _GAP  # content and stylized alone


def multi() -> Generator:
    torch.manual_seed(0)
    network = Lite(channels=8, blocks=1, scale=2, styles=2)
    with torch.no_grad():
        for weight in network.parameters():
            weight.add_(0.2 * torch.randn_like(weight))  # fresh styles may paint alike
    return network.eval()


def test_each_style_is_measured_and_shown_in_its_own_columns(
    tmp_path: Path, photos: Callable[..., list[Image8]]
) -> None:
    [photo] = photos(1, _SIDE, _SIDE)
    network = multi()
    with torch.inference_mode():
        signed = torch.from_numpy(photo.transpose(2, 0, 1)[None].copy()).float() / 127.5 - 1
        one_hot = [network(signed, style=torch.eye(2)[[style]]) for style in range(2)]
    painted = [((one[0].permute(1, 2, 0).numpy() + 1) * 127.5).clip(0, 255).round().astype(np.uint8) for one in one_hot]
    assert np.abs(painted[0].astype(int) - painted[1]).mean() > 1
    entries = [record(0, 0), record(0, 1), record(1, 1)]
    report = validate(
        network,
        lambda entry: (photo, painted[entry.style]),
        entries,
        grid=tmp_path / "grid.png",
        grid_photos=2,
        styles=["first", "second"],
    )
    assert report is not None
    assert report.pictures == 3
    assert report.l1_levels < 0.1  # each against the target of its own style; folding rounds
    grid = read_picture(tmp_path / "grid.png").rgb.astype(int)
    assert grid.shape[1] == 5 * (_SIDE + _GAP) + _GAP
    for column, expected in enumerate([photo, painted[0], painted[0], painted[1], painted[1]]):
        assert np.abs(cell(grid, 0, column) - expected).max() <= 1
    # the second photo has no pair of the first style: painted all the same, with a blank beside it
    assert np.abs(cell(grid, 1, 1) - painted[0]).max() <= 1
    assert (cell(grid, 1, 2) == 255).all()


def test_first_photos_counts_photos_not_pictures() -> None:
    entries = [record(photo, style) for photo in range(3) for style in range(2)]
    assert first_photos(entries, 2) == entries[:4]
    by_style = sorted(entries, key=lambda entry: entry.style)
    assert {entry.sha256 for entry in first_photos(by_style, 2)} == {entry.sha256 for entry in entries[:4]}


def test_a_generator_in_training_mode_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="training mode"):
        validate(Darker().train(), lambda _: (gray(1), None), [record(0)], grid=tmp_path / "g.png", grid_photos=1)


@pytest.mark.parametrize(
    ("best_by", "figures", "over_after"),
    [
        ("l1", [9, 8, 8.5, 8.2, 8.1], 4),  # the third and fourth bring nothing: over
        ("l1", [9, 8, 8.5, 7.9, 8.1, 8.3], 6),  # a better one begins the count anew
        ("psnr", [20, 21, 20.5, 21], 4),  # higher is better; equal is not
        ("ssim", [0.5, 0.6, 0.7, 0.8], None),
        ("l1", [9, float("nan"), float("nan")], 3),
    ],
)
def test_early_stop_counts_looks_without_gain(best_by: str, figures: list[float], over_after: int | None) -> None:
    stop = EarlyStopping(EarlyStopConfig(patience=2), best_by)  # type: ignore[arg-type]
    over = []
    for figure in figures:
        stop.observe(figure)
        over.append(stop.should_stop)
    assert (over.index(True) + 1 if True in over else None) == over_after
    assert EarlyStopping(EarlyStopConfig(patience=2), best_by, figures).should_stop == over[-1]  # type: ignore[arg-type]


def test_early_stop_with_a_least_gain_and_without_patience() -> None:
    stop = EarlyStopping(EarlyStopConfig(patience=1, min_gain=0.5), "l1", [9.0, 8.7])
    assert stop.should_stop
    assert stop.best == 9.0
    assert not EarlyStopping.from_config(TrainConfig(), [1.0, 2.0, 3.0, 4.0]).should_stop


def test_is_better() -> None:
    assert is_better(1.0, None, "l1", min_gain=5)
    assert is_better(1.0, 2.0, "l1")
    assert not is_better(2.0, 2.0, "l1")
    assert is_better(2.0, 1.0, "ssim")
    assert not is_better(1.4, 1.0, "psnr", 0.5)
