"""P-DARTS: three stages, deeper and deeper, with fewer and fewer operations on each edge."""

from __future__ import annotations

import copy
from typing import Any

import pytest
import torch
from tiny_search import batches, hurry, plan
from torch import Tensor

from emonas.genotype import KINDS
from emonas.operations.modules import reductions
from emonas.operations.table import SKIP
from emonas.search.strategies.bilevel import Bilevel
from emonas.search.strategies.pdarts import DROPOUT_DECAY, STAGES, ProgressiveSearch, build
from emonas.training.losses import Batch, RunningMean


def made(**options: Any) -> ProgressiveSearch:
    torch.manual_seed(0)
    return build(plan(**{"strategy": "pdarts", "epochs": 3, **options}))


def left(active: dict[str, Tensor]) -> set[int]:
    """How many operations edges have."""
    return {int(count) for kind in KINDS for count in active[kind].sum(1)}


def dropout(strategy: ProgressiveSearch) -> float:
    (rate,) = {fan.skip_dropout for cell in strategy.controller.supernet.cells for fan in cell.fans}
    return rate  # type: ignore[no-any-return]


def test_each_stage_prunes_the_weakest_operations_of_the_one_before() -> None:
    strategy = made()
    before = strategy.controller
    for epoch, (kept, _, _) in enumerate(STAGES):
        allowed = strategy.active
        strategy.epoch(batches(batch=12), epoch)
        assert left(strategy.active) == left(strategy.controller.supernet.active) == {kept}
        for kind in KINDS:
            assert (strategy.active[kind] <= allowed[kind]).all(), "what is pruned does not come back"
            if epoch:
                weights = before.mixture()[kind].detach()
                weakest_kept = weights.masked_fill(~strategy.active[kind], torch.inf).amin(1)
                strongest_gone = weights.masked_fill(strategy.active[kind], -torch.inf).amax(1)
                assert (weakest_kept >= strongest_gone).all()
        before = strategy.controller
    assert [kept for kept, _, _ in STAGES] == [7, 5, 3]


def test_pruned_operations_have_no_weights_any_more() -> None:
    strategy = made()
    sizes = []
    for epoch in range(3):
        strategy.epoch(batches(batch=12), epoch)
        supernet = strategy.controller.supernet
        sizes.append(sum(p.numel() for p in supernet.cells[0].parameters()))
    assert sizes[0] > sizes[1] > sizes[2]


@pytest.mark.parametrize(("cells", "depths"), [(3, [3, 3, 3]), (8, [3, 5, 8]), (17, [5, 11, 17])])
def test_the_last_stage_is_as_deep_as_the_final_network(cells: int, depths: list[int]) -> None:
    strategy = made(cells=cells, channels=1)
    found = []
    for stage in range(3):
        strategy.current = strategy._begin(stage)
        found.append(len(strategy.controller.supernet.cells))
        architecture = strategy.architecture()
        assert (architecture.cells, architecture.reductions) == (cells, reductions(cells))
    assert found == depths


def test_dropout_begins_anew_in_each_stage_and_falls_once_the_alphas_move(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    strategy = made(epochs=12, warm_up=2)
    rates, alphas, moved = [], [], []
    for epoch in range(12):
        before = alphas[-1] if epoch % 4 else None
        strategy.epoch(batches(batch=12), epoch)
        rates.append(dropout(strategy))
        alphas.append(strategy.controller.alpha["normal"].detach().clone())
        moved.append(before is not None and not torch.equal(before, alphas[-1]))
    expected = []
    for _, _, start in STAGES:
        expected += [start, start, start, start * DROPOUT_DECAY]
    assert rates == pytest.approx(expected)
    assert expected[4:8:3] == pytest.approx([0.4, 0.32])
    assert moved == [False, False, True, True] * 3


@pytest.mark.parametrize(("warm_up", "epochs"), [(None, 2), (0, 0), (1, 1)])
def test_the_warm_up_is_two_fifths_of_a_stage_unless_told_otherwise(warm_up: int | None, epochs: int) -> None:
    assert made(epochs=15, warm_up=warm_up).current.plan.warm_up == epochs


def test_the_normal_cell_keeps_two_skips_at_most_unless_told_otherwise() -> None:
    for budget, normal, reduction in ((None, 2, 8), (1, 1, 1), (0, 0, 0)):
        strategy = made(skip_budget=budget)
        with torch.no_grad():
            for kind in KINDS:
                strategy.controller.alpha[kind].normal_()[:, SKIP] = 9.0
        found = strategy.architecture()
        assert (found.normal.skips, found.reduction.skips) == (normal, reduction)


def test_epochs_are_shared_out_evenly_and_rounded_up() -> None:
    assert [made(epochs=epochs).epochs for epochs in (1, 3, 7)] == [3, 3, 9]


def test_stages_do_not_see_the_same_order(monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[int]] = []
    plain = Bilevel.weight_step

    def noting(self: Bilevel, batch: Batch, tally: RunningMean) -> None:
        seen.append(batch[1].tolist())
        plain(self, batch, tally)

    monkeypatch.setattr(Bilevel, "weight_step", noting)
    strategy = made()
    for epoch in range(3):
        strategy.epoch(batches(batch=12), epoch)
    per_epoch = len(seen) // 3
    stages = [tuple(map(tuple, seen[i * per_epoch : (i + 1) * per_epoch])) for i in range(3)]
    assert len(set(stages)) == 3


@pytest.mark.parametrize("stop", [1, 2, 3, 4, 5])
def test_continues_in_the_middle_of_a_stage_and_between_two(stop: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Two epochs a stage; the other strategy has begun, as a restarted command's has, with fresh weights."""
    hurry(monkeypatch)
    whole = made(epochs=6, cells=5)
    for epoch in range(stop):
        torch.manual_seed(epoch)
        whole.epoch(batches(batch=12), epoch)
    state = copy.deepcopy(whole.state_dict())
    torch.manual_seed(99)
    again = build(whole.plan)
    again.load_state_dict(state)
    assert again.epochs_done == stop and left(again.active) == left(whole.active)
    assert again.architecture() == whole.architecture()
    for strategy in (whole, again):
        torch.manual_seed(stop)
        strategy.epoch(batches(batch=12), stop)
    for (name, ours), theirs in zip(
        whole.controller.state_dict().items(), again.controller.state_dict().values(), strict=True
    ):
        assert torch.equal(ours, theirs), name
