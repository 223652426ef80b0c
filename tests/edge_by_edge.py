"""The supernet as the definition reads, edge by edge: the reference that the fast one must equal.

state_j = sum_{i<j} sum_o w[e(i, j), o] * o(state_i)
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from emonas.genotype import INPUTS, OPERATION_NAMES
from emonas.operations import OPERATIONS, FactorizedReduce, Stem, batch_norm, reductions, relu_conv_norm, stem_stride
from emonas.supernet import MixedCell, Supernet, node_rows, source_rows


def search_operation(name: str, channels: int, stride: int) -> nn.Module:
    """An operation as the supernet mixes it: without affine parameters, pools followed by batch normalisation."""
    operation = OPERATIONS[name](channels, stride, False)
    if name in ("max_pool_3x3", "avg_pool_3x3"):
        return nn.Sequential(operation, batch_norm(channels, affine=False))
    return operation


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


class PlainCell(nn.Module):
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
            mixed = [edge(*pair) for edge, *pair in zip(edges, states, weights[rows], strict=True)]  # type: ignore
            states.append(torch.stack(mixed).sum(0))
        return torch.cat(states[INPUTS:], dim=1)


class PlainSupernet(nn.Module):
    """All cells that a search can choose from, as one differentiable network.

    Images (N, in_channels, size, size) go to logits (N, classes). The number of channels doubles at each reduction
    cell. Batch normalisation has no affine parameters except in the stem, as in DARTS.
    """

    def __init__(
        self, classes: int, cells: int, channels: int, size: int, in_channels: int = 3, nodes: int = 4
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
            self.cells.append(PlainCell(c_before, c_last, channels, nodes, reduce, reduce_before))
            c_before, c_last, reduce_before = c_last, nodes * channels, reduce
        self.classifier = nn.Linear(c_last, classes)

    def forward(self, images: Tensor, normal: Tensor, reduction: Tensor) -> Tensor:
        """``normal`` and ``reduction``: the operations' weights, (edges, operations), rows summing to one."""
        before = last = self.stem(images)
        for cell in self.cells:
            before, last = last, cell(before, last, reduction if cell.reduce else normal)
        return self.classifier(last.mean(dim=(2, 3)))


def copy_parameters(fast: Supernet, plain: PlainSupernet) -> None:
    """Give the edge-by-edge network the fast one's parameters and running statistics."""
    plain.stem.load_state_dict(fast.stem.state_dict())
    plain.classifier.load_state_dict(fast.classifier.state_dict())
    for fast_cell, plain_cell in zip(fast.cells, plain.cells, strict=True):
        for part in ("before", "last"):
            getattr(plain_cell, part).load_state_dict(getattr(fast_cell, part).state_dict())
        for pair in matching(fast_cell, plain_cell):
            pair[1].data.copy_(pair[0].data)


def matching(fast: MixedCell, plain: PlainCell) -> list[tuple[Tensor, Tensor]]:
    """Pairs of the same tensor in both forms: the fast one's slice, the plain one's parameter or statistic."""
    pairs: list[tuple[Tensor, Tensor]] = []
    for source, fan in enumerate(fast.fans):
        for target, row in enumerate(source_rows(fast.nodes, source)):
            node = next(n for n, rows in enumerate(node_rows(fast.nodes)) if rows.start <= row < rows.stop)
            pairs += _edge_pairs(fan, target, plain.edges[node][source].operations)
    return pairs


def _norm(fast: nn.Module, target: int, plain: nn.Module) -> list[tuple[Tensor, Tensor]]:
    return [(fast.mean[target], plain.running_mean), (fast.var[target], plain.running_var)]


def _slice(packed: Tensor, target: int, targets: int) -> Tensor:
    return packed.detach().chunk(targets)[target]


def _separable(fast: nn.Module, target: int, plain: list[nn.Module]) -> list[tuple[Tensor, Tensor]]:
    _, depthwise, pointwise, norm = plain
    weights = [(_slice(fast.depthwise, target, fast.targets), depthwise.weight)]
    weights.append((_slice(fast.pointwise, target, fast.targets), pointwise.weight))
    return weights + _norm(fast.norm, target, norm)


def _edge_pairs(fan: nn.Module, target: int, operations: nn.ModuleList) -> list[tuple[Tensor, Tensor]]:
    maximum, average, skip, sep_3, sep_5, dil_3, dil_5 = operations
    pairs = _norm(fan.pool_norms, 0, maximum[1]) + _norm(fan.pool_norms, 1, average[1])
    for fast, plain in ((fan.sep_3x3, sep_3), (fan.sep_5x5, sep_5)):
        pairs += _separable(fast.first, target, list(plain)[:4]) + _separable(fast.second, target, list(plain)[4:])
    pairs += _separable(fan.dil_3x3, target, list(dil_3)) + _separable(fan.dil_5x5, target, list(dil_5))
    if isinstance(skip, FactorizedReduce):
        pairs.append((_slice(fan.reduce_even, target, fan.targets), skip.even.weight))
        pairs.append((_slice(fan.reduce_odd, target, fan.targets), skip.odd.weight))
        pairs += _norm(fan.reduce_norm, target, skip.norm)
    return pairs
