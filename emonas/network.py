"""The network that is worth something: found cells, stacked, with real parameters and one operation an edge."""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from .genotype import INPUTS, Cell, Genotype
from .operations import OPERATIONS, FactorizedReduce, Pointwise, Stem, reductions, relu_conv_norm, stem_stride

AUXILIARY_WEIGHT = 0.4


def drop_path(x: Tensor, rate: float) -> Tensor:
    """Zero whole samples of a path with probability ``rate`` and scale the others up, so that the mean stays.

    Larsson, Maire, Shakhnarovich: FractalNet, ICLR 2017.
    """
    keep = 1.0 - rate
    mask = torch.empty((len(x), 1, 1, 1), dtype=x.dtype, device=x.device).bernoulli_(keep)
    return x * (mask / keep)


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
            OPERATIONS[edge.operation](channels, 2 if reduce and edge.source < INPUTS else 1, True)
            for edge in cell.edges
        )

    def forward(self, before: Tensor, last: Tensor, drop_rate: float) -> Tensor:
        """The outputs of the two cells before, (N, C, H, W) each, become this cell's."""
        states = [self.before(before), self.last(last)]
        modules = iter(self.edges)
        for node in range(self.cell.nodes):
            paths = [self._path(next(modules), states[edge.source], drop_rate) for edge in self.cell.incoming(node)]
            states.append(paths[0] + paths[1])
        return torch.cat([states[i] for i in self.cell.concat], dim=1)

    def _path(self, operation: nn.Module, state: Tensor, drop_rate: float) -> Tensor:
        path = operation(state)
        # An identity is never dropped: something must reach the node.
        if self.training and drop_rate > 0 and not isinstance(operation, nn.Identity):
            path = drop_path(path, drop_rate)
        return path


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

    Images (N, in_channels, H, W) go to logits (N, classes). In training, ``forward`` computes the auxiliary
    head's logits too and leaves them in ``auxiliary_logits``. ``drop_rate`` is the drop-path probability, which the
    training loop raises epoch by epoch.
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
        self.drop_rate = 0.0
        self.auxiliary_logits: Tensor | None = None
        c_before = c_last = 3 * channels
        self.stem = Stem(in_channels, c_last, stem_stride(size))
        self.cells = nn.ModuleList()
        self.auxiliary_position = 2 * cells // 3
        self.auxiliary: nn.Module | None = None
        reduce_before = False
        for position in range(cells):
            reduce = position in where
            channels *= 2 if reduce else 1
            found = genotype.reduction if reduce else genotype.normal
            self.cells.append(StackedCell(found, c_before, c_last, channels, reduce, reduce_before))
            c_before, c_last, reduce_before = c_last, len(found.concat) * channels, reduce
            if auxiliary and position == self.auxiliary_position:
                self.auxiliary = auxiliary_head(c_last, classes)
        self.classifier = nn.Linear(c_last, classes)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) of images (N, in_channels, H, W)."""
        self.auxiliary_logits = None
        before = last = self.stem(images)
        for position, cell in enumerate(self.cells):
            before, last = last, cell(before, last, self.drop_rate)
            if self.training and self.auxiliary is not None and position == self.auxiliary_position:
                self.auxiliary_logits = self.auxiliary(last)
        return self.classifier(last.mean(dim=(2, 3)))

    def loss(self, images: Tensor, labels: Tensor, smoothing: float = 0.0) -> tuple[Tensor, Tensor]:
        """Cross entropy, with the auxiliary head's share in training, and the logits."""
        logits = self(images)
        loss = F.cross_entropy(logits, labels, label_smoothing=smoothing)
        if self.auxiliary_logits is not None:
            loss = loss + AUXILIARY_WEIGHT * F.cross_entropy(self.auxiliary_logits, labels, label_smoothing=smoothing)
            self.auxiliary_logits = None
        return loss, logits
