"""The bilevel step: who moves when, by which gradient."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, cast

import pytest
import torch
import torch.nn.functional as F
from tiny_search import CPU, RATES, plan
from torch import Tensor

from emonas.errors import UserError
from emonas.genotype import KINDS
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.strategies.bilevel import Bilevel, BilevelPlan, Penalty
from emonas.search.strategies.emonas import build
from emonas.search.strategies.unrolled import unrolled_gradient
from emonas.supernet.supernet import Supernet
from emonas.training.losses import Batch, RunningMean


def strategy(penalty: Penalty | None = None, **options: Any) -> Bilevel:
    torch.manual_seed(0)
    return Bilevel(Controller(Supernet(3, 3, 2, 12)), BilevelPlan(**{"epochs": 2, **RATES, **options}), CPU, penalty)


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 3, 12, 12, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


@dataclass
class Listed:
    """Given batches; notes how many of the alphas' were taken."""

    of_weights: list[Batch]
    of_alphas: list[Batch]
    taken: list[int] = field(default_factory=list)

    def weights(self, epoch: int) -> Iterator[Batch]:
        return iter(self.of_weights)

    def alphas(self, epoch: int) -> Iterator[Batch]:
        for number, each in enumerate(self.of_alphas):
            self.taken.append(number)
            yield each


def epoch(bilevel: Bilevel, of_weights: list[Batch], of_alphas: list[Batch], number: int = 0) -> Any:
    return bilevel.epoch(cast(SearchBatches, Listed(of_weights, of_alphas)), number)


def copies(parameters: Iterator[Tensor]) -> list[Tensor]:
    return [p.detach().clone() for p in parameters]


def same(left: list[Tensor], right: Iterator[Tensor]) -> bool:
    return all(torch.equal(a, b) for a, b in zip(left, right, strict=True))


def test_the_optimisers_share_no_tensor() -> None:
    bilevel = strategy()
    held = [
        {id(p) for group in optimiser.param_groups for p in group["params"]}
        for optimiser in (bilevel.weight_optimiser, bilevel.alpha_optimiser)
    ]
    assert held[0] and held[1] and not held[0] & held[1]


@pytest.mark.parametrize("order", [1, 2])
def test_each_step_moves_its_own_parameters_only(order: int) -> None:
    bilevel = strategy(order=order)
    controller = bilevel.controller
    weights, alphas = copies(controller.weights()), copies(controller.alphas())
    bilevel.alpha_step(batch(1), batch(2), RunningMean())
    assert same(weights, controller.weights())
    assert not any(torch.equal(a, b) for a, b in zip(alphas, controller.alphas(), strict=True))
    alphas = copies(controller.alphas())
    bilevel.weight_step(batch(2), RunningMean())
    assert same(alphas, controller.alphas()) and not same(weights, controller.weights())


def test_the_weight_step_is_sgd_on_the_clipped_gradient() -> None:
    bilevel = strategy(learning_rate=0.1, weight_decay=0.0, grad_clip=0.5)
    controller = bilevel.controller.train()
    images, labels = batch(3)
    before = copies(controller.weights())
    gradients = torch.autograd.grad(F.cross_entropy(controller(images), labels), list(controller.weights()))
    norm = torch.stack([g.norm() for g in gradients]).norm()
    assert norm > 0.5
    bilevel.weight_step((images, labels), RunningMean())
    for old, new, gradient in zip(before, controller.weights(), gradients, strict=True):
        assert torch.allclose(new, old - 0.1 * gradient * 0.5 / norm, atol=1e-6)


def moved(bilevel: Bilevel, validation: Batch, train: Batch) -> Tensor:
    """How one alpha step moves the normal cell's alphas."""
    before = bilevel.controller.alpha["normal"].detach().clone()
    bilevel.alpha_step(validation, train, RunningMean())
    return bilevel.controller.alpha["normal"].detach() - before


def goes_down(step: Tensor, gradient: Tensor) -> bool:
    """Adam's first step is down the gradient's signs, where those are clear."""
    clear = gradient.abs() > 1e-4
    assert clear.sum() > 20
    return bool((step[clear].sign() == -gradient[clear].sign()).all())


def test_alphas_go_down_the_gradient_of_their_own_people() -> None:
    bilevel = strategy()
    controller = bilevel.controller.train()
    loss = F.cross_entropy(controller(batch(4)[0]), batch(4)[1])
    gradient = torch.autograd.grad(loss, controller.alpha["normal"])[0]
    assert goes_down(moved(bilevel, batch(4), batch(5)), gradient)


def test_the_second_order_goes_down_the_unrolled_gradient() -> None:
    bilevel = strategy(order=2, learning_rate=0.5)
    controller = bilevel.controller.train()
    *_, gradients = unrolled_gradient(
        controller, batch(5), lambda: controller.architecture_loss(*batch(4)), bilevel._virtual()
    )
    first = torch.autograd.grad(controller.architecture_loss(*batch(4))[0], controller.alpha["normal"])[0]
    step = moved(bilevel, batch(4), batch(5))
    assert goes_down(step, gradients[0]) and not goes_down(step, first)


def test_the_alphas_rest_while_the_weights_warm_up() -> None:
    bilevel = strategy(warm_up=1)
    weights, alphas = copies(bilevel.controller.weights()), copies(bilevel.controller.alphas())
    assert set(epoch(bilevel, [batch(1)], [batch(2)], 0)) == {"weights"}
    assert same(alphas, bilevel.controller.alphas()) and not same(weights, bilevel.controller.weights())
    assert set(epoch(bilevel, [batch(1)], [batch(2)], 1)) == {"weights", "alphas"}
    assert not same(alphas, bilevel.controller.alphas())


def test_an_epoch_ends_with_the_weights_people_however_many_alpha_batches_there_are() -> None:
    bilevel = strategy()
    scores = epoch(bilevel, [batch(1), batch(2)], [batch(i) for i in range(3, 100)])
    assert set(scores) == {"weights", "alphas"} and bilevel.epochs_done == 1
    assert 0 <= scores["alphas"].accuracy <= 1


def test_a_ruined_loss_is_one_clear_error() -> None:
    images, labels = batch(1)
    with pytest.raises(UserError, match="epoch 1"):
        epoch(strategy(), [(images * float("nan"), labels)], [batch(2)])


def small(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(3, 3, 8, 8, generator=generator), torch.tensor([0, 1, 2])


@pytest.mark.parametrize("cost", ["parameters", "macs"])
def test_a_large_cost_weight_leaves_the_cells_that_cost_least(cost: str) -> None:
    bilevel = build(plan(cost_weight=1e6, cost=cost, alpha_rate=1.0))
    for number in range(6):
        bilevel.alpha_step(small(number), small(number), RunningMean())
    free = {"max_pool_3x3", "avg_pool_3x3", "skip_connect"}
    cells = bilevel.controller.cells()
    assert {edge.operation for edge in cells["normal"].edges} <= free
    # In a reduction cell the skips from the inputs are convolutions; those between nodes are free.
    assert all(
        edge.operation in free - ({"skip_connect"} if edge.source < 2 else set()) for edge in cells["reduction"].edges
    )
    assert bilevel.penalty is not None
    assert bilevel.penalty(bilevel.controller) < 1e6


def test_the_cost_weight_multiplies_the_expected_cost_in_units_of_even_odds() -> None:
    assert build(plan()).penalty is None
    bilevel = build(plan(cost_weight=0.3))
    assert bilevel.penalty is not None
    assert bilevel.penalty(bilevel.controller).item() == pytest.approx(0.3, rel=0.01)
    tally, without = RunningMean(), bilevel.controller.train().architecture_loss(*small(0))[0].item()
    bilevel.alpha_step(small(0), small(1), tally)
    assert tally.score().loss - without == pytest.approx(0.3, rel=0.01)


def test_with_a_searched_depth_the_cost_pulls_it_down() -> None:
    bilevel = build(plan(search_cells=True, cells=5, cost_weight=1e6, alpha_rate=0.1))
    for number in range(5):
        bilevel.alpha_step(small(number), small(number), RunningMean())
    assert bilevel.controller.supernet.depths == (3, 4, 5)
    assert bilevel.architecture().cells == 3


def test_an_architecture_keeps_the_full_stacks_reductions() -> None:
    bilevel = build(plan(search_cells=True, cells=8))
    depth = bilevel.controller.depth
    assert depth is not None
    for i, (cells, where) in enumerate([(3, (2,)), (4, (2,)), (5, (2,)), (6, (2, 5)), (7, (2, 5)), (8, (2, 5))]):
        with torch.no_grad():
            depth.zero_()[i] = 1.0
        found = bilevel.architecture()
        assert (found.cells, found.reductions) == (cells, where)


def test_no_depth_is_without_a_reduction() -> None:
    """Without one in its genotype a network would put them where its own number of cells asks for them."""
    for cells in (4, 9, 13, 20):
        bilevel = build(plan(search_cells=True, cells=cells, channels=2))
        depth = bilevel.controller.depth
        assert depth is not None
        with torch.no_grad():
            depth.zero_()[0] = 1.0
        assert bilevel.architecture().reductions


def test_the_plan_follows_the_options() -> None:
    numbers = build(plan(epochs=7, learning_rate=0.1, alpha_rate=0.2, warm_up=3)).plan
    assert (numbers.epochs, numbers.learning_rate, numbers.alpha_rate, numbers.warm_up) == (7, 0.1, 0.2, 3)
    assert numbers.min_learning_rate == pytest.approx(0.004)
    assert build(plan()).plan.warm_up == 0


def test_the_skip_budget_binds_both_kinds_of_cell() -> None:
    bilevel = build(plan(skip_budget=2))
    with torch.no_grad():
        for kind in KINDS:
            bilevel.controller.alpha[kind].zero_()[:, 2] = 5.0
    found = bilevel.architecture()
    assert (found.normal.skips, found.reduction.skips) == (2, 2)
