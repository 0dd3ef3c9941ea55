"""Style follows content: against a loop over pictures, and across resume."""

from __future__ import annotations

from pathlib import Path

import pytest
import torch
import torch.multiprocessing
from torch import Tensor

from pix2style.training.objective.balance import Balance


def _scalar(value: float) -> Tensor:
    return torch.tensor(value)


def test_the_first_steps_style_counts_nothing() -> None:
    balance = Balance(2.0, 100)
    assert float(balance.factor(0)) == 0
    balance.observe(_scalar(3.0), _scalar(0.5), 4)
    assert float(balance.factor(0)) == 0  # the same step, another part
    assert float(balance.factor(4)) == pytest.approx(2.0 * 3.0 / 0.5)


def test_factor_follows_running_means_of_a_halflife() -> None:
    balance, ratio, halflife, batch = Balance(1.5, 8), 1.5, 8, 4
    contents, styles = [4.0, 2.0, 1.0, 5.0], [0.1, 0.4, 0.3, 0.2]
    for step, (content, style) in enumerate(zip(contents, styles, strict=True)):
        balance.factor(step * batch)
        balance.observe(_scalar(content), _scalar(style), batch)
    # what was seen 8 pictures ago counts half
    ages = [batch * (len(contents) - 1 - step) for step in range(len(contents))]
    mean_content = sum(c * 0.5 ** (age / halflife) for c, age in zip(contents, ages, strict=True))
    mean_style = sum(s * 0.5 ** (age / halflife) for s, age in zip(styles, ages, strict=True))
    assert float(balance.factor(16)) == pytest.approx(ratio * mean_content / mean_style, rel=1e-5)


def test_parts_of_a_step_count_as_the_whole() -> None:
    whole, parts = Balance(1.0, 10), Balance(1.0, 10)
    for step in range(3):
        whole.factor(step * 4)
        whole.observe(_scalar(2.5 + step), _scalar(0.4), 4)
        for content, pictures in ((3.0 + step, 3), (1.0 + step, 1)):
            parts.factor(step * 4)
            parts.observe(_scalar(content), _scalar(0.4), pictures)
    assert float(parts.factor(12)) == pytest.approx(float(whole.factor(12)), rel=1e-6)


@pytest.mark.parametrize("bad", [float("nan"), float("inf")])
def test_what_is_not_finite_does_not_count(bad: float) -> None:
    balance = Balance(1.0, 10)
    balance.factor(0)
    balance.observe(_scalar(2.0), _scalar(1.0), 4)
    balance.factor(4)
    balance.observe(_scalar(bad), _scalar(1.0), 4)
    assert float(balance.factor(8)) == pytest.approx(2.0)


def test_a_style_that_is_reached_divides_by_nothing() -> None:
    balance = Balance(1.0, 10)
    balance.factor(0)
    balance.observe(_scalar(2.0), _scalar(0.0), 4)
    assert balance.factor(4).isfinite()


def test_going_on_is_exact() -> None:
    steps = [(_scalar(4.0 / 3), _scalar(0.1)), (_scalar(2.0), _scalar(0.7)), (_scalar(1.1), _scalar(0.3))]
    balance, resumed = Balance(1.0, 7), Balance(1.0, 7)
    for step, seen in enumerate(steps):
        balance.factor(4 * step)
        balance.observe(*seen, 4)
    resumed.load_resume_state(balance.resume_state())
    for step in (3, 4):
        assert torch.equal(balance.factor(4 * step), resumed.factor(4 * step))
        balance.observe(*steps[0], 4)
        resumed.observe(*steps[0], 4)
    assert all(
        torch.equal(a, b) for a, b in zip(balance.resume_state().values(), resumed.resume_state().values(), strict=True)
    )


def test_memory_is_a_copy() -> None:
    balance = Balance(1.0, 7)
    balance.factor(0)
    memory = balance.resume_state()
    balance.observe(_scalar(1.0), _scalar(1.0), 4)
    assert float(memory["balance_pending"].sum()) == 0


def _one_of_two(rank: int, folder: Path) -> None:
    torch.distributed.init_process_group("gloo", init_method=f"file://{folder}/meeting", rank=rank, world_size=2)
    balance = Balance(1.0, 10)
    for step, (content, style) in enumerate(_TWO_PROCESSES[rank]):
        balance.factor(step * 4)
        balance.observe(_scalar(content), _scalar(style), 2)
    torch.save({**balance.resume_state(), "factor": balance.factor(8)}, folder / f"{rank}.pt")
    torch.distributed.destroy_process_group()


# (content, style) of each process at each step
_TWO_PROCESSES = (((2.0, 0.5), (3.0, 0.25)), ((4.0, 0.25), (1.0, 0.75)))


def test_two_processes_hold_what_one_would(tmp_path: Path) -> None:
    torch.multiprocessing.spawn(_one_of_two, (tmp_path,), nprocs=2)
    first, second = (torch.load(tmp_path / f"{rank}.pt", weights_only=True) for rank in (0, 1))
    assert all(torch.equal(first[name], second[name]) for name in first)
    alone = Balance(1.0, 10)
    for step, ((content_a, style_a), (content_b, style_b)) in enumerate(zip(*_TWO_PROCESSES, strict=True)):
        alone.factor(step * 4)
        alone.observe(_scalar((content_a + content_b) / 2), _scalar((style_a + style_b) / 2), 4)
    torch.testing.assert_close(first["factor"], alone.factor(8))
