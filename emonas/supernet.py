"""The supernet: a stack of cells in which every edge is the weighted sum of all seven operations.

    state_j = sum_{i<j} sum_o w[e(i, j), o] * o_e(state_i)                                                  (1)

with one weight matrix w (edges x operations) for the normal and one for the reduction cells. The weights come in from
outside: the network owns no alphas, so that no optimiser can mix them up with its own parameters.

Evaluated edge by edge, (1) computes many things several times. Here it is organised by source state; a `Fan` holds all
edges that leave one state. What makes it fast is exact:

1. ReLU, pools and their normalisation depend on the state alone: once per state, not per edge. For all targets j at
   once the parameter-free part of (1) is a product of a (targets x 3) with a (3 x pixels) matrix.
2. Affine-free normalisation followed by a weight is normalisation with that weight as its scale:
   w * (x - mean) / std = BN(x; scale=w). No operation is multiplied on its own.
3. A convolution with dilation 2 sees only pixels of its own parity. On the four phases x[p::2, q::2], put along the
   batch, it is an undilated convolution, which has a fast backward pass. Pointwise convolution, normalisation (same
   pixels, same statistics) and the sum over edges stay in the phases; they are undone once per node. With stride 2 only
   the phase (0, 0) is ever read. Where a side is odd the phases differ in size and the plain form is used.

Activations are channels last in memory throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .genotype import EDGES_PER_NODE, INPUTS, OPERATION_NAMES, Cell, Edge
from .operations import FactorizedReduce, Stem, pointwise, reductions, relu_conv_norm, stem_stride

NODES = 4
MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5 = range(len(OPERATION_NAMES))
MOMENTUM, EPSILON = 0.1, 1e-5

#: Depthwise and pointwise weights of one edge.
EdgeWeights = tuple[Tensor, Tensor]


def count_edges(nodes: int) -> int:
    """Edges of a cell in which every node sees all earlier states: 14 for 4 nodes."""
    return sum(INPUTS + node for node in range(nodes))


def node_rows(nodes: int) -> Iterator[slice]:
    """For each node, the rows of the weight matrix that belong to its incoming edges, in the order of the states."""
    start = 0
    for node in range(nodes):
        yield slice(start, start + INPUTS + node)
        start += INPUTS + node


def source_rows(nodes: int, source: int) -> list[int]:
    """The rows of the edges that leave state ``source``, one for each node after it."""
    return [rows.start + source for node, rows in enumerate(node_rows(nodes)) if source < INPUTS + node]


def split_phases(x: Tensor) -> Tensor:
    """(N, C, H, W) with even sides as its four phases along the batch: (4 N, C, H/2, W/2), channels last."""
    n, c, h, w = x.shape
    phases = x.permute(0, 2, 3, 1).reshape(n, h // 2, 2, w // 2, 2, c).permute(2, 4, 0, 1, 3, 5)
    return phases.reshape(4 * n, h // 2, w // 2, c).permute(0, 3, 1, 2)


def join_phases(x: Tensor) -> Tensor:
    """The inverse of `split_phases`."""
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(2, 2, n // 4, h, w, c).permute(2, 3, 0, 4, 1, 5)
    return pixels.reshape(n // 4, 2 * h, 2 * w, c).permute(0, 3, 1, 2)


class PackedNorm(nn.Module):
    """Batch normalisations without parameters, one for each target of a fan; the running statistics are packed."""

    def __init__(self, targets: int, channels: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.var: Tensor
        self.register_buffer("mean", torch.zeros(targets, channels))
        self.register_buffer("var", torch.ones(targets, channels))

    def forward(self, x: Tensor, target: int, scale: Tensor | None = None) -> Tensor:
        """Normalise (N, C, H, W) with ``target``'s statistics; ``scale`` () multiplies the result."""
        # With a stride of 0, as expand alone gives, the CPU's channels-last backward pass returns wrong gradients.
        weight = None if scale is None else scale.to(self.mean.dtype).expand(x.shape[1]).contiguous()
        return F.batch_norm(x, self.mean[target], self.var[target], weight, None, self.training, MOMENTUM, EPSILON)


def packed(targets: int, c_out: int, c_in: int, kernel: int) -> nn.Parameter:
    """Convolution weights of all targets in one parameter (targets * c_out, c_in, kernel, kernel).

    Initialised as torch initialises a convolution; its bounds depend on c_in and the kernel, not on the packing.
    """
    weight = torch.empty(targets * c_out, c_in, kernel, kernel)
    nn.init.kaiming_uniform_(weight, a=math.sqrt(5))
    return nn.Parameter(weight)


class PackedSeparable(nn.Module):
    """Depthwise, pointwise, normalisation for all targets of a fan (`operations.separable` without its ReLU)."""

    def __init__(self, targets: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.targets, self.kernel = targets, kernel
        self.depthwise = packed(targets, channels, 1, kernel)
        self.pointwise = packed(targets, channels, channels, 1)
        self.norm = PackedNorm(targets, channels)

    def weights(self) -> list[EdgeWeights]:
        """(depthwise, pointwise) of each target."""
        return list(zip(self.depthwise.chunk(self.targets), self.pointwise.chunk(self.targets), strict=True))

    def forward(
        self,
        x: Tensor,
        weights: EdgeWeights,
        target: int,
        scale: Tensor | None = None,
        stride: int = 1,
        dilation: int = 1,
    ) -> Tensor:
        """One target's edge on the activated state ``x``."""
        depthwise, mixing = weights
        padding = dilation * (self.kernel // 2)
        x = F.conv2d(x, depthwise, None, stride, padding, dilation, groups=x.shape[1])
        return self.norm(pointwise(x, mixing), target, scale)


class PackedTwice(nn.Module):
    """The separable convolution applied twice (`operations.sep_conv` without its first ReLU)."""

    def __init__(self, targets: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.first = PackedSeparable(targets, channels, kernel)
        self.second = PackedSeparable(targets, channels, kernel)

    def weights(self) -> list[tuple[EdgeWeights, EdgeWeights]]:
        """The weights of the first and the second application, for each target."""
        return list(zip(self.first.weights(), self.second.weights(), strict=True))

    def forward(
        self, x: Tensor, weights: tuple[EdgeWeights, EdgeWeights], target: int, scale: Tensor, stride: int
    ) -> Tensor:
        """One target's edge on the activated state ``x``."""
        inner = F.relu_(self.first(x, weights[0], target, stride=stride))
        return self.second(inner, weights[1], target, scale)


class Fan(nn.Module):
    """All edges that leave one state, to ``targets`` nodes: one summand of (1) for each of them."""

    def __init__(self, channels: int, targets: int, stride: int) -> None:
        super().__init__()
        self.targets, self.stride = targets, stride
        self.pool_norms = PackedNorm(2, channels)
        self.sep_3x3 = PackedTwice(targets, channels, 3)
        self.sep_5x5 = PackedTwice(targets, channels, 5)
        self.dil_3x3 = PackedSeparable(targets, channels, 3)
        self.dil_5x5 = PackedSeparable(targets, channels, 5)
        if stride == 2:
            self.reduce_even = packed(targets, channels // 2, channels, 1)
            self.reduce_odd = packed(targets, channels - channels // 2, channels, 1)
            self.reduce_norm = PackedNorm(targets, channels)

    def forward(self, state: Tensor, weights: Tensor) -> tuple[list[Tensor], list[Tensor] | None]:
        """The summands for each target, as pictures, and the dilated ones apart where they are still in phases.

        ``weights``: (targets, operations).
        """
        active = F.relu(state)
        scales = [row.unbind(0) for row in weights.unbind(0)]
        pictures = self._separable(active, [(row[SEP_3X3], row[SEP_5X5]) for row in scales])
        for picture, plain in zip(pictures, self._parameter_free(state, weights), strict=True):
            picture += plain
        if self.stride == 2:
            for picture, reduced in zip(pictures, self._reduced(active, weights[:, SKIP]), strict=True):
                picture += reduced
        phased = self.stride == 1 and state.shape[2] % 2 == 0 and state.shape[3] % 2 == 0
        dilated = self._dilated(active, [(row[DIL_3X3], row[DIL_5X5]) for row in scales], phased)
        if phased:
            return pictures, dilated
        for picture, summand in zip(pictures, dilated, strict=True):
            picture += summand
        return pictures, None

    def _parameter_free(self, state: Tensor, weights: Tensor) -> tuple[Tensor, ...]:
        """Pools and, at stride 1, the identity: weighted for all targets in one matrix product."""
        pools = (
            self.pool_norms(F.max_pool2d(state, 3, self.stride, 1), 0),
            self.pool_norms(F.avg_pool2d(state, 3, self.stride, 1, count_include_pad=False), 1),
        )
        shared = pools if self.stride == 2 else (*pools, state)
        stack = torch.stack([x.permute(0, 2, 3, 1) for x in shared])
        columns = weights[:, [MAX_POOL, AVG_POOL, SKIP][: len(shared)]].to(stack.dtype)
        sums = columns @ stack.reshape(len(shared), -1)
        return sums.reshape(self.targets, *stack.shape[1:]).permute(0, 1, 4, 2, 3).unbind(0)

    def _separable(self, active: Tensor, scales: list[tuple[Tensor, Tensor]]) -> list[Tensor]:
        sums: list[Tensor] = []
        weights_3, weights_5 = self.sep_3x3.weights(), self.sep_5x5.weights()
        for target, (scale_3, scale_5) in enumerate(scales):
            total = self.sep_3x3(active, weights_3[target], target, scale_3, self.stride)
            total += self.sep_5x5(active, weights_5[target], target, scale_5, self.stride)
            sums.append(total)
        return sums

    def _dilated(self, active: Tensor, scales: list[tuple[Tensor, Tensor]], phased: bool) -> list[Tensor]:
        """The dilated convolutions; in phases (stride 1), on the one phase that is read (stride 2), or plainly."""
        dilation = 1
        if self.stride == 2:
            active = active[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last)
        elif phased:
            active = split_phases(active)
        else:
            dilation = 2
        sums: list[Tensor] = []
        weights_3, weights_5 = self.dil_3x3.weights(), self.dil_5x5.weights()
        for target, (scale_3, scale_5) in enumerate(scales):
            total = self.dil_3x3(active, weights_3[target], target, scale_3, dilation=dilation)
            total += self.dil_5x5(active, weights_5[target], target, scale_5, dilation=dilation)
            sums.append(total)
        return sums

    def _reduced(self, active: Tensor, scales: Tensor) -> list[Tensor]:
        """The strided skip connections (`operations.FactorizedReduce`): one convolution for all targets."""
        even = pointwise(active, self.reduce_even, stride=2)
        odd = pointwise(F.pad(active, (0, 1, 0, 1))[:, :, 1:, 1:], self.reduce_odd, stride=2)
        halves = zip(even.chunk(self.targets, 1), odd.chunk(self.targets, 1), scales.unbind(0), strict=True)
        return [
            self.reduce_norm(torch.cat([left, right], 1), target, scale)
            for target, (left, right, scale) in enumerate(halves)
        ]


class MixedCell(nn.Module):
    """A cell of the supernet: all edges present, each a mixture. Output: ``nodes * channels`` channels."""

    def __init__(
        self, c_before: int, c_last: int, channels: int, nodes: int, reduce: bool, reduce_before: bool
    ) -> None:
        super().__init__()
        self.reduce, self.nodes = reduce, nodes
        self.before = (
            FactorizedReduce(c_before, channels, affine=False)
            if reduce_before
            else relu_conv_norm(c_before, channels, affine=False)
        )
        self.last = relu_conv_norm(c_last, channels, affine=False)
        self.fans = nn.ModuleList(
            Fan(channels, len(source_rows(nodes, source)), stride=2 if reduce and source < INPUTS else 1)
            for source in range(INPUTS + nodes - 1)
        )

    def forward(self, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (edges, operations), rows as in `node_rows`."""
        states = [self.before(before), self.last(last)]
        pictures: list[list[Tensor]] = [[] for _ in range(self.nodes)]
        phases: list[list[Tensor]] = [[] for _ in range(self.nodes)]
        for source, fan in enumerate(self.fans):
            if source >= INPUTS:
                states.append(_total(pictures[source - INPUTS], phases[source - INPUTS]))
            later, dilated = fan(states[source], weights[source_rows(self.nodes, source)])
            for node, picture in enumerate(later, self.nodes - len(later)):
                pictures[node].append(picture)
            for node, phase in enumerate(dilated or (), self.nodes - len(later)):
                phases[node].append(phase)
        states.append(_total(pictures[-1], phases[-1]))
        return torch.cat(states[INPUTS:], dim=1)


def _total(pictures: list[Tensor], phases: list[Tensor]) -> Tensor:
    """A node's state: the sum of its summands, those in phases summed first and joined once."""
    total = pictures[0]
    for picture in pictures[1:]:
        total = total + picture
    if phases:
        phase = phases[0]
        for other in phases[1:]:
            phase = phase + other
        total = total + join_phases(phase)
    return total


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
        before = last = self.stem(images.contiguous(memory_format=torch.channels_last))
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
