"""All edges of a mixed cell that leave one state, and what they bring to their targets."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.genotype import AVG_POOL, DIL_3X3, DIL_5X5, MAX_POOL, OPERATION_NAMES, SEP_3X3, SEP_5X5, SKIP
from emonas.operations import pointwise
from emonas.supernet.packed import PackedNorm, PackedSeparable, PackedTwice, packed_weights
from emonas.supernet.separable_sum import Term

#: Name of the module, column of the weights, kernel.
SEPARABLE = (("sep_3x3", SEP_3X3, 3), ("sep_5x5", SEP_5X5, 5))
DILATED = (("dil_3x3", DIL_3X3, 3), ("dil_5x5", DIL_5X5, 5))


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
    """What reaches one node from one state: a picture, and products to be normalised and summed, plain or in phases."""

    base: Tensor | None
    terms: list[Term]
    phased: list[Term]


class FanOut(nn.Module):
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
            self.reduce_even = packed_weights(skips, channels // 2, channels, 1)
            self.reduce_odd = packed_weights(skips, channels - channels // 2, channels, 1)
            self.reduce_norm = PackedNorm(skips, channels)

    def forward(self, state: Tensor, weights: Tensor) -> list[Contribution]:
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
        return [Contribution(*of_target) for of_target in zip(bases, terms, phased, strict=True)]

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
