"""The least memory that stacked cells take, told before they are built: what cannot fit is refused in words.

A lower bound, so that nothing is refused that would fit. Of a cell with C channels that are S x S are counted

    weights    C (c_before + c_last) of its inputs, and C^2 for each pointwise convolution
    maps       C S^2 for each picture, input and operation, which the backward pass needs all at once
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor

from emonas.device import free_bytes
from emonas.errors import UserError
from emonas.genotype import Cell, Genotype
from emonas.operations.modules import reductions, stem_stride
from emonas.operations.table import OPERATIONS, Family

#: Pointwise convolutions in an operation.
_POINTWISE: Mapping[Family, int] = {"sep_conv": 2, "dil_conv": 1}
_FLOAT = 4


@dataclass(frozen=True)
class CellSize:
    """What a cell has: states that are concatenated, pointwise convolutions, and maps that its operations make.

    The last two are in units of the cell's channels, of which ``part`` goes through the operations.
    """

    outputs: int
    pointwise: float
    maps: float

    @staticmethod
    def of(cell: Cell) -> CellSize:
        """That of a found cell."""
        families = [OPERATIONS[edge.operation].family for edge in cell.edges]
        maps = sum(family != "skip" for family in families)
        return CellSize(len(cell.concat), sum(_POINTWISE.get(family, 0) for family in families), maps)

    @staticmethod
    def of_mixed(active: Tensor, nodes: int, part: int = 1) -> CellSize:
        """That of a supernet's cell with these operations (edges, operations), through 1 / part of the channels."""
        found = active.sum(0).tolist()
        pointwise = sum(
            _POINTWISE.get(operation.family, 0) * count
            for operation, count in zip(OPERATIONS.values(), found, strict=True)
        )
        return CellSize(nodes, pointwise / part**2, pointwise / part)


@dataclass(frozen=True)
class StackSize:
    """Cells that are stacked, as `Network` and `Supernet` do it, over pictures (in_channels, size, size)."""

    normal: CellSize
    reduction: CellSize
    cells: int
    channels: int
    size: int
    in_channels: int
    reductions: tuple[int, ...] = ()

    @staticmethod
    def of(genotype: Genotype, cells: int, channels: int, size: int, in_channels: int) -> StackSize:
        """That of a found network."""
        where = genotype.reductions if cells == genotype.cells else ()
        found = CellSize.of(genotype.normal), CellSize.of(genotype.reduction)
        return StackSize(*found, cells, channels, size, in_channels, where)

    def least_bytes(self, batch: int, copies: int, backward: bool = True) -> int:
        """Bytes of so many copies of the weights, and of the maps of a batch; without ``backward`` of one cell's."""
        channels, side = self.channels, -(-self.size // stem_stride(self.size))
        before = last = 3 * channels
        weights, maps = 0.0, [float(self.in_channels * self.size**2 + last * side**2)]
        where = self.reductions or reductions(self.cells)
        for position in range(self.cells):
            reduce = position in where
            cell = self.reduction if reduce else self.normal
            channels, side = (2 * channels, -(-side // 2)) if reduce else (channels, side)
            weights += (before + last) * channels + cell.pointwise * channels**2
            maps.append((2 + cell.maps) * channels * side**2)
            before, last = last, cell.outputs * channels
        return int(_FLOAT * (copies * weights + batch * (sum(maps) if backward else max(maps))))


def require_memory(needed: int, device: torch.device, what: str) -> None:
    """Refuse what cannot fit into the device's free memory. Raises UserError."""
    free = free_bytes(device)
    if free is not None and needed > free:
        raise UserError(
            f"{what} needs at least {_in_words(needed)} of memory, and {_in_words(free)} are free; "
            "take fewer cells or channels, smaller pictures or smaller batches"
        )


def _in_words(count: int) -> str:
    for unit, size in (("TB", 1e12), ("GB", 1e9)):
        if count >= size:
            return f"{count / size:,.1f} {unit}"
    return f"{count / 1e6:.0f} MB"
