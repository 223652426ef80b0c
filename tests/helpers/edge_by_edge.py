"""The supernet as the definition reads, edge by edge: the reference that the fast one must equal.

state_j = sum_{i<j} sum_o w[e(i, j), o] * o(state_i)

With partial channels only the first 1 / part of state_i goes through the operations; the rest passes by, times the sum
of the edge's weights, and the channels of both are shuffled.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.genotype import INPUTS, node_rows, source_rows
from emonas.operations.modules import (
    FactorizedReduce,
    Stem,
    batch_norm,
    build_operation,
    reductions,
    relu_conv_norm,
    stem_stride,
)
from emonas.operations.table import OPERATION_NAMES
from emonas.search.controller import Controller
from emonas.supernet.fan_out import POOLS
from emonas.supernet.packed import PackedNorm, PackedSeparable
from emonas.supernet.supernet import Supernet, all_active


def search_operation(name: str, channels: int, stride: int) -> nn.Module:
    """An operation as the supernet mixes it: without affine parameters, pools followed by batch normalisation."""
    operation = build_operation(name, channels, stride, False)
    if OPERATION_NAMES.index(name) in POOLS:
        return nn.Sequential(operation, batch_norm(channels, affine=False))
    return operation


class MixedOperation(nn.Module):
    """The sum of the operations that are present on one edge, each times its weight."""

    def __init__(self, channels: int, stride: int, present: Tensor, part: int) -> None:
        super().__init__()
        self.mixed, self.stride, self.part = channels // part, stride, part
        names = [name for name, there in zip(OPERATION_NAMES, present.tolist(), strict=True) if there]
        self.operations = nn.ModuleDict({name: search_operation(name, self.mixed, stride) for name in names})

    def forward(self, x: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (operations,)."""
        if self.part == 1:
            return self.sum(x, weights)
        by = x[:, self.mixed :]
        if self.stride == 2:
            by = F.max_pool2d(by, 2, 2, ceil_mode=True)
        both = torch.cat([self.sum(x[:, : self.mixed], weights), weights.sum() * by], dim=1)
        n, channels, height, width = both.shape
        return both.view(n, self.part, channels // self.part, height, width).transpose(1, 2).flatten(1, 2)

    def sum(self, x: Tensor, weights: Tensor) -> Tensor:
        """All operations on x, each times its weight."""
        mixed: Tensor | float = 0.0
        for name, operation in self.operations.items():
            mixed = mixed + weights[OPERATION_NAMES.index(name)] * operation(x)
        assert isinstance(mixed, Tensor)
        return mixed


class PlainCell(nn.Module):
    """A cell of the supernet: all edges present, each a mixture. Output: ``nodes * channels`` channels."""

    def __init__(
        self,
        c_before: int,
        c_last: int,
        channels: int,
        reduce: bool,
        reduce_before: bool,
        active: Tensor,
        nodes: int,
        part: int = 1,
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
                MixedOperation(channels, 2 if reduce and source < INPUTS else 1, present, part)
                for source, present in enumerate(active[rows])
            )
            for rows in node_rows(nodes)
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
        self,
        classes: int,
        cells: int,
        channels: int,
        size: int,
        in_channels: int = 3,
        nodes: int = 4,
        active: Mapping[str, Tensor] | None = None,
        part: int = 1,
        exits: tuple[int, ...] = (),
    ) -> None:
        super().__init__()
        self.nodes, self.active = nodes, dict(active or all_active(nodes))
        c_before = c_last = 3 * channels
        self.stem = Stem(in_channels, c_last, stem_stride(size))
        self.cells = nn.ModuleList()
        self.exits = nn.ModuleDict()
        reduce_before = False
        for position in range(cells):
            reduce = position in reductions(cells)
            channels *= 2 if reduce else 1
            present = self.active["reduction" if reduce else "normal"]
            self.cells.append(PlainCell(c_before, c_last, channels, reduce, reduce_before, present, nodes, part))
            c_before, c_last, reduce_before = c_last, nodes * channels, reduce
            if position + 1 in exits and position + 1 < cells:
                self.exits[str(position + 1)] = nn.Linear(c_last, classes)
        self.classifier = nn.Linear(c_last, classes)

    skip_dropout = 0.0

    def set_skip_dropout(self, rate: float) -> None:
        """The definition knows no dropout."""
        assert rate == 0

    def forward(self, images: Tensor, normal: Tensor, reduction: Tensor) -> Tensor:
        """``normal`` and ``reduction``: the operations' weights, (edges, operations)."""
        return self.all_logits(images, normal, reduction)[-1]

    def all_logits(self, images: Tensor, normal: Tensor, reduction: Tensor) -> list[Tensor]:
        """Logits (N, classes) of every exit, the last one after all cells."""
        before = last = self.stem(images)
        found = []
        for position, cell in enumerate(self.cells, 1):
            before, last = last, cell(before, last, reduction if cell.reduce else normal)
            if str(position) in self.exits:
                found.append(self.exits[str(position)](last.mean(dim=(2, 3))))
        return [*found, self.classifier(last.mean(dim=(2, 3)))]

    @property
    def depths(self) -> tuple[int, ...]:
        """After how many cells the exits are."""
        return (*map(int, self.exits), len(self.cells))


Pairs = Iterator[tuple[Tensor, Tensor]]
Look = Callable[[Tensor], Tensor]


def copy_parameters(fast: Supernet, plain: PlainSupernet) -> None:
    """Give the edge-by-edge network the fast one's parameters and running statistics."""
    with torch.no_grad():
        for ours, theirs in (*parameters(fast, plain), *statistics(fast, plain)):
            theirs.copy_(ours)


def value(tensor: Tensor) -> Tensor:
    """The tensor itself, to be looked at."""
    return tensor.detach()


def gradient(parameter: Tensor) -> Tensor:
    """The gradient that a backward pass has left."""
    assert parameter.grad is not None
    return parameter.grad


def parameters(fast: Supernet, plain: PlainSupernet, look: Look = value) -> Pairs:
    """What ``look`` sees of each parameter in the fast form, of which it may be a slice, and in the plain one."""
    for ours, theirs in _unpacked(fast, plain):
        for (name, left), (other, right) in zip(ours.named_parameters(), theirs.named_parameters(), strict=True):
            assert name == other
            yield look(left), look(right)
    for ours, place, theirs in _packed(fast, plain):
        if isinstance(ours, PackedSeparable):
            _, depthwise, pointwise, _ = theirs
            yield look(ours.depthwise).chunk(ours.targets)[place], look(depthwise.weight)
            yield look(ours.pointwise).chunk(ours.targets)[place], look(pointwise.weight)
        elif isinstance(theirs, FactorizedReduce):
            targets = len(ours.reduce_norm.mean)
            yield look(ours.reduce_even).chunk(targets)[place], look(theirs.even.weight)
            yield look(ours.reduce_odd).chunk(targets)[place], look(theirs.odd.weight)


def statistics(fast: Supernet, plain: PlainSupernet) -> Pairs:
    """Each running statistic in the fast form, of which it may be a slice, and in the plain one."""
    for ours, theirs in _unpacked(fast, plain):
        for (name, left), (other, right) in zip(ours.named_buffers(), theirs.named_buffers(), strict=True):
            assert name == other
            if name.endswith(("running_mean", "running_var")):
                yield left, right
    for ours, place, theirs in _packed(fast, plain):
        norm = ours if isinstance(ours, PackedNorm) else ours.norm if isinstance(ours, PackedSeparable) else None
        packed = norm or ours.reduce_norm
        plain_norm = theirs.norm if isinstance(theirs, FactorizedReduce) else theirs[-1]
        yield packed.mean[place], plain_norm.running_mean
        yield packed.var[place], plain_norm.running_var


def _unpacked(fast: Supernet, plain: PlainSupernet) -> Iterator[tuple[nn.Module, nn.Module]]:
    """Modules that are the same in both forms."""
    yield fast.stem, plain.stem
    yield fast.classifier, plain.classifier
    yield fast.exits, plain.exits
    for ours, theirs in zip(fast.cells, plain.cells, strict=True):
        yield ours.before, theirs.before
        yield ours.last, theirs.last


def _packed(fast: Supernet, plain: PlainSupernet) -> Iterator[tuple[nn.Module, int, nn.Module]]:
    """What the fast form packs for several edges, the place of an edge in it, and that edge's own in the plain form."""
    for fast_cell, plain_cell in zip(fast.cells, plain.cells, strict=True):
        for source, fan_out in enumerate(fast_cell.fans):
            for target in range(len(source_rows(fast.nodes, source))):
                node = fast.nodes - fan_out.targets + target
                for name, operation in plain_cell.edges[node][source].operations.items():
                    # Pools are normalised once for all targets.
                    place = 0 if "pool" in name else fan_out.rows[OPERATION_NAMES.index(name)].index(target)
                    yield from ((ours, place, theirs) for ours, theirs in _of_operation(fan_out, name, operation))


def _of_operation(fan_out: nn.Module, name: str, operation: nn.Module) -> Iterator[tuple[nn.Module, nn.Module]]:
    kind, _, kernel = name.rpartition("_")
    if kind == "sep_conv":
        twice, layers = getattr(fan_out, f"sep_{kernel}"), list(operation)
        yield twice.first, nn.Sequential(*layers[:4])
        yield twice.second, nn.Sequential(*layers[4:])
    elif kind == "dil_conv":
        yield getattr(fan_out, f"dil_{kernel}"), operation
    elif isinstance(operation, FactorizedReduce):
        yield fan_out, operation
    elif name != "skip_connect":
        yield fan_out.pool_norms[list(POOLS).index(OPERATION_NAMES.index(name))], operation


def plain_searcher() -> Controller:
    """Alphas over a small edge-by-edge supernet in float64, which can be differentiated twice."""
    torch.manual_seed(0)
    made = Controller(PlainSupernet(3, 3, 2, 8, nodes=1)).double().train()  # type: ignore[arg-type]
    with torch.no_grad():
        for alpha in made.alphas():
            alpha.normal_()
    return made
