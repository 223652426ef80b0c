"""The options of a search as the user types them, and which of them contradict each other."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal, get_args

from emonas.errors import UserError
from emonas.options.types import (
    Cells,
    Channels,
    Count,
    DeviceName,
    Folds,
    NonNegative,
    OperationName,
    Positive,
    ProtocolName,
    Rate,
    Seed,
    Seeds,
    StrategyName,
)


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Options of emonas-search; what is None is fitted to the data, the strategy and the device by `resolve`."""

    dataset: str = "synthetic-micro"
    """Name of a prepared data set, or its folder."""
    out: Path | None = None
    """Run folder; the same command again continues it. [default: runs/search-DATASET]"""
    strategy: StrategyName = "emonas"
    """How the architecture moves: by the first-order step at the final depth (emonas); by first or second order
    (darts); in three deeper and deeper stages (pdarts); through a quarter of the channels (pcdarts); or not at all:
    uniform genotypes, ranked by short training (random)."""
    order: Literal[1, 2] | None = None
    """Order of the alphas' gradient, for darts. [default: 2]"""
    protocol: ProtocolName | Literal["all"] = "auto"
    """What the search may see: fixed = the training part, all = everybody, loso or kfold = one search a fold, without
    the fold's tested people. auto = fixed where there is a fixed split, else all."""
    folds: Folds | None = None
    """Folds of --protocol kfold. [default: the data set's own number, see emonas-data describe]"""
    exclude_subjects: tuple[str, ...] = ()
    """People whom the search must not see."""
    epochs: Positive | None = None
    """Epochs. [default: 50 on a GPU; on a CPU about 60 steps' worth]"""
    cells: Cells | None = None
    """Cells, in the search and in the final network. [default: 8 on a GPU, 4 on a CPU]"""
    channels: Channels | None = None
    """Channels of the first cell. [default: 16 on a GPU, 8 on a CPU]"""
    batch_size: Positive | None = None
    """Samples in a batch. [default: a quarter of the people's samples, 8 to 64]"""
    without: tuple[OperationName, ...] = ()
    """Operations that the search may not choose, to see what they are worth."""
    learning_rate: Rate = 0.025
    """Learning rate of the weights; falls as a cosine to a 25th."""
    alpha_rate: Rate | None = None
    """Learning rate of the alphas. [default: 3e-4 on a GPU; 3e-3 in a CPU's shorter search]"""
    warm_up: Count | None = None
    """Epochs in which the alphas rest. [default: 0; pdarts 40 % of a stage, pcdarts 30 %]"""
    skip_budget: Count | Literal["auto"] | None = None
    """Most skip connections in a cell; auto = the number that does best in a short training. [default: no limit; pdarts
    2 in the normal cell]"""
    search_cells: bool = False
    """Learn the number of cells too, up to --cells; at least 3 and one more than a third of it."""
    cost_weight: NonNegative = 0.0
    """Weight of the architecture's expected cost in the alphas' loss, in units of the cost of even odds."""
    cost: Literal["parameters", "macs"] = "parameters"
    """What --cost-weight counts."""
    hessian_every: Count = 0
    """Measure the dominant eigenvalue of the loss in the alphas every so many epochs; 0 = never."""
    stop_skips: Count | None = None
    """Stop, and take an earlier epoch's cells, when the normal cell has more skip connections for 3 epochs."""
    stop_eigenvalue: Rate | None = None
    """Stop, and take an earlier epoch's cells, when the eigenvalue becomes so many times larger."""
    seed: Seed = 0
    """Seed of all chance."""
    seeds: Seeds = 1
    """Search with so many seeds, from --seed on, and take the cells that do best in a short training."""
    candidates: Positive = 8
    """Genotypes that the strategy random tries."""
    rank_epochs: Positive | None = None
    """Epochs of a short training that ranks cells. [default: 10 on a GPU; on a CPU about 60 steps' worth]"""
    cuda_graphs: bool = False
    """Record the steps as CUDA graphs, which spares most of the launches. Not yet timed on a GPU."""
    recompute: bool = False
    """Compute a cell's activations again in the backward pass: less memory, some 40 % more time."""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""


#: With fewer operations to choose from, an edge has no choice.
LEAST_OPERATIONS = 2


def check(config: SearchConfig) -> None:
    """Refuse options that say nothing together. Raises UserError."""
    if config.order is not None and config.strategy != "darts":
        raise UserError(f"--order belongs to --strategy darts, not {config.strategy}")
    if config.search_cells and config.strategy not in ("emonas", "darts"):
        raise UserError(f"--search-cells works with --strategy emonas or darts, not {config.strategy}")
    if config.search_cells and config.cells is not None and config.cells < 4:
        raise UserError(f"--search-cells learns a number of cells from 3 to --cells; {config.cells} leave no choice")
    if isinstance(config.skip_budget, int) and config.skip_budget < 0:
        raise UserError(f"--skip-budget {config.skip_budget}: must be 0 or more, or auto")
    alphas = {"cost-weight": config.cost_weight or None, "hessian-every": config.hessian_every or None}
    rules = {"stop-skips": config.stop_skips, "stop-eigenvalue": config.stop_eigenvalue, "warm-up": config.warm_up}
    idle = [name for name, value in {**alphas, **rules}.items() if value is not None]
    if config.strategy == "random" and idle:
        raise UserError(f"--{idle[0]} needs alphas, and --strategy random has none")
    if len(get_args(OperationName)) - len(set(config.without)) < LEAST_OPERATIONS:
        raise UserError(f"--without {' '.join(config.without)}: leaves no choice; keep {LEAST_OPERATIONS} operations")
    if config.cuda_graphs and config.strategy == "pdarts":
        raise UserError("--cuda-graphs records a step once, and pdarts drops out less from epoch to epoch")
    if config.stop_eigenvalue and not config.hessian_every:
        raise UserError("--stop-eigenvalue needs --hessian-every, which measures it")
