"""The supernet: a stack of cells in which every edge is the weighted sum of all seven operations.

    state_j = sum_{i<j} sum_o w[e(i, j), o] * o(state_i)

with one weight matrix w (edges x operations) for the normal and one for the reduction cells. The weights come
in from outside: the network owns no alphas, so that no optimiser can mix them up with its own parameters.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from .genotype import EDGES_PER_NODE, INPUTS, OPERATION_NAMES, Cell, Edge
from .operations import FactorizedReduce, Stem, reductions, relu_conv_norm, search_operation, stem_stride

NODES = 4


def count_edges(nodes: int) -> int:
    """Edges of a cell in which every node sees all earlier states: 14 for 4 nodes."""
    return sum(INPUTS + node for node in range(nodes))


def node_rows(nodes: int) -> Iterator[slice]:
    """For each node, the rows of the weight matrix that belong to its incoming edges, in the order of the states."""
    start = 0
    for node in range(nodes):
        yield slice(start, start + INPUTS + node)
        start += INPUTS + node


class MixedOperation(nn.Module):
    """The sum of all operations on one edge, each times its weight."""

    def __init__(self, channels: int, stride: int) -> None:
        super().__init__()
        self.operations = nn.ModuleList(search_operation(name, channels, stride) for name in OPERATION_NAMES)

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (operations,)."""
        mixed = weights[0] * self.operations[0](x)
        for weight, operation in zip(weights[1:], self.operations[1:], strict=True):
            mixed = mixed + weight * operation(x)
        return mixed


class MixedCell(nn.Module):
    """A cell of the supernet: all edges present, each a mixture. Output: ``nodes * channels`` channels."""

    def __init__(
        self, c_before: int, c_last: int, channels: int, nodes: int, reduce: bool, reduce_before: bool
    ) -> None:
        super().__init__()
        self.reduce = reduce
        self.before = (
            FactorizedReduce(c_before, channels, affine=False)
            if reduce_before
            else relu_conv_norm(c_before, channels, affine=False)
        )
        self.last = relu_conv_norm(c_last, channels, affine=False)
        self.edges = nn.ModuleList(
            nn.ModuleList(
                MixedOperation(channels, stride=2 if reduce and source < INPUTS else 1)
                for source in range(INPUTS + node)
            )
            for node in range(nodes)
        )

    def forward(self, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (edges, operations), rows as in `node_rows`."""
        states = [self.before(before), self.last(last)]
        for edges, rows in zip(self.edges, node_rows(len(self.edges)), strict=True):
            incoming = zip(edges, states, weights[rows], strict=True)
            states.append(sum(edge(state, row) for edge, state, row in incoming))
        return torch.cat(states[INPUTS:], dim=1)


class Supernet(nn.Module):
    """All cells that a search can choose from, as one differentiable network.

    Images (N, in_channels, size, size) go to logits (N, classes). The number of channels doubles at each reduction
    cell. Batch normalisation has no affine parameters except in the stem, as in DARTS.
    """

    def __init__(
        self, classes: int, cells: int, channels: int, size: int, in_channels: int = 3, nodes: int = NODES
    ) -> None:
        super().__init__()
        self.nodes = nodes
        c_before = c_last = 3 * channels
        self.stem = Stem(in_channels, c_last, stem_stride(size))
        self.cells = nn.ModuleList()
        reduce_before = False
        for position in range(cells):
            reduce = position in reductions(cells)
            channels *= 2 if reduce else 1
            self.cells.append(MixedCell(c_before, c_last, channels, nodes, reduce, reduce_before))
            c_before, c_last, reduce_before = c_last, nodes * channels, reduce
        self.classifier = nn.Linear(c_last, classes)

    def forward(self, images: Tensor, normal: Tensor, reduction: Tensor) -> Tensor:
        """``normal`` and ``reduction``: the operations' weights, (edges, operations), rows summing to one."""
        before = last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last, reduction if cell.reduce else normal)
        return self.classifier(last.mean(dim=(2, 3)))


def derive_cell(weights: Tensor) -> Cell:
    """The cell that a weight matrix (edges, operations) stands for.

    Each edge keeps its strongest operation, each node its two strongest edges (DARTS, section 2.4). Ties go to the
    earlier edge and operation, so that the same weights always give the same cell.
    """
    nodes = next(n for n in range(1, len(weights) + 1) if count_edges(n) == len(weights))
    edges: list[Edge] = []
    for rows in node_rows(nodes):
        strengths = weights[rows].max(dim=1).values.tolist()
        strongest = sorted(range(len(strengths)), key=lambda source: -strengths[source])[:EDGES_PER_NODE]
        for source in sorted(strongest):
            operation = OPERATION_NAMES[int(weights[rows][source].argmax())]
            edges.append(Edge(operation, source))
    return Cell(tuple(edges), tuple(range(INPUTS, INPUTS + nodes)))
