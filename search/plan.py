"""What a search does, with nothing left open: the numbers, the networks' sizes and whose samples are used."""

from __future__ import annotations

import dataclasses
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import numpy as np
import torch

from emonas.genotype import Provenance
from emonas.options.types import OperationName, StrategyName


@dataclass(frozen=True)
class SearchTask:
    """One search: whose samples move the weights, whose move the alphas, and where it writes.

    ``name`` is the fold's, "" for a single search.
    """

    name: str
    folder: Path
    title: str
    weight_positions: np.ndarray
    alpha_positions: np.ndarray
    provenance: Provenance

    def with_seed(self, seed: int) -> SearchTask:
        """The same task under another seed, in a folder of its own."""
        return dataclasses.replace(
            self,
            folder=self.folder / f"seed{seed}",
            title=f"{self.title}, seed {seed}",
            provenance=dataclasses.replace(self.provenance, seed=seed),
        )


@dataclass(frozen=True, kw_only=True)
class SearchPlan:
    """All that a search needs to know; `resolve` makes it from what the user typed, the data and the device.

    Images are (in_channels, size, size), sizes in pixels; rates are learning rates, a warm-up is in epochs.
    """

    tasks: tuple[SearchTask, ...]
    """One search, or one a fold."""
    out: Path
    protocol: str
    folds: int

    strategy: StrategyName
    epochs: int
    batch_size: int
    learning_rate: float
    """Of the weights; falls as a cosine to ``min_learning_rate``."""
    min_learning_rate: float
    alpha_rate: float
    order: Literal[1, 2]
    """Order of the alphas' gradient."""
    warm_up: int
    """Epochs in which the alphas rest; of each stage, where a strategy has stages."""

    classes: tuple[str, ...]
    in_channels: int
    size: int
    cells: int
    """Cells of the final network; the most of them where ``search_cells``."""
    channels: int
    """Channels of the first cell."""
    without: tuple[OperationName, ...]
    """Operations that may not be chosen."""
    search_cells: bool
    """Whether the number of cells is learned too."""

    skip_budgets: Mapping[str, int]
    """Most skip connections by kind of cell; a kind that is not there has no limit."""
    rank_skip_budgets: bool
    """Whether short trainings choose the budget once the search has ended."""
    cost_weight: float
    """0: cost does not count."""
    cost: Literal["parameters", "macs"]
    hessian_every: int
    """Epochs between two measurements of the eigenvalue; 0 = never."""
    stop_skips: int | None
    """None: skip connections never stop the search."""
    stop_eigenvalue: float | None
    """None: the eigenvalue never stops the search."""

    seed: int
    seeds: int
    """Searches with seeds from ``seed`` on; the best cells are taken."""
    candidates: int
    """Genotypes that random search tries."""
    rank_epochs: int
    """Epochs of a short training."""
    cuda_graphs: bool
    recompute: bool
    """Compute a cell's activations again in the backward pass, to save memory."""
    device: torch.device

    def with_seed(self, seed: int) -> SearchPlan:
        """The same plan under one other seed."""
        return dataclasses.replace(self, seed=seed, seeds=1)
