"""PC-DARTS: a quarter of the channels, weights for the edges, and a rest for the alphas at the start."""

from __future__ import annotations

import pytest
import torch
from tiny_search import batches, plan

from emonas.errors import UserError
from emonas.search.strategies.emonas import build as build_plain
from emonas.search.strategies.pcdarts import PART, build


def test_a_quarter_of_the_channels_is_mixed_and_edges_have_weights() -> None:
    controller = build(plan(strategy="pcdarts", channels=8)).controller
    assert [(cell.mixed, cell.part) for cell in controller.supernet.cells] == [(2, PART), (4, PART), (8, PART)]
    assert [alpha.shape for alpha in controller.alphas()] == [(14, 7), (14, 7), (14,), (14,)]


def test_is_smaller_than_the_whole_supernet() -> None:
    sizes = [
        sum(p.numel() for p in made(plan(strategy="pcdarts", channels=16)).controller.weights())
        for made in (build, build_plain)
    ]
    assert sizes[0] < 0.5 * sizes[1]


@pytest.mark.parametrize("channels", [1, 2, 6, 10])
def test_channels_that_do_not_divide_are_one_line(channels: int) -> None:
    with pytest.raises(UserError, match=f"--channels {channels}: pcdarts needs a multiple of 4") as raised:
        build(plan(strategy="pcdarts", channels=channels))
    assert len(str(raised.value).splitlines()) == 1


@pytest.mark.parametrize(("warm_up", "epochs"), [(None, 3), (0, 0), (5, 5)])
def test_the_alphas_rest_for_three_tenths_unless_told_otherwise(warm_up: int | None, epochs: int) -> None:
    assert build(plan(strategy="pcdarts", epochs=10, warm_up=warm_up)).plan.warm_up == epochs


def test_all_that_describes_the_architecture_moves_after_the_warm_up_and_nothing_before() -> None:
    torch.manual_seed(0)
    strategy = build(plan(strategy="pcdarts", epochs=2, warm_up=1))
    for epoch, moves in ((0, False), (1, True)):
        before = [alpha.detach().clone() for alpha in strategy.controller.alphas()]
        strategy.epoch(batches(), epoch)
        for old, new in zip(before, strategy.controller.alphas(), strict=True):
            assert torch.equal(old, new) is not moves


def test_the_cost_weight_is_in_units_of_even_odds_here_too() -> None:
    strategy = build(plan(strategy="pcdarts", cost_weight=0.5))
    assert strategy.penalty is not None
    assert strategy.penalty(strategy.controller).item() == pytest.approx(0.5, rel=0.01)
