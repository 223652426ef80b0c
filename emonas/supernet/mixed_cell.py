"""A cell of the supernet: every edge present, each the weighted sum of its operations.

    state_j = sum_{i<j} sum_o w[e(i, j), o] * o_e(state_i)                                                  (1)

Evaluated edge by edge, (1) computes many things several times. Here it is organised by source state: a `FanOut` holds
all edges that leave one state. What makes it fast is exact:

1. ReLU, pools and their normalisation depend on the state alone: once per state, not per edge. For all targets j at
   once the parameter-free part of (1) is a product of two matrices, (targets x pictures) and (pictures x pixels).
2. Affine-free normalisation followed by a weight is normalisation with that weight as its scale, and all that meets in
   a node is one sum of normalised products (`separable_sum`): no operation's output is written on its own.
3. A convolution with dilation 2 sees only pixels of its own parity. On the four phases x[p::2, q::2], put along the
   batch, it is an undilated convolution, which has a fast backward pass. Pointwise convolution, normalisation (same
   pixels, same statistics) and the sum over edges stay in the phases; they are undone once per node. With stride 2 only
   the phase (0, 0) is ever read. Where a side is odd the phases differ in size and the plain form is used.
4. The gradients of depthwise convolutions take the shapes that are fast (`depthwise`).

On a GPU the number of kernels counts instead: `grouped` evaluates a fan-out in few large ones, of the same parameters.
Weights are therefore stored packed by source state and operation. Activations are channels last throughout.
"""

from __future__ import annotations

from collections.abc import Iterator

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.genotype import INPUTS, source_rows
from emonas.operations.modules import FactorizedReduce, relu_conv_norm
from emonas.supernet.fan_out import Contribution, FanOut, join_phases
from emonas.supernet.separable_sum import separable_sum


def shuffle_channels(x: Tensor, groups: int) -> Tensor:
    """Channel c of group g becomes channel c * groups + g, so that the next cell's part takes from every group."""
    n, c, h, w = x.shape
    pixels = x.permute(0, 2, 3, 1).reshape(n, h, w, groups, c // groups).transpose(3, 4)
    return pixels.reshape(n, h, w, c).permute(0, 3, 1, 2)


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
        # Checkpoints know the fan-outs by this name.
        self.fans = nn.ModuleList(
            FanOut(self.mixed, 2 if reduce and source < INPUTS else 1, active[source_rows(nodes, source)])
            for source in range(INPUTS + nodes - 1)
        )
        for source in range(INPUTS + nodes - 1):
            self.register_buffer(f"rows_of_{source}", torch.tensor(source_rows(nodes, source)), persistent=False)

    def fan_outs(self) -> Iterator[FanOut]:
        """The fan-outs in the order of their states."""
        for fan_out in self.fans:
            assert isinstance(fan_out, FanOut)
            yield fan_out

    def leaving(self, weights: Tensor, source: int) -> Tensor:
        """The rows of a weight matrix (edges, operations) that belong to the edges leaving a state."""
        return weights.index_select(0, getattr(self, f"rows_of_{source}"))

    def forward(self, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
        """``weights``: (edges, operations), rows as in `node_rows`."""
        states = [self.before(before), self.last(last)]
        arriving: list[list[Contribution]] = [[] for _ in range(self.nodes)]
        passing: list[list[Tensor]] = [[] for _ in range(self.nodes)]
        for source, fan_out in enumerate(self.fan_outs()):
            if source >= INPUTS:
                states.append(self._state(arriving[source - INPUTS], passing[source - INPUTS]))
            of_source = self.leaving(weights, source)
            first = self.nodes - len(of_source)
            contributions = fan_out(self.mixed_part(states[source]), of_source)
            for node, contribution in enumerate(contributions, first):
                arriving[node].append(contribution)
            if self.part > 1:
                by = self.passing_part(states[source], fan_out.stride)
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

    def _state(self, arriving: list[Contribution], passing: list[Tensor]) -> Tensor:
        """A node's state: pictures and products summed, those in phases apart and joined once."""
        base = _total([contribution.base for contribution in arriving])
        phased = [term for contribution in arriving for term in contribution.phased]
        if phased:
            joined = join_phases(separable_sum(phased, None, self.training))
            base = joined if base is None else base + joined
        terms = [term for contribution in arriving for term in contribution.terms]
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
