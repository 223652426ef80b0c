"""The supernet: a stack of mixed cells, one differentiable network that holds all that a search can choose from.

The operations' weights come in from outside, one matrix (edges x operations) for the normal and one for the reduction
cells: the network owns no alphas, so that no optimiser can mix them up with its own parameters. How a cell computes its
mixture, and why that is fast, stands in `mixed_cell`.
"""

from __future__ import annotations

import contextlib
from collections.abc import Callable, Collection, Iterator, Mapping
from functools import partial

import torch
from torch import Tensor, nn
from torch.utils.checkpoint import checkpoint

from emonas.genotype import (
    EDGES_PER_NODE,
    INPUTS,
    KINDS,
    NODES,
    Cell,
    Edge,
    count_edges,
    node_rows,
)
from emonas.operations.modules import Stem, reductions, stem_stride
from emonas.operations.table import OPERATION_NAMES, SKIP
from emonas.supernet.grouped import grouped_cell
from emonas.supernet.mixed_cell import MixedCell


def all_active(nodes: int = NODES, without: Collection[str] = ()) -> dict[str, Tensor]:
    """Every operation on every edge, but those ``without``: matrices (edges, operations) by kind of cell."""
    present = torch.tensor([name not in without for name in OPERATION_NAMES])
    return {kind: present.repeat(count_edges(nodes), 1) for kind in KINDS}


class Supernet(nn.Module):
    """All cells that a search can choose from, as one differentiable network.

    Images (N, in_channels, size, size) go to logits (N, classes). The number of channels doubles at each reduction
    cell. Batch normalisation has no affine parameters except in the stem, as in DARTS.

    ``active``: which operations each edge has, by kind of cell; else all but those ``without``. ``part``: 1 / part of
    the channels goes through the operations. ``exits``: a classifier after each of these numbers of cells; the last
    one, after all cells, is always there. ``checkpointing``: forget the activations inside the cells and compute them
    again in the backward pass.
    """

    def __init__(
        self,
        classes: int,
        cells: int,
        channels: int,
        size: int,
        in_channels: int = 3,
        nodes: int = NODES,
        active: Mapping[str, Tensor] | None = None,
        part: int = 1,
        exits: tuple[int, ...] = (),
        checkpointing: bool = False,
        without: Collection[str] = (),
    ) -> None:
        super().__init__()
        self.active = dict(active or all_active(nodes, without))
        self.nodes, self.checkpointing, self.skip_dropout = nodes, checkpointing, 0.0
        c_before = c_last = 3 * channels
        self.stem = Stem(in_channels, c_last, stem_stride(size))
        self.cells = nn.ModuleList()
        self.exits = nn.ModuleDict()
        reduce_before = False
        for position in range(cells):
            reduce = position in reductions(cells)
            channels *= 2 if reduce else 1
            present = self.active["reduction" if reduce else "normal"]
            self.cells.append(MixedCell(c_before, c_last, channels, reduce, reduce_before, present, nodes, part))
            c_before, c_last, reduce_before = c_last, nodes * channels, reduce
            if position + 1 in exits and position + 1 < cells:
                self.exits[str(position + 1)] = nn.Linear(c_last, classes)
        self.classifier = nn.Linear(c_last, classes)

    def forward(self, images: Tensor, normal: Tensor, reduction: Tensor) -> Tensor:
        """``normal`` and ``reduction``: the operations' weights, (edges, operations), 0 for those that are not active.

        The rows sum to one, or to the edges' own weights where those are normalised too.
        """
        return self.all_logits(images, normal, reduction)[-1]

    def all_logits(self, images: Tensor, normal: Tensor, reduction: Tensor) -> list[Tensor]:
        """Logits (N, classes) of every exit, the last one after all cells."""
        before = last = self.stem(images.contiguous(memory_format=torch.channels_last))
        found = []
        for position, cell in enumerate(self.each_cell(), 1):
            weights = reduction if cell.reduce else normal
            form = partial(grouped_cell, cell) if last.is_cuda else cell
            if self.checkpointing and torch.is_grad_enabled():
                before, last = last, _recomputed(form, cell, before, last, weights)
            else:
                before, last = last, form(before, last, weights)
            if str(position) in self.exits:
                found.append(self.exits[str(position)](last.mean(dim=(2, 3))))
        return [*found, self.classifier(last.mean(dim=(2, 3)))]

    def each_cell(self) -> Iterator[MixedCell]:
        """The cells in the order of the stack."""
        for cell in self.cells:
            assert isinstance(cell, MixedCell)
            yield cell

    @property
    def depths(self) -> tuple[int, ...]:
        """After how many cells the exits are, as `all_logits` orders them."""
        return (*map(int, self.exits), len(self.cells))

    def set_skip_dropout(self, rate: float) -> None:
        """Drop out pixels of identities in training (P-DARTS), each edge's its own."""
        self.skip_dropout = rate
        for cell in self.each_cell():
            for fan_out in cell.fan_outs():
                fan_out.skip_dropout = rate


def _recomputed(form: Callable[..., Tensor], cell: MixedCell, before: Tensor, last: Tensor, weights: Tensor) -> Tensor:
    """A cell's output, its inner activations computed again when the backward pass needs them."""

    def contexts() -> tuple[contextlib.AbstractContextManager[None], contextlib.AbstractContextManager[None]]:
        return contextlib.nullcontext(), _statistics_kept(cell)

    output: Tensor = checkpoint(form, before, last, weights, use_reentrant=False, context_fn=contexts)
    return output


@contextlib.contextmanager
def _statistics_kept(module: nn.Module) -> Iterator[None]:
    """A second forward pass over the same batch must not move the running statistics a second time."""
    before = [buffer.clone() for buffer in module.buffers()]
    try:
        yield
    finally:
        for buffer, value in zip(module.buffers(), before, strict=True):
            buffer.copy_(value)


def derive_cell(weights: Tensor, skip_budget: int | None = None) -> Cell:
    """The cell that a weight matrix (edges, operations) stands for.

    Each edge keeps its strongest operation, each node its two strongest edges (DARTS, section 2.4). Ties go to the
    earlier edge and operation, so that the same weights always give the same cell. Where more than ``skip_budget`` skip
    connections are chosen, the weakest of them is struck out and the cell derived again (P-DARTS, section 3.3).
    """
    weights = weights.detach().clone()
    while True:
        chosen = [(row, operation, source) for row, operation, source in _strongest(weights)]
        skips = [row for row, operation, _ in chosen if operation == SKIP]
        if skip_budget is None or len(skips) <= skip_budget:
            break
        weights[min(skips, key=lambda row: float(weights[row, SKIP])), SKIP] = -1.0
    nodes = len(chosen) // EDGES_PER_NODE
    edges = tuple(Edge(OPERATION_NAMES[operation], source) for _, operation, source in chosen)
    return Cell(edges, tuple(range(INPUTS, INPUTS + nodes)))


def _strongest(weights: Tensor) -> Iterator[tuple[int, int, int]]:
    """Row, operation and source of each node's two strongest edges."""
    nodes = next(n for n in range(1, len(weights) + 1) if count_edges(n) == len(weights))
    for rows in node_rows(nodes):
        strengths = weights[rows].max(dim=1).values.tolist()
        strongest = sorted(range(len(strengths)), key=lambda source: -strengths[source])[:EDGES_PER_NODE]
        for source in sorted(strongest):
            yield rows.start + source, int(weights[rows][source].argmax()), source
