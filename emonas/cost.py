"""What a network costs: parameters, multiply-accumulates, bytes; and what a mixed architecture costs on average.

    cost(w) = fixed + sum_cells sum_edges sum_o w[e, o] cost_o(cell)                                        (1)

For the 0/1 matrices of a genotype (1 where an edge is chosen, rows of unchosen edges 0) this is what `count_parameters`
or `count_macs` gives for the stacked network, to the last digit. With several depths it is the sum over their weights.
"""

from __future__ import annotations

from typing import Literal

import torch
from torch import Tensor, nn
from torch.utils.flop_counter import FlopCounterMode

from emonas.genotype import (
    INPUTS,
    KINDS,
    NODES,
    Cell,
    Edge,
    Genotype,
    Provenance,
    count_edges,
    node_rows,
)
from emonas.network import Network
from emonas.operations.modules import build_operation, reductions, stem_stride
from emonas.operations.table import OPERATION_NAMES


def count_parameters(network: nn.Module) -> int:
    """Trainable parameters without the auxiliary head, which only training has."""
    return sum(
        parameter.numel()
        for name, parameter in network.named_parameters()
        if parameter.requires_grad and not name.startswith("auxiliary.")
    )


def count_macs(network: nn.Module, channels: int, size: int) -> int:
    """Multiply-accumulates for one image (channels, size, size), in evaluation mode.

    Convention: convolutions and matrix products only, half of what torch's flop counter gives; pools, normalisation and
    activations are not counted.
    """
    parameter = next(network.parameters())
    image = torch.zeros(1, channels, size, size, device=parameter.device, dtype=parameter.dtype)
    was_training = network.training
    network.eval()
    with torch.no_grad(), FlopCounterMode(display=False) as counter:
        network(image)
    network.train(was_training)
    return counter.get_total_flops() // 2


CostKind = Literal["parameters", "macs"]


class CostTable:
    """Costs of all operations at all places of a stack, for each of ``depths``; every depth keeps the full stack's
    positions of the reduction cells.

    ``of_edges``: (depths, edges, operations) by kind of cell; ``fixed``: (depths,), what no choice changes.
    """

    def __init__(
        self,
        cost: CostKind,
        classes: int,
        cells: int,
        channels: int,
        size: int,
        in_channels: int = 3,
        depths: tuple[int, ...] = (),
        nodes: int = NODES,
        device: torch.device | None = None,
    ) -> None:
        self.cost, self.size, self.in_channels, self.nodes = cost, size, in_channels, nodes
        depths = depths or (cells,)
        shape = (count_edges(nodes), len(OPERATION_NAMES))
        self.of_edges = {kind: torch.zeros(len(depths), *shape, dtype=torch.float64) for kind in KINDS}
        where = reductions(cells)
        side, width = -(-size // stem_stride(size)), channels
        for position in range(max(depths)):
            reduce = position in where
            width *= 2 if reduce else 1
            of_cell = self._of_cell(width, side, reduce)
            side = -(-side // 2) if reduce else side
            for i, depth in enumerate(depths):
                if position < depth:
                    self.of_edges[KINDS[int(reduce)]][i] += of_cell
        self.fixed = torch.tensor(
            [self._fixed(classes, depth, channels, where) for depth in depths], dtype=torch.float64, device=device
        )
        self.of_edges = {kind: table.to(device) for kind, table in self.of_edges.items()}

    def _of_cell(self, channels: int, side: int, reduce: bool) -> Tensor:
        """(edges, operations): the costs in one cell, whose inputs have ``side`` pixels a side."""
        inner = -(-side // 2) if reduce else side
        from_inputs = [self._of_operation(name, channels, side, 2 if reduce else 1) for name in OPERATION_NAMES]
        from_nodes = [self._of_operation(name, channels, inner, 1) for name in OPERATION_NAMES]
        rows = [source < INPUTS for edges in node_rows(self.nodes) for source in range(edges.stop - edges.start)]
        return torch.tensor([from_inputs if is_input else from_nodes for is_input in rows], dtype=torch.float64)

    def _of_operation(self, name: str, channels: int, side: int, stride: int) -> int:
        operation = build_operation(name, channels, stride, True)
        if self.cost == "parameters":
            return count_parameters(operation)
        return count_macs(operation, channels, side) if count_parameters(operation) else 0

    def _fixed(self, classes: int, depth: int, channels: int, where: tuple[int, ...]) -> float:
        """The cost of a network less that of its operations."""
        cell = Cell(
            tuple(Edge("max_pool_3x3", source) for _ in range(self.nodes) for source in range(INPUTS)),
            tuple(range(INPUTS, INPUTS + self.nodes)),
        )
        kept = tuple(position for position in where if position < depth)
        names = tuple(str(i) for i in range(classes))
        genotype = Genotype(cell, cell, depth, channels, names, Provenance("", "", 0, subjects=()), reductions=kept)
        network = Network(genotype, classes, self.size, in_channels=self.in_channels, auxiliary=False)
        if self.cost == "parameters":
            return count_parameters(network)
        return count_macs(network, self.in_channels, self.size)

    def expected(self, mixture: dict[str, Tensor], depth_weights: Tensor) -> Tensor:
        """The cost (1) under the operations' weights (edges, operations) by kind and the depths' weights (depths,)."""
        total = self.fixed
        for kind, weights in mixture.items():
            total = total + (self.of_edges[kind] * weights.double()).sum((1, 2))
        return (depth_weights.double() * total).sum()

    def relative(self, mixture: dict[str, Tensor], depth_weights: Tensor) -> Tensor:
        """The expected cost in units of that of even odds between operations, and depths, as a float32 number ()."""
        even = {kind: w.sum(1, keepdim=True).expand_as(w) / w.shape[1] for kind, w in mixture.items()}
        start = self.expected(even, torch.full_like(depth_weights, 1 / len(depth_weights)))
        return (self.expected(mixture, depth_weights) / start).float()


def one_hot(cell: Cell) -> Tensor:
    """The 0/1 matrix (edges, operations) of a cell."""
    matrix = torch.zeros(count_edges(cell.nodes), len(OPERATION_NAMES))
    for node, rows in enumerate(node_rows(cell.nodes)):
        for edge in cell.incoming(node):
            matrix[rows.start + edge.source, OPERATION_NAMES.index(edge.operation)] = 1
    return matrix
