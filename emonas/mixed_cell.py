"""A cell of the supernet: every edge present, each the weighted sum of its operations.

    state_j = sum_{i<j} sum_o w[e(i, j), o] * o_e(state_i)                                                  (1)

Evaluated edge by edge, (1) computes many things several times. Here it is organised by source state: a `Fan` holds all
edges that leave one state. What makes it fast is exact:

1. ReLU, pools and their normalisation depend on the state alone: once per state, not per edge. For all targets j at
   once the parameter-free part of (1) is a product of a (targets x 3) with a (3 x pixels) matrix.
2. Affine-free normalisation followed by a weight is normalisation with that weight as its scale, and all that meets in
   a node is one sum of normalised products (`separable_sum`): no operation's output is written on its own.
3. A convolution with dilation 2 sees only pixels of its own parity. On the four phases x[p::2, q::2], put along the
   batch, it is an undilated convolution, which has a fast backward pass. Pointwise convolution, normalisation (same
   pixels, same statistics) and the sum over edges stay in the phases; they are undone once per node. With stride 2 only
   the phase (0, 0) is ever read. Where a side is odd the phases differ in size and the plain form is used.
4. The gradients of depthwise convolutions take the shapes that are fast (`depthwise`).

On a GPU the number of kernels counts instead: `grouped` evaluates a fan in few large ones, from the same parameters.
Weights are therefore stored packed by source state and operation. Activations are channels last throughout.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .genotype import INPUTS, OPERATION_NAMES
from .operations import FactorizedReduce, pointwise, relu_conv_norm
from .separable_sum import EPSILON, MOMENTUM, Term, separable_rectified, separable_sum

MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5 = range(len(OPERATION_NAMES))
#: Name of the module, column of the weights, kernel.
SEPARABLE = (("sep_3x3", SEP_3X3, 3), ("sep_5x5", SEP_5X5, 5))
DILATED = (("dil_3x3", DIL_3X3, 3), ("dil_5x5", DIL_5X5, 5))


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


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Channel c of group g becomes channel c * groups + g, so that the next cell's part takes from every group."""
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(n, h, w, groups, c // groups).transpose(3, 4)
    return pixels.reshape(n, h, w, c).permute(0, 3, 1, 2)


class PackedNorm(nn.Module):
    """Batch normalisations without parameters, one for each target of a fan; the running statistics are packed."""

    def __init__(self, targets: int, channels: int) -> None:
        super().__init__()
        self.mean: Tensor
        self.var: Tensor
        self.register_buffer("mean", torch.zeros(targets, channels))
        self.register_buffer("var", torch.ones(targets, channels))

    def forward(self, x: Tensor, scales: Tensor | None = None) -> Tensor:
        """Normalise (N, targets * channels, H, W); ``scales`` (targets,) multiply the result."""
        weight = None if scales is None else scales.to(self.mean.dtype).repeat_interleave(self.mean.shape[1])
        mean, var = self.mean.view(-1), self.var.view(-1)
        return F.batch_norm(x, mean, var, weight, None, self.training, MOMENTUM, EPSILON)


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

    def terms(self, x: Tensor | list[Tensor], scales: Tensor | None, stride: int = 1, dilation: int = 1) -> list[Term]:
        """A summand for each target, from the activated state or from an input for each; ``scales``: (targets,)."""
        kernels, mixers = self.depthwise.chunk(self.targets), self.pointwise.chunk(self.targets)
        inputs = x if isinstance(x, list) else [x] * self.targets
        return [
            Term(
                x=inputs[i],
                kernel=kernels[i],
                mixer=mixers[i],
                scale=None if scales is None else scales[i],
                mean=self.norm.mean[i],
                var=self.norm.var[i],
                stride=stride,
                dilation=dilation,
            )
            for i in range(self.targets)
        ]


class PackedTwice(nn.Module):
    """The separable convolution applied twice (`operations.sep_conv` without its first ReLU)."""

    def __init__(self, targets: int, channels: int, kernel: int) -> None:
        super().__init__()
        self.targets = targets
        self.first = PackedSeparable(targets, channels, kernel)
        self.second = PackedSeparable(targets, channels, kernel)

    def terms(self, x: Tensor, scales: Tensor, stride: int) -> list[Term]:
        """A summand for each target, from the activated state."""
        inner = self.first.terms(x, None, stride)
        return self.second.terms(separable_rectified(inner, self.training), scales)


class Summands(NamedTuple):
    """What reaches one node from one state: a picture, and products to be normalised and summed, plain or in phases."""

    base: Tensor | None
    terms: list[Term]
    phased: list[Term]


class Fan(nn.Module):
    """All edges that leave one state: one summand of (1) for each of their targets.

    ``active`` (targets, operations) says which operations are present; absent ones have no parameters and their weights
    must be 0. ``skip_dropout`` drops out pixels of the identity in training (P-DARTS).
    """

    def __init__(self, channels: int, stride: int, active: Tensor) -> None:
        super().__init__()
        self.targets, self.stride, self.skip_dropout = len(active), stride, 0.0
        self.rows = [active[:, operation].nonzero().flatten().tolist() for operation in range(len(OPERATION_NAMES))]
        for operation, rows in enumerate(self.rows):
            self.register_buffer(f"rows_of_{operation}", torch.tensor(rows, dtype=torch.long), persistent=False)
        self.pool_norms = nn.ModuleList(PackedNorm(1, channels) for _ in (MAX_POOL, AVG_POOL))
        for name, operation, kernel in SEPARABLE:
            if self.rows[operation]:
                self.add_module(name, PackedTwice(len(self.rows[operation]), channels, kernel))
        for name, operation, kernel in DILATED:
            if self.rows[operation]:
                self.add_module(name, PackedSeparable(len(self.rows[operation]), channels, kernel))
        skips = len(self.rows[SKIP])
        if stride == 2 and skips:
            self.reduce_even = packed(skips, channels // 2, channels, 1)
            self.reduce_odd = packed(skips, channels - channels // 2, channels, 1)
            self.reduce_norm = PackedNorm(skips, channels)

    def forward(self, state: Tensor, weights: Tensor) -> list[Summands]:
        """``weights``: (targets, operations)."""
        active = F.relu(state)
        bases = self._parameter_free(state, active, weights)
        terms: list[list[Term]] = [[] for _ in range(self.targets)]
        phased: list[list[Term]] = [[] for _ in range(self.targets)]
        for module, rows, operation in self.present(SEPARABLE):
            for row, term in zip(rows, module.terms(active, self.scales(weights, operation), self.stride), strict=True):
                terms[row].append(term)
        dilated, dilation, in_phases = self._for_dilated(active)
        for module, rows, operation in self.present(DILATED):
            for row, term in zip(
                rows, module.terms(dilated, self.scales(weights, operation), 1, dilation), strict=True
            ):
                (phased if in_phases else terms)[row].append(term)
        return [Summands(*of_target) for of_target in zip(bases, terms, phased, strict=True)]

    def present(self, family: tuple[tuple[str, int, int], ...]) -> Iterator[tuple[Any, list[int], int]]:
        """Of a family of convolutions those that some target has: module, the targets, the column of the weights."""
        for name, operation, _ in family:
            if self.rows[operation]:
                yield getattr(self, name), self.rows[operation], operation

    def index(self, operation: int) -> Tensor:
        """The targets that have an operation, as an index on the device."""
        rows: Tensor = getattr(self, f"rows_of_{operation}")
        return rows

    def scales(self, weights: Tensor, operation: int) -> Tensor:
        """An operation's weights for the targets that have it."""
        everywhere = len(self.rows[operation]) == self.targets
        return weights[:, operation] if everywhere else weights[self.index(operation), operation]

    def _for_dilated(self, active: Tensor) -> tuple[Tensor, int, bool]:
        """What dilated convolutions read, with which dilation is left, and whether it is in phases."""
        if self.stride == 2:
            return active[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last), 1, False
        if active.shape[2] % 2 == 0 and active.shape[3] % 2 == 0:
            return split_phases(active), 1, True
        return active, 2, False

    def _parameter_free(self, state: Tensor, active: Tensor, weights: Tensor) -> list[Tensor | None]:
        """Pools and skip connections for each target, all weighted in one matrix product where they are shared."""
        shared = self.shared(state)
        bases: list[Tensor | None] = [None] * self.targets
        if shared:
            stack = torch.stack([x.permute(0, 2, 3, 1) for x in shared.values()])
            columns = torch.stack([weights[:, operation] for operation in shared], 1).to(stack.dtype)
            sums = columns @ stack.flatten(1)
            bases = list(sums.view(self.targets, *stack.shape[1:]).permute(0, 1, 4, 2, 3).unbind(0))
        for row, skip in self._own_skips(state, active, weights).items():
            base = bases[row]
            bases[row] = skip if base is None else base + skip
        return bases

    def shared(self, state: Tensor) -> dict[int, Tensor]:
        """The operations whose output is the same for all targets."""
        found = {}
        if self.rows[MAX_POOL]:
            found[MAX_POOL] = self.pool_norms[0](F.max_pool2d(state, 3, self.stride, 1))
        if self.rows[AVG_POOL]:
            found[AVG_POOL] = self.pool_norms[1](F.avg_pool2d(state, 3, self.stride, 1, count_include_pad=False))
        if self.rows[SKIP] and self.stride == 1 and not self.drops_skips:
            found[SKIP] = state
        return found

    @property
    def drops_skips(self) -> bool:
        """Whether each edge's identity is dropped out on its own."""
        return self.training and self.stride == 1 and self.skip_dropout > 0

    def _own_skips(self, state: Tensor, active: Tensor, weights: Tensor) -> dict[int, Tensor]:
        """Skip connections that differ from target to target: strided ones, and identities under dropout."""
        rows = self.rows[SKIP]
        if rows and self.stride == 2:
            reduced = self.reduced(active, self.scales(weights, SKIP))
            return dict(zip(rows, reduced.chunk(len(rows), 1), strict=True))
        if self.drops_skips:
            return {row: weights[row, SKIP] * F.dropout(state, self.skip_dropout) for row in rows}
        return {}

    def reduced(self, active: Tensor, scales: Tensor) -> Tensor:
        """The strided skip connections (`operations.FactorizedReduce`) of all targets, as blocks of channels."""
        even = pointwise(active, self.reduce_even, stride=2)
        odd = pointwise(F.pad(active, (0, 1, 0, 1))[:, :, 1:, 1:], self.reduce_odd, stride=2)
        halves = zip(even.chunk(len(scales), 1), odd.chunk(len(scales), 1), strict=True)
        reduced: Tensor = self.reduce_norm(torch.cat([half for pair in halves for half in pair], 1), scales)
        return reduced


class MixedCell(nn.Module):
    """All edges of a cell. Output: ``nodes * channels`` channels.

    ``active`` (edges, operations) says which operations are present. With ``part`` > 1 only the first 1 / part of the
    channels goes through the operations, the others pass by, weighted by the sum of an edge's weights (edge
    normalisation), and the channels are shuffled (Xu et al.: PC-DARTS, ICLR 2020).
    """

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
        self.reduce, self.nodes, self.part = reduce, nodes, part
        self.mixed = channels // part
        self.before = (
            FactorizedReduce(c_before, channels, affine=False)
            if reduce_before
            else relu_conv_norm(c_before, channels, affine=False)
        )
        self.last = relu_conv_norm(c_last, channels, affine=False)
        self.fans = nn.ModuleList(
            Fan(self.mixed, 2 if reduce and source < INPUTS else 1, active[source_rows(nodes, source)])
            for source in range(INPUTS + nodes - 1)
        )
        for source in range(INPUTS + nodes - 1):
            self.register_buffer(f"rows_of_{source}", torch.tensor(source_rows(nodes, source)), persistent=False)

    def each_fan(self) -> Iterator[Fan]:
        """The fans in the order of their states."""
        for fan in self.fans:
            assert isinstance(fan, Fan)
            yield fan

    def leaving(self, weights: Tensor, source: int) -> Tensor:
        """The rows of a weight matrix (edges, operations) that belong to the edges leaving a state."""
        return weights.index_select(0, getattr(self, f"rows_of_{source}"))

    def forward(self, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (edges, operations), rows as in `node_rows`."""
        states = [self.before(before), self.last(last)]
        arriving: list[list[Summands]] = [[] for _ in range(self.nodes)]
        passing: list[list[Tensor]] = [[] for _ in range(self.nodes)]
        for source, fan in enumerate(self.each_fan()):
            if source >= INPUTS:
                states.append(self._state(arriving[source - INPUTS], passing[source - INPUTS]))
            of_source = self.leaving(weights, source)
            first = self.nodes - len(of_source)
            for node, summands in enumerate(fan(self.mixed_part(states[source]), of_source), first):
                arriving[node].append(summands)
            if self.part > 1:
                by = self.passing_part(states[source], fan.stride)
                for node, weight in enumerate(of_source.sum(1), first):
                    passing[node].append(weight * by)
        states.append(self._state(arriving[-1], passing[-1]))
        return torch.cat(states[INPUTS:], dim=1)

    def mixed_part(self, state: Tensor) -> Tensor:
        """The channels that go through the operations."""
        if self.part == 1:
            return state
        return state[:, : self.mixed].contiguous(memory_format=torch.channels_last)

    def passing_part(self, state: Tensor, stride: int) -> Tensor:
        """The channels that pass by; maxima of 2x2 pixels where the edge halves the resolution."""
        by = state[:, self.mixed :]
        return F.max_pool2d(by, 2, 2, ceil_mode=True) if stride == 2 else by

    def _state(self, arriving: list[Summands], passing: list[Tensor]) -> Tensor:
        """A node's state: pictures and products summed, those in phases apart and joined once."""
        base = _total([summands.base for summands in arriving])
        phased = [term for summands in arriving for term in summands.phased]
        if phased:
            joined = join_phases(separable_sum(phased, None, self.training))
            base = joined if base is None else base + joined
        terms = [term for summands in arriving for term in summands.terms]
        state = separable_sum(terms, base, self.training) if terms else base
        assert state is not None
        if self.part == 1:
            return state
        by = _total(passing)
        assert by is not None
        return shuffle_channels(torch.cat([state, by], 1), self.part)


def _total(pictures: list[Tensor] | list[Tensor | None]) -> Tensor | None:
    """The sum of those that are there."""
    total = None
    for picture in pictures:
        if picture is not None:
            total = picture if total is None else total + picture
    return total
