"""The controller of a search: it owns the alphas, the supernet owns the weights."""

from __future__ import annotations

from collections.abc import Iterator

import torch
from torch import Tensor, nn

from emonas.genotype import OPERATION_NAMES, Cell
from emonas.supernet import Supernet, count_edges, derive_cell

KINDS = ("normal", "reduction")
ALPHA_SCALE = 1e-3


class Searcher(nn.Module):
    """A supernet under its alphas. ``weights()`` and ``alphas()`` share no tensor and together are all parameters.

    The alphas are parameters of this module, so that its state dict holds the whole search.
    """

    def __init__(self, supernet: Supernet) -> None:
        super().__init__()
        self.supernet = supernet
        shape = (count_edges(supernet.nodes), len(OPERATION_NAMES))
        self.alpha = nn.ParameterDict({kind: nn.Parameter(ALPHA_SCALE * torch.randn(shape)) for kind in KINDS})

    def weights(self) -> Iterator[nn.Parameter]:
        """The supernet's own parameters."""
        return self.supernet.parameters()

    def alphas(self) -> Iterator[nn.Parameter]:
        """The architecture's parameters, (edges, operations) for each kind of cell."""
        return self.alpha.parameters()

    def mixture(self) -> dict[str, Tensor]:
        """The operations' weights: softmax of the alphas over the operations of each edge."""
        return {kind: self.alpha[kind].softmax(dim=1) for kind in KINDS}

    def forward(self, images: Tensor) -> Tensor:
        """Logits (N, classes)."""
        mixture = self.mixture()
        return self.supernet(images, mixture["normal"], mixture["reduction"])

    @torch.no_grad()
    def cells(self) -> dict[str, Cell]:
        """The cells as they stand."""
        return {kind: derive_cell(weights) for kind, weights in self.mixture().items()}

    @torch.no_grad()
    def entropy(self) -> dict[str, float]:
        """Mean entropy of the mixtures in nats: ln 7 = 1.95 when undecided, 0 when every edge has chosen."""
        return {kind: float(-(w * w.log()).sum(1).mean()) for kind, w in self.mixture().items()}
