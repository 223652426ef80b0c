"""The options of emonas-ablate."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from emonas.errors import UserError
from emonas.evaluate.train.recipes import RecipeName
from emonas.options.types import (
    Cells,
    Channels,
    DeviceName,
    EngineName,
    EpochRule,
    Folds,
    Positive,
    ProtocolName,
    Seed,
    Seeds,
    StrategyName,
)

PartName = Literal["stack", "cells", "operations", "representation", "strategies"]


@dataclass(frozen=True, kw_only=True)
class AblateConfig:
    """Options of emonas-ablate; None means: as emonas-search and emonas-train fit it, the same for all."""

    dataset: str = "synthetic-micro"
    """Name of a prepared data set, or its folder."""
    out: Path | None = None
    """Folder of the ablation; the same command again continues it. [default: runs/ablate-DATASET]"""
    parts: tuple[PartName, ...] = ()
    """What is varied: stack = fewer cells in the search than in the final network; cells = their number; operations =
    each of the seven left out; representation = dynamic image, apex frame and flow; strategies = the five ways to
    search. More parts may be added to a finished ablation. [default: all that the data set allows]"""
    strategy: StrategyName = "emonas"
    """Strategy of the base line."""
    cells: Cells | None = None
    """Cells of the base line, in the search and in the final network. [default: 8 on a GPU, 4 on a CPU]"""
    stack_cells: tuple[Cells, ...] = ()
    """Cells of the final network in the part stack. [default: one and a half times --cells, and twice]"""
    cell_counts: tuple[Cells, ...] = (3, 4, 6, 8)
    """Numbers of cells in the part cells."""
    source: Path | None = None
    """What the data set was prepared from, for the part representation. [default: as then, if still there]"""
    protocol: ProtocolName = "auto"
    """Who is tested, see emonas-train. Under any but a fixed split every fold has a search of its own, which has not
    seen its tested people: as many searches a cell of the table as there are folds. auto = the data set's own."""
    folds: Folds | None = None
    """Folds of --protocol kfold."""
    epoch_rule: EpochRule = "last"
    """Which epoch of a training is judged, see emonas-train."""
    seed: Seed = 0
    """The first seed."""
    seeds: Seeds = 3
    """Seeds of every cell of the table; a seed is that of the search and of the training. More may be added."""
    epochs: Positive | None = None
    """Epochs of a search."""
    train_epochs: Positive | None = None
    """Epochs of a training."""
    channels: Channels | None = None
    """Channels of the first cell in the search, a multiple of 4 for pcdarts; the final network has half as many again.
    """
    batch_size: Positive | None = None
    """Samples in a batch, of searches and trainings."""
    candidates: Positive | None = None
    """Genotypes that the strategy random tries."""
    rank_epochs: Positive | None = None
    """Epochs of the short trainings that rank them."""
    recipe: RecipeName = "auto"
    """Recipe of the trainings, see emonas-train."""
    jobs: Positive = 1
    """Searches, and then trainings, at the same time."""
    engine: EngineName = "local"
    """local = this machine; ray = an existing Ray cluster that sees the same files."""
    address: str | None = None
    """Address of the Ray cluster, HOST:PORT. [default: the one that Ray finds]"""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""
    json: bool = False
    """Print JSON."""


#: What may differ when an ablation goes on: what is computed where, and how much of it. Every run has its own folder.
FREE = frozenset(
    {"out", "parts", "stack_cells", "cell_counts", "source", "seed", "seeds", "jobs", "engine", "address", "device"}
    | {"json"}
)


def check(config: AblateConfig) -> None:
    """Refuse what cannot be meant. Raises UserError."""
    if config.engine == "local" and config.address:
        raise UserError("--address is for --engine ray")
