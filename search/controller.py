"""The controller of a search: it owns what describes the architecture, the supernet owns the weights."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from emonas.genotype import KINDS, Cell, count_edges, node_rows
from emonas.operations.table import OPERATION_NAMES
from emonas.supernet.supernet import Supernet, derive_cell

ALPHA_SCALE = 1e-3
#: A smaller depth is taken when its weight is at least this share of the largest.
NEAR = 0.9


class Controller(nn.Module):
    """A supernet under its alphas. ``weights()`` and ``alphas()`` share no tensor and together are all parameters.

    All that describes the architecture is a parameter of this module, so that its state dict holds the whole search:
    the alphas, with ``edge_weights`` a number for each edge beside them (PC-DARTS's beta), and with several exits of
    the supernet a number for each depth.
    """

    def __init__(self, supernet: Supernet, edge_weights: bool = False) -> None:
        super().__init__()
        self.supernet = supernet
        edges = count_edges(supernet.nodes)
        shape = (edges, len(OPERATION_NAMES))
        self.alpha = nn.ParameterDict({kind: nn.Parameter(ALPHA_SCALE * torch.randn(shape)) for kind in KINDS})
        for kind in KINDS:
            self.register_buffer(f"active_{kind}", supernet.active[kind], persistent=False)
        self.beta = nn.ParameterDict()
        if edge_weights:
            self.beta.update({kind: nn.Parameter(ALPHA_SCALE * torch.randn(edges)) for kind in KINDS})
        self.depth = nn.Parameter(torch.zeros(len(supernet.depths))) if len(supernet.depths) > 1 else None

    def weights(self) -> Iterator[nn.Parameter]:
        """The supernet's own parameters."""
        return self.supernet.parameters()

    def alphas(self) -> Iterator[nn.Parameter]:
        """The architecture's parameters: (edges, operations) and maybe (edges,) by kind of cell, and (depths,)."""
        yield from self.alpha.parameters()
        yield from self.beta.parameters()
        if self.depth is not None:
            yield self.depth

    def mixture(self) -> dict[str, Tensor]:
        """The operations' weights: softmax over the operations of an edge, times the edge's own weight if any."""
        mixed = {}
        for kind in KINDS:
            mixed[kind] = self.alpha[kind].masked_fill(~getattr(self, f"active_{kind}"), -torch.inf).softmax(dim=1)
            if kind in self.beta:
                beta = torch.cat([self.beta[kind][rows].softmax(0) for rows in node_rows(self.supernet.nodes)])
                mixed[kind] = mixed[kind] * beta[:, None]
        return mixed

    def depth_weights(self) -> Tensor:
        """The weight of each exit, (depths,)."""
        return next(self.supernet.parameters()).new_ones(1) if self.depth is None else self.depth.softmax(0)

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes) after all cells."""
        return self.exits(images)[-1]

    def exits(self, images: Tensor) -> list[Tensor]:
        """Logits (N, classes) of every exit."""
        mixture = self.mixture()
        return self.supernet.all_logits(images, mixture["normal"], mixture["reduction"])

    def training_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What the weights go down: the mean cross entropy of all exits; and the logits of the last one.

        All exits learn alike, whatever weight they have: the weights are to judge them, not to starve them.
        """
        exits = self.exits(images)
        return torch.stack([F.cross_entropy(logits, labels) for logits in exits]).mean(), exits[-1]

    def architecture_loss(self, images: Tensor, labels: Tensor) -> tuple[Tensor, Tensor]:
        """What the alphas go down: the exits' cross entropy under their weights; and the logits of the last one."""
        exits = self.exits(images)
        losses = torch.stack([F.cross_entropy(logits, labels) for logits in exits])
        return (self.depth_weights().to(losses.dtype) * losses).sum(), exits[-1]

    @torch.no_grad()
    def cells(self, budgets: Mapping[str, int] | None = None) -> dict[str, Cell]:
        """The cells as they stand, with at most ``budgets``' number of skip connections by kind."""
        budgets = budgets or {}
        return {kind: derive_cell(weights, budgets.get(kind)) for kind, weights in self.mixture().items()}

    @torch.no_grad()
    def chosen_depth(self) -> int:
        """The least number of cells whose weight comes near the largest: where depth does not help, none is spent."""
        weights = self.depth_weights()
        return self.supernet.depths[int((weights >= NEAR * weights.max()).nonzero()[0])]

    @torch.no_grad()
    def entropy(self) -> dict[str, float]:
        """Mean entropy of the mixtures in nats: ln 7 = 1.95 when undecided, 0 when every edge has chosen."""
        found = {}
        for kind, weights in self.mixture().items():
            odds = weights / weights.sum(1, keepdim=True)
            found[kind] = float(-torch.xlogy(odds, odds).sum(1).mean())
        return found
