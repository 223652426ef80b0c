"""What a network costs, counted by hand. The cost of a mixture: exact on found cells, differentiable between them."""

from __future__ import annotations

import dataclasses
import random
from typing import Any

import pytest
import torch
from known_cells import DARTS_V2, random_cell, random_genotype
from torch import Tensor, nn

from emonas.cost import CostKind, CostTable, count_macs, count_parameters, one_hot
from emonas.genotype import KINDS, Genotype, count_edges
from emonas.network import Network
from emonas.operations.modules import build_operation, reductions
from emonas.operations.table import OPERATION_NAMES
from emonas.supernet.supernet import derive_cell


class Two(nn.Module):
    """A convolution and a classifier, with an auxiliary head beside them."""

    def __init__(self) -> None:
        super().__init__()
        self.body = nn.Conv2d(3, 8, 3, stride=2, padding=1, bias=False)
        self.norm = nn.BatchNorm2d(8)
        self.auxiliary = nn.Linear(8, 100)
        self.auxiliary_norm = nn.BatchNorm1d(8)
        self.classifier = nn.Linear(8, 5)

    def forward(self, x: torch.Tensor) -> torch.Tensor:
        pooled = self.norm(self.body(x)).relu().mean((2, 3))
        if self.training:
            self.auxiliary(pooled)
        return self.classifier(pooled)


def test_parameters_leave_out_the_auxiliary_head_and_what_is_frozen() -> None:
    network = Two()
    # Convolution, its normalisation, a normalisation that only begins with the head's name, the classifier.
    assert count_parameters(network) == 3 * 8 * 9 + 16 + 16 + 45
    network.body.requires_grad_(False)
    assert count_parameters(network) == 16 + 16 + 45


@pytest.mark.parametrize("training", [True, False])
def test_macs_are_those_of_one_image_in_evaluation(training: bool) -> None:
    network = Two().train(training)
    mean = network.norm.running_mean.clone()
    assert count_macs(network, channels=3, size=10) == 3 * 8 * 9 * 5 * 5 + 8 * 5
    assert network.training is training
    assert torch.equal(network.norm.running_mean, mean)


@pytest.mark.parametrize("stride", [1, 2])
@pytest.mark.parametrize(("name", "kernel", "times"), [("sep_conv_3x3", 3, 2), ("dil_conv_5x5", 5, 1)])
def test_macs_of_separable_convolutions(name: str, kernel: int, times: int, stride: int) -> None:
    channels, size = 6, 8
    pixels = (size // stride) ** 2
    assert count_macs(build_operation(name, channels, stride, True), channels, size) == (
        times * pixels * channels * (kernel**2 + channels)
    )


def test_macs_of_the_published_darts_network() -> None:
    with torch.device("meta"):
        macs = count_macs(Network(DARTS_V2, classes=10, size=32), channels=3, size=32)
    assert macs == pytest.approx(528e6, rel=0.01)


CLASSES = 7
ONE_DEPTH = torch.ones(1)
COSTS: tuple[CostKind, ...] = ("parameters", "macs")


def counted(cost: CostKind, genotype: Genotype, size: int, in_channels: int) -> int:
    """What the stacked network costs."""
    network = Network(genotype, CLASSES, size, in_channels=in_channels, auxiliary=False)
    return count_parameters(network) if cost == "parameters" else count_macs(network, in_channels, size)


def found(genotype: Genotype) -> dict[str, Tensor]:
    return {"normal": one_hot(genotype.normal), "reduction": one_hot(genotype.reduction)}


def even(nodes: int = 4) -> dict[str, Tensor]:
    return {kind: torch.full((count_edges(nodes), 7), 1 / 7) for kind in KINDS}


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize(
    ("cells", "channels", "size", "in_channels"),
    [(3, 2, 8, 3), (4, 3, 13, 6), (5, 4, 33, 3), (8, 6, 48, 6), (3, 5, 113, 3)],
)
def test_equals_the_counted_cost_of_found_cells(
    cells: int, channels: int, size: int, in_channels: int, cost: CostKind
) -> None:
    table = CostTable(cost, CLASSES, cells, channels, size, in_channels)
    luck = random.Random(size)
    for _ in range(3):
        genotype = random_genotype(luck, cells=cells, channels=channels)
        assert table.expected(found(genotype), ONE_DEPTH) == counted(cost, genotype, size, in_channels)


@pytest.mark.parametrize("cost", COSTS)
def test_equals_the_counted_cost_at_every_depth(cost: CostKind) -> None:
    cells, depths = 8, (3, 4, 6, 8)
    table = CostTable(cost, CLASSES, cells, 4, 19, depths=depths)
    genotype = random_genotype(random.Random(1), cells=cells, channels=4)
    costs = []
    for i, depth in enumerate(depths):
        where = tuple(position for position in reductions(cells) if position < depth)
        shallow = dataclasses.replace(genotype, cells=depth, reductions=where)
        costs.append(counted(cost, shallow, 19, 3))
        assert table.expected(found(genotype), torch.eye(len(depths))[i]) == costs[-1]
    shares = torch.tensor([0.1, 0.2, 0.3, 0.4], dtype=torch.float64)
    between = sum(share * each for share, each in zip(shares.tolist(), costs, strict=True))
    assert float(table.expected(found(genotype), shares)) == pytest.approx(between)


def test_cells_with_another_number_of_nodes() -> None:
    table = CostTable("parameters", CLASSES, 3, 4, 9, nodes=2)
    genotype = random_genotype(random.Random(2), nodes=2, cells=3, channels=4)
    assert table.expected(found(genotype), ONE_DEPTH) == counted("parameters", genotype, 9, 3)


def test_a_cell_and_its_matrix_are_the_same() -> None:
    luck = random.Random(3)
    for _ in range(20):
        cell = random_cell(luck)
        matrix = one_hot(cell)
        assert matrix.sum() == len(cell.edges)
        derived = derive_cell(matrix)
        assert [set(derived.incoming(node)) for node in range(4)] == [set(cell.incoming(node)) for node in range(4)]


@pytest.mark.parametrize("cost", COSTS)
def test_is_in_units_of_even_odds(cost: CostKind) -> None:
    table = CostTable(cost, CLASSES, 4, 4, 16, depths=(3, 4))
    start = table.relative(even(), torch.tensor([0.5, 0.5]))
    assert start.dtype == torch.float32 and start.item() == pytest.approx(1)
    assert table.relative(even(), torch.tensor([1.0, 0.0])) < 1 < table.relative(even(), torch.tensor([0.0, 1.0]))


@pytest.mark.parametrize("cost", COSTS)
def test_even_odds_between_edges_are_even_odds_too(cost: CostKind) -> None:
    """With a weight for each edge the rows do not sum to one."""
    of_edges = torch.cat([torch.full((2 + node, 1), 1 / (2 + node)) for node in range(4)])
    table = CostTable(cost, CLASSES, 4, 4, 16)
    mixture = {kind: weights * of_edges for kind, weights in even().items()}
    assert table.relative(mixture, ONE_DEPTH).item() == pytest.approx(1)


@pytest.mark.parametrize("cost", COSTS)
@pytest.mark.parametrize("kind", KINDS)
def test_falls_when_weight_moves_from_a_convolution_to_a_skip_or_a_pool(cost: CostKind, kind: str) -> None:
    table = CostTable(cost, CLASSES, 3, 4, 12)
    costs: dict[str, float] = {}
    for name in OPERATION_NAMES:
        mixture = even()
        mixture[kind][:, OPERATION_NAMES.index(name)] += 0.5
        costs[name] = float(table.expected(mixture, ONE_DEPTH))
    assert costs["max_pool_3x3"] == costs["avg_pool_3x3"] <= costs["skip_connect"]
    assert (costs["skip_connect"] == costs["max_pool_3x3"]) == (kind == "normal"), "a strided skip is a convolution"
    assert costs["skip_connect"] < costs["dil_conv_3x3"] < costs["dil_conv_5x5"] < costs["sep_conv_5x5"]
    assert costs["dil_conv_3x3"] < costs["sep_conv_3x3"] < costs["sep_conv_5x5"]


def test_the_gradient_is_the_cost_of_each_operation_on_each_edge() -> None:
    table = CostTable("parameters", CLASSES, 4, 4, 16, depths=(3, 4))
    alphas = {kind: torch.randn(14, 7, dtype=torch.float64, requires_grad=True) for kind in KINDS}
    depth = torch.randn(2, dtype=torch.float64, requires_grad=True)

    def cost(*leaves: Tensor) -> Tensor:
        mixture = {kind: leaf.softmax(1) for kind, leaf in zip(KINDS, leaves[:2], strict=True)}
        return table.expected(mixture, leaves[2].softmax(0)) / 1000

    assert torch.autograd.gradcheck(cost, (*alphas.values(), depth))
    whole: Any = torch.autograd.grad(
        table.relative({kind: alpha.float().softmax(1) for kind, alpha in alphas.items()}, depth.softmax(0)),
        [*alphas.values(), depth],
    )
    assert all(gradient.abs().max() > 0 for gradient in whole)
