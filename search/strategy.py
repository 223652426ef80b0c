"""What every search strategy is: something that moves an architecture, epoch by epoch, and can be saved."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Literal, Protocol

from torch import Tensor

from emonas.genotype import KINDS, NODES, Cell
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.supernet.supernet import Supernet, all_active
from emonas.training.losses import EpochScore
from emonas.training.memory import CellSize, StackSize, require_memory


@dataclass(frozen=True)
class Architecture:
    """What a strategy would answer now: two cells, how many of them, and where the reductions stand in the stack."""

    normal: Cell
    reduction: Cell
    cells: int
    reductions: tuple[int, ...]


class Strategy(Protocol):
    """The interface of all strategies; the loop knows nothing else of them.

    ``epochs`` is what the whole search takes, ``epochs_done`` how far it has come. ``controller`` is there where alphas
    are: TensorBoard and early stopping look at it.
    """

    epochs: int
    epochs_done: int

    @property
    def controller(self) -> Controller | None:
        """The supernet under its alphas, if there is one."""

    def epoch(self, batches: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """Run one epoch; returns scores by part of the people. Raises UserError on NaN."""

    def architecture(self) -> Architecture:
        """What has been found so far."""

    def steps(self, batches: SearchBatches) -> int:
        """The number of steps that the whole search takes."""

    def one_step(self, batches: SearchBatches) -> None:
        """Take one typical step; the loop calls it on a copy, to tell the time beforehand."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a killed search needs to go on as if nothing had happened."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""


@dataclass(frozen=True)
class StrategyEntry:
    """A strategy as the registry lists it: how it is built, and what holds where the options say nothing.

    The numbers are those of its paper or of the authors' code; the defaults are DARTS's.
    """

    build: Callable[[SearchPlan], Strategy]
    alpha_rate: float = 3e-4
    """Learning rate of the alphas on a GPU; ten times that in a CPU's shorter search."""
    order: Literal[1, 2] = 1
    """Order of the alphas' gradient."""
    warm_up: float = 0.0
    """Share of a stage's epochs in which the alphas rest."""
    stages: int = 1
    """Searches that follow each other and share the epochs."""
    skip_budgets: Mapping[str, int] = field(default_factory=dict)
    """Most skip connections by kind of cell; a kind that is not there has no limit."""

    def default_warm_up(self, epochs: int) -> int:
        """Epochs of each stage in which the alphas rest, when the whole search has ``epochs``."""
        return int(self.warm_up * stage_epochs(epochs, self.stages))


def stage_epochs(epochs: int, stages: int) -> int:
    """Epochs of each stage, rounded up."""
    return -(-epochs // stages)


def make_supernet(plan: SearchPlan, cells: int | None = None, **options: Any) -> Supernet:
    """A fresh supernet as the plan says, or with another number of cells; ``options`` are `Supernet`'s.

    Raises UserError where it cannot fit into the memory.
    """
    _require_memory(plan, cells or plan.cells, options.get("active"), options.get("part", 1))
    return Supernet(
        len(plan.classes),
        cells or plan.cells,
        plan.channels,
        plan.size,
        in_channels=plan.in_channels,
        checkpointing=plan.recompute,
        without=plan.without,
        **options,
    )


def _require_memory(plan: SearchPlan, cells: int, active: Mapping[str, Tensor] | None, part: int) -> None:
    """Refuse a supernet that cannot fit: weights, gradients and momenta, and the maps of a batch. Raises UserError."""
    present = active or all_active(without=plan.without)
    normal, reduction = (CellSize.of_mixed(present[kind], NODES, part) for kind in KINDS)
    size = StackSize(normal, reduction, cells, plan.channels, plan.size, plan.in_channels)
    needed = size.least_bytes(plan.batch_size, copies=3, backward=not plan.recompute)
    require_memory(needed, plan.device, f"a supernet of {cells} cells with {plan.channels} channels")
