"""The fast supernet equals the plain one in every form; derived cells are what the weights say."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from edge_by_edge import PlainSupernet, copy_parameters, gradient, parameters, statistics
from torch import Tensor

from emonas.genotype import INPUTS, KINDS, count_edges, node_rows
from emonas.operations.table import OPERATION_NAMES, SKIP
from emonas.supernet.grouped import grouped_cell
from emonas.supernet.mixed_cell import MixedCell
from emonas.supernet.supernet import Supernet, all_active, derive_cell

CLASSES = 3
SKIP_NAME = OPERATION_NAMES[SKIP]
OPERATIONS = len(OPERATION_NAMES)
#: Two nodes see what leaves an input, and one what leaves the other.
NODES = 2
FORMS = ("product by product", "few large kernels")


def use(form: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let all cells compute in the form for a CPU or in that for a GPU."""
    if form == "few large kernels":
        monkeypatch.setattr(MixedCell, "forward", grouped_cell)


@dataclass
class Answer:
    """What a network says to a batch, and the gradients of its loss in the operations' and the edges' weights."""

    logits: list[Tensor]
    gradients: list[Tensor]


def pair(
    cells: int = 3, channels: int = 4, checkpointing: bool = False, **options: Any
) -> tuple[Supernet, PlainSupernet]:
    """Both forms with the same random parameters and running statistics."""
    torch.manual_seed(0)
    fast = Supernet(CLASSES, cells, channels, 16, checkpointing=checkpointing, **options).double()
    fast.to(memory_format=torch.channels_last)
    plain = PlainSupernet(CLASSES, cells, channels, 16, **options).double()
    for name, buffer in fast.named_buffers():
        if name.endswith("var"):
            buffer.uniform_(0.5, 2)
        elif name.endswith("mean"):
            buffer.normal_()
    copy_parameters(fast, plain)
    return fast, plain


def answer(network: Supernet | PlainSupernet, sides: tuple[int, int]) -> Answer:
    """The same random images, labels and alphas for every network; gradients are left in its parameters."""
    generator = torch.Generator().manual_seed(1)
    colours = next(network.stem.parameters()).shape[1]
    images = torch.randn(3, colours, *sides, dtype=torch.float64, generator=generator)
    leaves, mixture = [], []
    for kind in KINDS:
        alpha = torch.randn(network.active[kind].shape, dtype=torch.float64, generator=generator).requires_grad_()
        of_edges = torch.rand(len(alpha), 1, dtype=torch.float64, generator=generator).requires_grad_()
        mixture.append(alpha.masked_fill(~network.active[kind], -torch.inf).softmax(1) * of_edges)
        leaves += [alpha, of_edges]
    logits = network.all_logits(images, *mixture)
    torch.stack([F.cross_entropy(each, torch.tensor([0, 2, 1])) for each in logits]).sum().backward()
    return Answer([each.detach() for each in logits], [gradient(leaf) for leaf in leaves])


def assert_same(fast: Supernet, plain: PlainSupernet, sides: tuple[int, int]) -> None:
    """Outputs and running statistics within 1e-12, gradients within 1e-10 of the largest in their tensor.

    One channel's normalisation undoes its scale, whose gradient is then rounding: what is small beside all is let pass.
    """
    ours, theirs = (answer(network, sides) for network in (fast, plain))
    assert len(ours.logits) == len(fast.depths) and fast.depths == plain.depths
    for left, right in zip(ours.logits, theirs.logits, strict=True):
        assert (left - right).abs().max() < 1e-12
    pairs = list(parameters(fast, plain, gradient))
    assert sum(left.numel() for left, _ in pairs) == sum(p.numel() for p in fast.parameters())
    for together in (list(zip(ours.gradients, theirs.gradients, strict=True)), pairs):
        least = 1e-3 * max(float(right.abs().max()) for _, right in together)
        for left, right in together:
            assert (left - right).abs().max() < 1e-10 * max(least, float(right.abs().max()))
    for left, right in statistics(fast, plain):
        assert (left - right).abs().max() < 1e-12


def some_active(seed: int = 0, kept: int = 3) -> dict[str, Tensor]:
    """A few operations on each edge, other ones on each."""
    generator = torch.Generator().manual_seed(seed)
    shape = (count_edges(NODES), len(OPERATION_NAMES))
    chosen = {kind: torch.rand(shape, generator=generator).topk(kept, 1).indices for kind in KINDS}
    return {kind: torch.zeros(shape, dtype=torch.bool).scatter(1, at, True) for kind, at in chosen.items()}


def only(*operations: str) -> dict[str, Tensor]:
    """The same few operations on every edge."""
    present = torch.tensor([name in operations for name in OPERATION_NAMES])
    return {kind: present.repeat(count_edges(NODES), 1) for kind in KINDS}


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    ("form", "sides"),
    [*((FORMS[0], sides) for sides in ((16, 16), (13, 13), (18, 18), (12, 15))), (FORMS[1], (18, 18))],
)
def test_equals_the_edge_by_edge_form(
    sides: tuple[int, int], training: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(form, monkeypatch)
    fast, plain = pair()
    assert_same(fast.train(training), plain.train(training), sides)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(
    "options",
    [
        pytest.param({"active": some_active()}, id="a few operations on each edge"),
        pytest.param({"active": some_active(seed=1, kept=1)}, id="one operation on each edge"),
        pytest.param({"active": only("sep_conv_5x5", "dil_conv_3x3")}, id="no pools and no skips"),
        pytest.param({"active": only("dil_conv_3x3", "dil_conv_5x5")}, id="dilated convolutions alone"),
        pytest.param({"active": only(SKIP_NAME)}, id="skips alone"),
        pytest.param({"active": only("max_pool_3x3", "avg_pool_3x3")}, id="pools alone"),
        pytest.param({"part": 2}, id="half of the channels"),
        pytest.param({"part": 4, "active": some_active(seed=2, kept=5)}, id="a quarter of the channels"),
        pytest.param({"exits": (1, 2)}, id="several exits"),
        pytest.param({"exits": (4,), "cells": 4, "channels": 3}, id="odd channels and a normal cell at the end"),
        pytest.param({"in_channels": 6, "channels": 1}, id="one channel, twice the colours"),
    ],
)
@pytest.mark.parametrize("form", FORMS)
def test_equals_the_edge_by_edge_form_under_every_option(
    options: dict[str, Any], training: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(form, monkeypatch)
    fast, plain = pair(nodes=NODES, **options)
    # The cells see 6, 3 and 2 pixels a side.
    assert_same(fast.train(training), plain.train(training), (6, 6))


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("training", [True, False])
def test_computing_activations_again_changes_nothing(
    training: bool, form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Statistics among it: they move once, though the pass over the cells is made twice."""
    use(form, monkeypatch)
    fast, plain = pair(nodes=NODES, checkpointing=True, exits=(2,), active=some_active(seed=3))
    assert_same(fast.train(training), plain.train(training), (6, 6))


def test_computing_activations_again_keeps_fewer_of_them() -> None:
    kept = []
    for checkpointing in (False, True):
        network, _ = pair(checkpointing=checkpointing)
        sizes: dict[int, int] = {}

        def note(tensor: Tensor, sizes: dict[int, int] = sizes) -> Tensor:
            sizes[tensor.untyped_storage().data_ptr()] = tensor.untyped_storage().nbytes()
            return tensor

        weights = torch.full((14, OPERATIONS), 1 / OPERATIONS, dtype=torch.float64, requires_grad=True)
        with torch.autograd.graph.saved_tensors_hooks(note, lambda tensor: tensor):
            network(torch.randn(3, 3, 16, 16, dtype=torch.float64), weights, weights)
        kept.append(sum(sizes.values()))
    assert kept[1] < 0.3 * kept[0]


def test_has_the_same_number_of_parameters_as_the_definition() -> None:
    for options in ({}, {"active": some_active()}, {"part": 4}, {"exits": (2,)}):
        fast, plain = pair(nodes=NODES, **options)
        assert sum(p.numel() for p in fast.parameters()) == sum(p.numel() for p in plain.parameters())


def test_an_exit_says_what_a_shallower_supernet_would() -> None:
    deep, _ = pair(cells=4, exits=(2, 3))
    images, weights = (
        torch.randn(3, 3, 6, 6, dtype=torch.float64),
        torch.full((14, OPERATIONS), 1 / OPERATIONS, dtype=torch.float64),
    )
    early, late, last = deep.all_logits(images, weights, weights)
    assert torch.equal(deep.eval()(images, weights, weights), deep.all_logits(images, weights, weights)[-1])
    deep.train()
    for depth, logits in ((2, early), (3, late)):
        shallow, _ = pair(cells=4, exits=(2, 3))
        del shallow.cells[depth:]
        shallow.classifier = shallow.exits.pop(str(depth))
        assert torch.equal(shallow(images, weights, weights), logits)
    assert deep.depths == (2, 3, 4) and last.shape == (3, CLASSES)


def test_alpha_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(1)
    network = Supernet(2, 2, 2, 8, nodes=1).double()
    images, labels = torch.randn(3, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 0])

    def loss(normal: Tensor, reduction: Tensor) -> Tensor:
        return F.cross_entropy(network(images, normal.softmax(1), reduction.softmax(1)), labels)

    alphas = [torch.randn(count_edges(1), OPERATIONS, dtype=torch.float64, requires_grad=True) for _ in range(2)]
    assert torch.autograd.gradcheck(loss, alphas, eps=1e-6, atol=1e-7, fast_mode=False)


def test_weight_gradients_agree_with_finite_differences() -> None:
    torch.manual_seed(2)
    network = Supernet(2, 2, 2, 8, nodes=1).double()
    images, labels = torch.randn(3, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 0])
    mixed = [torch.full((2, OPERATIONS), 1 / OPERATIONS, dtype=torch.float64)] * 2
    weights = list(network.parameters())
    gradients = torch.autograd.grad(F.cross_entropy(network(images, *mixed), labels), weights)
    directions = [torch.randn_like(p) for p in weights]
    exact = sum(float((g * d).sum()) for g, d in zip(gradients, directions, strict=True))
    step, values = 1e-6, []
    with torch.no_grad():
        for sign in (1, -2):
            for weight, direction in zip(weights, directions, strict=True):
                weight += sign * step * direction
            values.append(float(F.cross_entropy(network(images, *mixed), labels)))
    assert exact == pytest.approx((values[0] - values[1]) / (2 * step), rel=1e-5)


def chosen(weights: Tensor, skip_budget: int | None = None) -> list[list[tuple[str, int]]]:
    """Operation and source of the two edges of each node."""
    cell = derive_cell(weights, skip_budget)
    return [[(edge.operation, edge.source) for edge in cell.incoming(node)] for node in range(cell.nodes)]


def test_derived_cell_keeps_the_two_strongest_edges_of_each_node() -> None:
    weights = torch.full((14, OPERATIONS), 0.1)
    weights[0, 2], weights[1, 3] = 0.5, 0.6
    weights[3, 6], weights[4, 0] = 0.7, 0.8
    first, second, *_ = chosen(weights)
    assert first == [("skip_connect", 0), ("sep_conv_3x3", 1)]
    assert second == [("dil_conv_5x5", 1), ("max_pool_3x3", 2)]
    assert derive_cell(weights).concat == (2, 3, 4, 5)


def test_ties_go_to_the_first_edge_and_operation() -> None:
    cell = derive_cell(torch.full((14, OPERATIONS), 1 / OPERATIONS))
    assert {(edge.operation, edge.source) for edge in cell.edges} == {(OPERATION_NAMES[0], 0), (OPERATION_NAMES[0], 1)}


def test_the_weakest_skip_goes_first_where_there_are_too_many() -> None:
    weights = torch.full((14, OPERATIONS), 0.01)
    # Node 0 from its inputs; node 1 from its input 0 and node 0. Rows 0, 1 and 2, 4.
    weights[0, SKIP], weights[0, 3] = 0.9, 0.3
    weights[1, SKIP], weights[1, 4] = 0.5, 0.2
    weights[2, SKIP], weights[2, 5] = 0.8, 0.05
    weights[4, SKIP], weights[4, 6] = 0.7, 0.6
    weights[5:, 0] = 0.1
    unbound = [[("skip_connect", 0), ("skip_connect", 1)], [("skip_connect", 0), ("skip_connect", 2)]]
    assert chosen(weights)[:2] == chosen(weights, 4)[:2] == unbound
    assert chosen(weights, 3)[0] == [("skip_connect", 0), ("sep_conv_5x5", 1)]
    assert chosen(weights, 2)[1] == [("skip_connect", 0), ("dil_conv_5x5", 2)]
    # Without its skip the edge from input 0 is as good as nothing, but no other is better: ties go to the first.
    assert chosen(weights, 1) == [
        *chosen(weights, 1)[:1],
        [("dil_conv_3x3", 0), ("dil_conv_5x5", 2)],
        *chosen(weights)[2:],
    ]
    assert chosen(weights, 0)[0] == [("sep_conv_3x3", 0), ("sep_conv_5x5", 1)]


def test_a_struck_skip_may_cost_the_edge_its_place() -> None:
    weights = torch.full((14, OPERATIONS), 0.01)
    weights[2, SKIP], weights[3, 3], weights[4, 4] = 0.9, 0.5, 0.4
    assert chosen(weights)[1] == [("skip_connect", 0), ("sep_conv_3x3", 1)]
    assert chosen(weights, 0)[1] == [("sep_conv_3x3", 1), ("sep_conv_5x5", 2)]


@pytest.mark.parametrize("budget", range(5))
def test_no_cell_has_more_skips_than_its_budget_even_where_all_edges_want_one(budget: int) -> None:
    weights = torch.rand(14, OPERATIONS, generator=torch.Generator().manual_seed(budget))
    weights[:, SKIP] += 5
    before = weights.clone()
    assert derive_cell(weights).skips == 8
    assert derive_cell(weights, budget).skips == budget
    assert torch.equal(weights, before)


def test_every_operation_is_active_unless_told_otherwise() -> None:
    for kind, active in all_active().items():
        assert kind in KINDS and active.all() and active.shape == (count_edges(4), len(OPERATION_NAMES))
    assert [rows.stop - rows.start for rows in node_rows(3)] == [INPUTS, INPUTS + 1, INPUTS + 2]
