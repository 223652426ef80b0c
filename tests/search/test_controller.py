"""The controller owns the alphas, the supernet the weights; they never mix."""

from __future__ import annotations

import math
from typing import Any

import pytest
import torch
import torch.nn.functional as F

from emonas.genotype import KINDS, node_rows
from emonas.operations.table import OPERATION_NAMES, SKIP
from emonas.search.controller import Controller
from emonas.supernet.supernet import Supernet, all_active


def controller(edge_weights: bool = False, **options: Any) -> Controller:
    torch.manual_seed(0)
    return Controller(Supernet(3, 4, 2, 12, **options), edge_weights)


FORMS: list[tuple[dict[str, Any], int]] = [
    ({}, 2),
    ({"edge_weights": True}, 4),
    ({"exits": (3,)}, 3),
    ({"exits": (2, 3), "edge_weights": True}, 5),
]


@pytest.mark.parametrize(("options", "tensors"), FORMS)
def test_weights_and_alphas_share_nothing_and_are_everything(options: dict[str, Any], tensors: int) -> None:
    made = controller(**options)
    weights, alphas = ({id(p) for p in group} for group in (made.weights(), made.alphas()))
    assert not weights & alphas
    assert weights | alphas == {id(p) for p in made.parameters()}
    assert len(alphas) == len(list(made.alphas())) == tensors


@pytest.mark.parametrize(("options", "tensors"), FORMS)
def test_the_state_dict_holds_the_whole_search(options: dict[str, Any], tensors: int) -> None:
    made, other = controller(**options), controller(**options)
    with torch.no_grad():
        for alpha in made.alphas():
            alpha.normal_()
    assert other.cells() != made.cells()
    other.load_state_dict(made.state_dict())
    assert other.cells() == made.cells() and other.chosen_depth() == made.chosen_depth()
    assert all(torch.equal(a, b) for a, b in zip(made.alphas(), other.alphas(), strict=True))


def test_a_fresh_search_is_undecided() -> None:
    made = controller()
    for weights in made.mixture().values():
        assert torch.allclose(weights.sum(1), torch.ones(14))
    assert made.entropy()["normal"] == pytest.approx(math.log(7), abs=1e-3)


@pytest.mark.parametrize("edge_weights", [False, True])
def test_entropy_is_zero_when_every_edge_has_chosen(edge_weights: bool) -> None:
    made = controller(edge_weights)
    with torch.no_grad():
        made.alpha["normal"].fill_(-50)[:, SKIP] = 50
    assert made.entropy()["normal"] == pytest.approx(0, abs=1e-6)
    assert made.cells()["normal"].skips == 8
    assert made.cells({"normal": 3})["normal"].skips == 3


def test_entropy_counts_what_is_left_on_an_edge() -> None:
    active = all_active()
    active["normal"][:, 3:] = False
    assert controller(active=active).entropy()["normal"] == pytest.approx(math.log(3), abs=1e-3)


def test_absent_operations_have_no_weight_and_are_never_chosen() -> None:
    active = all_active()
    active["normal"][:, SKIP] = False
    made = controller(active=active)
    with torch.no_grad():
        made.alpha["normal"][:, SKIP] = 50
    mixture = made.mixture()
    assert (mixture["normal"][:, SKIP] == 0).all() and (mixture["reduction"][:, SKIP] > 0).all()
    assert torch.allclose(mixture["normal"].sum(1), torch.ones(14))
    assert made.cells()["normal"].skips == 0
    made.training_loss(torch.randn(2, 3, 12, 12), torch.tensor([0, 1]))[0].backward()
    gradient = made.alpha["normal"].grad
    assert gradient is not None and (gradient[:, SKIP] == 0).all() and gradient.isfinite().all()


def test_edge_weights_are_normalised_over_the_edges_of_a_node() -> None:
    made = controller(edge_weights=True)
    with torch.no_grad():
        made.beta["normal"].normal_()
    for kind in KINDS:
        of_edges = made.mixture()[kind].sum(1)
        for rows in node_rows(4):
            assert float(of_edges[rows].sum().detach()) == pytest.approx(1)
    first = made.beta["normal"][:2].softmax(0)
    assert torch.allclose(made.mixture()["normal"][:2], first[:, None] * made.alpha["normal"][:2].softmax(1))


def test_edge_weights_decide_which_edges_stay() -> None:
    made = controller(edge_weights=True)
    with torch.no_grad():
        made.beta["normal"].zero_()[[5, 8]] = 5.0
    assert [edge.source for edge in made.cells()["normal"].incoming(2)] == [0, 3]


def test_weights_learn_from_all_exits_and_alphas_from_those_with_weight() -> None:
    made = controller(exits=(2, 3)).eval()
    images, labels = torch.randn(4, 3, 12, 12), torch.tensor([0, 1, 2, 0])
    losses = torch.stack([F.cross_entropy(logits, labels) for logits in made.exits(images)])
    assert len(losses) == 3
    loss, logits = made.training_loss(images, labels)
    assert torch.allclose(loss, losses.mean()) and torch.equal(logits, made(images))
    assert made.depth is not None
    with torch.no_grad():
        made.depth.copy_(torch.tensor([0.0, 1.0, 2.0]))
    loss, _ = made.architecture_loss(images, labels)
    assert torch.allclose(loss, (torch.tensor([0.0, 1.0, 2.0]).softmax(0) * losses).sum())
    assert torch.autograd.grad(loss, made.depth)[0].abs().max() > 0


def test_the_depth_with_the_largest_weight_is_chosen() -> None:
    made = controller(exits=(2, 3))
    assert made.depth is not None
    for i, depth in enumerate((2, 3, 4)):
        with torch.no_grad():
            made.depth.zero_()[i] = 1.0
        assert made.chosen_depth() == depth
    assert controller().chosen_depth() == 4 and controller().depth_weights().tolist() == [1.0]


def test_the_columns_are_the_operations_in_their_order() -> None:
    made = controller()
    for column, name in enumerate(OPERATION_NAMES):
        with torch.no_grad():
            made.alpha["reduction"].zero_()[:, column] = 1.0
        assert {edge.operation for edge in made.cells()["reduction"].edges} == {name}
