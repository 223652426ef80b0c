"""A fan-out evaluated in few large kernels, for devices on which the number of kernels is what costs.

The same parameters and the same function as the form in `mixed_cell`. All edges of an operation are one call: the
activated state is repeated for each target, a depthwise convolution sees targets * channels groups, a pointwise one
``targets`` groups, and one normalisation holds the statistics of all; the architecture's weights are its scales. What
the targets receive lies side by side as blocks of channels, so that one addition serves all nodes at once.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.genotype import INPUTS
from emonas.operations.table import SKIP
from emonas.supernet.fan_out import DILATED, SEPARABLE, FanOut
from emonas.supernet.mixed_cell import MixedCell, shuffle_channels
from emonas.supernet.packed import PackedSeparable


def grouped_cell(cell: MixedCell, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """What ``cell(before, last, weights)`` computes, for ``weights`` (edges, operations)."""
    states = [cell.before(before), cell.last(last)]
    ahead: Tensor | None = None  # sums for all nodes that are not complete yet, as blocks of channels
    for source, fan_out in enumerate(cell.fan_outs()):
        if source >= INPUTS:
            assert ahead is not None
            states.append(_finished(cell, ahead[:, : _block(cell)]))
            ahead = ahead[:, _block(cell) :]
        of_source = cell.leaving(weights, source)
        contributions = grouped_fan_out(fan_out, cell.mixed_part(states[source]), of_source)
        if cell.part > 1:
            by = cell.passing_part(states[source], fan_out.stride)
            contributions = _side_by_side(contributions, by, of_source.sum(1))
        ahead = contributions if ahead is None else ahead + contributions
    assert ahead is not None
    states.append(_finished(cell, ahead))
    return torch.cat(states[INPUTS:], dim=1)


def _block(cell: MixedCell) -> int:
    """Channels of a node's state."""
    return cell.mixed * cell.part


def _finished(cell: MixedCell, state: Tensor) -> Tensor:
    return state if cell.part == 1 else shuffle_channels(state, cell.part)


def _side_by_side(mixed: Tensor, by: Tensor, weights: Tensor) -> Tensor:
    """Each target's mixed channels followed by its weighted share of those that pass by."""
    n, _, height, width = mixed.shape
    targets = len(weights)
    passing = weights[None, :, None, None, None].to(by.dtype) * by[:, None]
    return torch.cat([mixed.view(n, targets, -1, height, width), passing], 2).flatten(1, 2)


def grouped_fan_out(fan_out: FanOut, state: Tensor, weights: Tensor) -> Tensor:
    """The contributions to all targets, (N, targets * channels, H, W), for ``weights`` (targets, operations)."""
    active = F.relu(state)
    found = _parameter_free(fan_out, state, weights)
    for column, _, module in fan_out.present(SEPARABLE):
        repeated = _repeated(active, module.targets)
        inner = F.relu(_separable(module.first, repeated, None, fan_out.stride))
        blocks = _separable(module.second, inner, fan_out.scales(weights, column))
        found = _added(found, fan_out, column, blocks)
    for column, operation, module in fan_out.present(DILATED):
        repeated = _repeated(active, module.targets)
        blocks = _separable(module, repeated, fan_out.scales(weights, column), fan_out.stride, operation.dilation)
        found = _added(found, fan_out, column, blocks)
    rows = fan_out.rows[SKIP]
    if rows and fan_out.stride == 2:
        found = _added(found, fan_out, SKIP, fan_out.reduced(active, fan_out.scales(weights, SKIP)))
    elif rows and fan_out.drops_skips:
        dropped = F.dropout(_repeated(state, len(rows)), fan_out.skip_dropout)
        scales = fan_out.scales(weights, SKIP).repeat_interleave(state.shape[1])[:, None, None]
        found = _added(found, fan_out, SKIP, scales.to(dropped.dtype) * dropped)
    assert found is not None
    return found


def _repeated(state: Tensor, targets: int) -> Tensor:
    return state.repeat(1, targets, 1, 1).contiguous(memory_format=torch.channels_last)


def _separable(module: PackedSeparable, x: Tensor, scales: Tensor | None, stride: int = 1, dilation: int = 1) -> Tensor:
    padding = dilation * (module.kernel // 2)
    x = F.conv2d(x, module.depthwise, None, stride, padding, dilation, groups=x.shape[1])
    normalised: Tensor = module.norm(F.conv2d(x, module.pointwise, groups=module.targets), scales)
    return normalised


def _added(total: Tensor | None, fan_out: FanOut, column: int, blocks: Tensor) -> Tensor:
    """Add blocks of channels, one for each target that has the operation, to those of all targets."""
    rows, targets = fan_out.rows[column], fan_out.targets
    if len(rows) == targets:
        return blocks if total is None else total + blocks
    n, channels, height, width = blocks.shape
    blocks = blocks.view(n, len(rows), channels // len(rows), height, width)
    if total is None:
        total = blocks.new_zeros(n, targets * blocks.shape[2], height, width)
    wide = total.view(n, targets, -1, height, width)
    return wide.index_add(1, fan_out.index(column), blocks).flatten(1, 2)


def _parameter_free(fan_out: FanOut, state: Tensor, weights: Tensor) -> Tensor | None:
    """Pools and identities of all targets as one product of a (targets x shared) matrix with the shared pictures."""
    shared = fan_out.shared(state)
    if not shared:
        return None
    stack = torch.stack([x.permute(0, 2, 3, 1) for x in shared.values()])
    columns = torch.stack([weights[:, column] for column in shared], 1).to(stack.dtype)
    return torch.einsum("tk,knhwc->nhwtc", columns, stack).flatten(3).permute(0, 3, 1, 2)
