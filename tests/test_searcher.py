"""The controller owns the alphas, the supernet the weights; they never mix."""

from __future__ import annotations

import math

import pytest
import torch

from emonas.search.searcher import Searcher
from emonas.supernet import Supernet


@pytest.fixture
def searcher() -> Searcher:
    torch.manual_seed(0)
    return Searcher(Supernet(3, 2, 2, 12))


def test_weights_and_alphas_share_nothing_and_are_everything(searcher: Searcher) -> None:
    weights, alphas = ({id(p) for p in group} for group in (searcher.weights(), searcher.alphas()))
    assert not weights & alphas
    assert weights | alphas == {id(p) for p in searcher.parameters()}
    assert len(alphas) == 2


def test_the_state_dict_holds_the_whole_search(searcher: Searcher) -> None:
    other = Searcher(Supernet(3, 2, 2, 12))
    other.load_state_dict(searcher.state_dict())
    assert other.cells() == searcher.cells()
    assert torch.equal(other.alpha["normal"], searcher.alpha["normal"])


def test_a_fresh_search_is_undecided(searcher: Searcher) -> None:
    for weights in searcher.mixture().values():
        assert torch.allclose(weights.sum(1), torch.ones(14))
    assert searcher.entropy()["normal"] == pytest.approx(math.log(7), abs=1e-3)


def test_entropy_is_zero_when_every_edge_has_chosen(searcher: Searcher) -> None:
    with torch.no_grad():
        searcher.alpha["normal"].fill_(-50)[:, 2] = 50
    assert searcher.entropy()["normal"] == pytest.approx(0, abs=1e-6)
    assert searcher.cells()["normal"].skips == 8
