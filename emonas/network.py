"""The network that is worth something: found cells, stacked, with real parameters and one operation an edge."""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor, nn

from emonas.genotype import INPUTS, Cell, Genotype
from emonas.operations.modules import (
    FactorizedReduce,
    Pointwise,
    Stem,
    build_operation,
    reductions,
    relu_conv_norm,
    stem_stride,
)


def drop_path_mask(
    paths: int, samples: int, rate: float, device: torch.device, generator: torch.Generator | None = None
) -> Tensor:
    """Drop-path factors (paths, samples): 0 with probability ``rate``, else scaled up so that the mean stays 1.

    Drawn at once for a whole network, on the CPU, by torch's own generator or a given one: so every device, and several
    networks trained as one, see the same numbers. Larsson, Maire, Shakhnarovich: FractalNet, ICLR 2017.
    """
    keep = 1.0 - rate
    return (torch.empty(paths, samples).bernoulli_(keep, generator=generator) / keep).to(device, non_blocking=True)


class StackedCell(nn.Module):
    """A found cell: each node is the sum of its two chosen edges. Output: len(concat) * channels channels."""

    def __init__(
        self, cell: Cell, c_before: int, c_last: int, channels: int, reduce: bool, reduce_before: bool
    ) -> None:
        super().__init__()
        self.cell = cell
        self.before = FactorizedReduce(c_before, channels) if reduce_before else relu_conv_norm(c_before, channels)
        self.last = relu_conv_norm(c_last, channels)
        self.edges = nn.ModuleList(
            build_operation(edge.operation, channels, 2 if reduce and edge.source < INPUTS else 1, True)
            for edge in cell.edges
        )
        # An identity is never dropped: something must reach the node.
        self.droppable = tuple(not isinstance(operation, nn.Identity) for operation in self.edges)

    def forward(self, before: Tensor, last: Tensor, mask: Tensor | None = None) -> Tensor:
        """The outputs of the two cells before, (N, C, H, W) each, become this cell's.

        ``mask``: drop-path factors, a row (N,) for each operation that may be dropped (`drop_path_mask`).
        """
        states = [self.before(before), self.last(last)]
        factors = iter(()) if mask is None else iter(mask.unbind())
        edges = zip(self.edges, self.droppable, strict=True)
        for node in range(self.cell.nodes):
            paths = []
            for edge in self.cell.incoming(node):
                operation, droppable = next(edges)
                path = operation(states[edge.source])
                if mask is not None and droppable:
                    path = path * next(factors).to(path.dtype).view(-1, 1, 1, 1)
                paths.append(path)
            states.append(paths[0] + paths[1])
        return torch.cat([states[i] for i in self.cell.concat], dim=1)


def auxiliary_head(channels: int, classes: int) -> nn.Sequential:
    """DARTS's second classifier, which speeds up learning in the lower cells; any map size is pooled to 2 x 2."""
    return nn.Sequential(
        nn.ReLU(),
        nn.AdaptiveAvgPool2d(2),
        Pointwise(channels, 128),
        nn.BatchNorm2d(128),
        nn.ReLU(),
        nn.Conv2d(128, 768, 2, bias=False),
        nn.BatchNorm2d(768),
        nn.ReLU(),
        nn.Flatten(),
        nn.Linear(768, classes),
    )


class Network(nn.Module):
    """A genotype stacked ``cells`` times with ``channels`` initial channels.

    Images (N, in_channels, H, W) go to logits (N, classes). ``paths`` counts the operations that drop-path may drop.
    """

    def __init__(
        self,
        genotype: Genotype,
        classes: int,
        size: int,
        cells: int | None = None,
        channels: int | None = None,
        in_channels: int = 3,
        auxiliary: bool = True,
    ) -> None:
        super().__init__()
        where = genotype.reductions if genotype.reductions and cells in (None, genotype.cells) else None
        cells = cells or genotype.cells
        where = where or reductions(cells)
        channels = channels or genotype.channels
        c_before = c_last = 3 * channels
        self.stem = Stem(in_channels, c_last, stem_stride(size))
        self.cells = nn.ModuleList()
        self.paths_of_cells: list[int] = []
        self.auxiliary_position = 2 * cells // 3
        self.auxiliary: nn.Module | None = None
        reduce_before = False
        for position in range(cells):
            reduce = position in where
            channels *= 2 if reduce else 1
            found = genotype.reduction if reduce else genotype.normal
            cell = StackedCell(found, c_before, c_last, channels, reduce, reduce_before)
            self.cells.append(cell)
            self.paths_of_cells.append(sum(cell.droppable))
            c_before, c_last, reduce_before = c_last, len(found.concat) * channels, reduce
            if auxiliary and position == self.auxiliary_position:
                self.auxiliary = auxiliary_head(c_last, classes)
        self.classifier = nn.Linear(c_last, classes)
        self.paths = sum(self.paths_of_cells)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        return self.logits_and_auxiliary(images)[0]

    def logits_and_auxiliary(self, images: Tensor, mask: Tensor | None = None) -> tuple[Tensor, Tensor | None]:
        """Logits, and in training those of the auxiliary head. ``mask``: (paths, N) as `drop_path_mask` gives them."""
        auxiliary: Tensor | None = None
        factors: Sequence[Tensor | None] = [None] * len(self.cells)
        if mask is not None:
            factors = torch.split(mask, self.paths_of_cells)
        before = last = self.stem(images)
        for position, (cell, of_cell) in enumerate(zip(self.cells, factors, strict=True)):
            before, last = last, cell(before, last, of_cell)
            if self.training and self.auxiliary is not None and position == self.auxiliary_position:
                auxiliary = self.auxiliary(last)
        return self.classifier(last.mean(dim=(2, 3))), auxiliary


class Baseline(nn.Module):
    """Any other classifier, with what the training loop asks of a network."""

    paths = 0

    def __init__(self, classifier: nn.Module) -> None:
        super().__init__()
        self.classifier = classifier

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, C, H, W)."""
        return self.classifier(images)

    def logits_and_auxiliary(self, images: Tensor, mask: Tensor | None = None) -> tuple[Tensor, None]:
        """Logits, and no auxiliary head's."""
        return self(images), None
