"""Dynamic weighting of style against content: compared with a loop over steps, and across resuming."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor

from pix2style.training.objective.balance import Balance


def _scalar(value: float) -> Tensor:
    return torch.tensor(value)


def test_the_factor_of_the_first_step_is_0() -> None:
    balance = Balance(2.0, 100)
    assert float(balance.factor(0)) == 0
    balance.observe(_scalar(3.0), _scalar(0.5), 4)
    assert float(balance.factor(0)) == 0  # another micro-batch of the same step
    assert float(balance.factor(4)) == pytest.approx(2.0 * 3.0 / 0.5)


def test_the_factor_is_a_ratio_of_running_means_with_a_halflife() -> None:
    balance, ratio, halflife, batch = Balance(1.5, 8), 1.5, 8, 4
    contents, styles = [4.0, 2.0, 1.0, 5.0], [0.1, 0.4, 0.3, 0.2]
    for step, (content, style) in enumerate(zip(contents, styles, strict=True)):
        balance.factor(step * batch)
        balance.observe(_scalar(content), _scalar(style), batch)
    # An image seen 8 images ago has half the weight.
    ages = [batch * (len(contents) - 1 - step) for step in range(len(contents))]
    mean_content = sum(c * 0.5 ** (age / halflife) for c, age in zip(contents, ages, strict=True))
    mean_style = sum(s * 0.5 ** (age / halflife) for s, age in zip(styles, ages, strict=True))
    assert float(balance.factor(16)) == pytest.approx(ratio * mean_content / mean_style, rel=1e-5)


def test_micro_batches_equal_one_batch() -> None:
    one_batch, micro_batches = Balance(1.0, 10), Balance(1.0, 10)
    for step in range(3):
        one_batch.factor(step * 4)
        one_batch.observe(_scalar(2.5 + step), _scalar(0.4), 4)
        for content, images in ((3.0 + step, 3), (1.0 + step, 1)):
            micro_batches.factor(step * 4)
            micro_batches.observe(_scalar(content), _scalar(0.4), images)
    assert float(micro_batches.factor(12)) == pytest.approx(float(one_batch.factor(12)), rel=1e-6)


@pytest.mark.parametrize("value", [float("nan"), float("inf")])
def test_values_that_are_not_finite_are_ignored(value: float) -> None:
    balance = Balance(1.0, 10)
    balance.factor(0)
    balance.observe(_scalar(2.0), _scalar(1.0), 4)
    balance.factor(4)
    balance.observe(_scalar(value), _scalar(1.0), 4)
    assert float(balance.factor(8)) == pytest.approx(2.0)


def test_a_style_loss_of_0_does_not_divide_by_0() -> None:
    balance = Balance(1.0, 10)
    balance.factor(0)
    balance.observe(_scalar(2.0), _scalar(0.0), 4)
    assert balance.factor(4).isfinite()


def test_resuming_is_exact() -> None:
    steps = [(_scalar(4.0 / 3), _scalar(0.1)), (_scalar(2.0), _scalar(0.7)), (_scalar(1.1), _scalar(0.3))]
    balance, resumed = Balance(1.0, 7), Balance(1.0, 7)
    for step, terms in enumerate(steps):
        balance.factor(4 * step)
        balance.observe(*terms, 4)
    resumed.load_resume_state(balance.resume_state())
    for step in (3, 4):
        assert torch.equal(balance.factor(4 * step), resumed.factor(4 * step))
        balance.observe(*steps[0], 4)
        resumed.observe(*steps[0], 4)
    assert all(
        torch.equal(a, b) for a, b in zip(balance.resume_state().values(), resumed.resume_state().values(), strict=True)
    )


def test_the_resume_state_is_a_copy() -> None:
    balance = Balance(1.0, 7)
    balance.factor(0)
    state = balance.resume_state()
    balance.observe(_scalar(1.0), _scalar(1.0), 4)
    assert float(state["balance_pending"].sum()) == 0


def _run_process(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/rendezvous", rank=rank, world_size=2)
    balance = Balance(1.0, 10)
    for step, (content, style) in enumerate(_TWO_PROCESSES[rank]):
        balance.factor(step * 4)
        balance.observe(_scalar(content), _scalar(style), 2)
    torch.save({**balance.resume_state(), "factor": balance.factor(8)}, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


# (content, style) of each process at each step
_TWO_PROCESSES = (((2.0, 0.5), (3.0, 0.25)), ((4.0, 0.25), (1.0, 0.75)))


def test_two_processes_equal_a_single_one(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_run_process, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    single = Balance(1.0, 10)
    for step, ((content_a, style_a), (content_b, style_b)) in enumerate(zip(*_TWO_PROCESSES, strict=True)):
        single.factor(step * 4)
        single.observe(_scalar((content_a + content_b) / 2), _scalar((style_a + style_b) / 2), 4)
    torch.testing.assert_close(first["factor"], single.factor(8))
