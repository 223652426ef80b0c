"""All edges of a mixed cell that leave one state, and what they bring to their targets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.operations.modules import pointwise
from emonas.operations.table import OPERATION_NAMES, SKIP, Operation, select_family
from emonas.supernet.packed import PackedNorm, PackedSeparable, PackedTwice, packed_weights
from emonas.supernet.separable_sum import Term

#: Operations by their columns in the weights.
POOLS = select_family("max_pool", "avg_pool")
SEPARABLE, DILATED = select_family("sep_conv"), select_family("dil_conv")


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


class Contribution(NamedTuple):
    """What one state gives one node: a picture, and products to be normalised and summed, plain or in phases."""

    base: Tensor | None
    terms: list[Term]
    phased: list[Term]


def _module_name(operation: Operation) -> str:
    """What a convolution's packed module is called, in checkpoints too."""
    return operation.name.replace("_conv", "")


def _pool(state: Tensor, operation: Operation, stride: int) -> Tensor:
    if operation.family == "max_pool":
        return F.max_pool2d(state, operation.kernel, stride, operation.kernel // 2)
    return F.avg_pool2d(state, operation.kernel, stride, operation.kernel // 2, count_include_pad=False)


class FanOut(nn.Module):
    """All edges that leave one state, and their contribution to each target: one summand of `mixed_cell`'s (1).

    ``active`` (targets, operations) says which operations are present; absent ones have no parameters and their weights
    must be 0. ``skip_dropout`` drops out pixels of the identity in training (P-DARTS).
    """

    def __init__(self, channels: int, stride: int, active: Tensor) -> None:
        super().__init__()
        self.targets, self.stride, self.skip_dropout = len(active), stride, 0.0
        self.rows = [active[:, column].nonzero().flatten().tolist() for column in range(len(OPERATION_NAMES))]
        for column, rows in enumerate(self.rows):
            self.register_buffer(f"rows_of_{column}", torch.tensor(rows, dtype=torch.long), persistent=False)
        self.pool_norms = nn.ModuleList(PackedNorm(1, channels) for _ in POOLS)
        for family, packed in ((SEPARABLE, PackedTwice), (DILATED, PackedSeparable)):
            for column, operation in family.items():
                if self.rows[column]:
                    self.add_module(_module_name(operation), packed(len(self.rows[column]), channels, operation.kernel))
        skips = len(self.rows[SKIP])
        if stride == 2 and skips:
            self.reduce_even = packed_weights(skips, channels // 2, channels, 1)
            self.reduce_odd = packed_weights(skips, channels - channels // 2, channels, 1)
            self.reduce_norm = PackedNorm(skips, channels)

    def forward(self, state: Tensor, weights: Tensor) -> list[Contribution]:
        """``weights``: (targets, operations)."""
        active = F.relu(state)
        bases = self._parameter_free(state, active, weights)
        terms: list[list[Term]] = [[] for _ in range(self.targets)]
        phased: list[list[Term]] = [[] for _ in range(self.targets)]
        for column, _, module in self.present(SEPARABLE):
            of_targets = module.terms(active, self.scales(weights, column), self.stride)
            for row, term in zip(self.rows[column], of_targets, strict=True):
                terms[row].append(term)
        dilated, step, in_phases = self._for_dilated(active)
        for column, operation, module in self.present(DILATED):
            of_targets = module.terms(dilated, self.scales(weights, column), 1, operation.dilation // step)
            for row, term in zip(self.rows[column], of_targets, strict=True):
                (phased if in_phases else terms)[row].append(term)
        return [Contribution(*of_target) for of_target in zip(bases, terms, phased, strict=True)]

    def present(self, family: Mapping[int, Operation]) -> Iterator[tuple[int, Operation, Any]]:
        """Of a family of convolutions those that some target has, each with its column and its module."""
        for column, operation in family.items():
            if self.rows[column]:
                yield column, operation, getattr(self, _module_name(operation))

    def index(self, column: int) -> Tensor:
        """The targets that have an operation, as an index on the device."""
        rows: Tensor = getattr(self, f"rows_of_{column}")
        return rows

    def scales(self, weights: Tensor, column: int) -> Tensor:
        """An operation's weights for the targets that have it."""
        everywhere = len(self.rows[column]) == self.targets
        return weights[:, column] if everywhere else weights[self.index(column), column]

    def _for_dilated(self, active: Tensor) -> tuple[Tensor, int, bool]:
        """What dilated convolutions read, of how many pixels each its step is, and whether it is in phases."""
        if self.stride == 2:
            return active[:, :, ::2, ::2].contiguous(memory_format=torch.channels_last), 2, False
        if active.shape[2] % 2 == 0 and active.shape[3] % 2 == 0:
            return split_phases(active), 2, True
        return active, 1, False

    def _parameter_free(self, state: Tensor, active: Tensor, weights: Tensor) -> list[Tensor | None]:
        """Pools and skip connections for each target, all weighted in one matrix product where they are shared."""
        shared = self.shared(state)
        bases: list[Tensor | None] = [None] * self.targets
        if shared:
            stack = torch.stack([x.permute(0, 2, 3, 1) for x in shared.values()])
            columns = torch.stack([weights[:, column] for column in shared], 1).to(stack.dtype)
            sums = columns @ stack.flatten(1)
            bases = list(sums.view(self.targets, *stack.shape[1:]).permute(0, 1, 4, 2, 3).unbind(0))
        for row, skip in self._own_skips(state, active, weights).items():
            base = bases[row]
            bases[row] = skip if base is None else base + skip
        return bases

    def shared(self, state: Tensor) -> dict[int, Tensor]:
        """The outputs, by column, of the operations for which they are the same for all targets."""
        found = {}
        for norm, (column, operation) in zip(self.pool_norms, POOLS.items(), strict=True):
            if self.rows[column]:
                found[column] = norm(_pool(state, operation, self.stride))
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
        """The strided skip connections (`modules.FactorizedReduce`) of all targets, as blocks of channels."""
        even = pointwise(active, self.reduce_even, stride=2)
        odd = pointwise(F.pad(active, (0, 1, 0, 1))[:, :, 1:, 1:], self.reduce_odd, stride=2)
        halves = zip(even.chunk(len(scales), 1), odd.chunk(len(scales), 1), strict=True)
        reduced: Tensor = self.reduce_norm(torch.cat([half for pair in halves for half in pair], 1), scales)
        return reduced
