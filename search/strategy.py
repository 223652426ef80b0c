"""What every search strategy is: something that moves an architecture, epoch by epoch, and can be saved."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Protocol

import torch

from emonas.genotype import Cell
from emonas.search.batches import SearchBatches
from emonas.search.config import SearchConfig
from emonas.search.controller import Controller
from emonas.supernet.supernet import Supernet
from emonas.training.losses import EpochScore


@dataclass(frozen=True)
class Architecture:
    """What a strategy would answer now: two cells, how many of them, and where the reductions stand in the stack."""

    normal: Cell
    reduction: Cell
    cells: int
    reductions: tuple[int, ...]


@dataclass(frozen=True)
class Setting:
    """What a strategy is built from; ``config`` is fitted. Pictures are (in_channels, size, size)."""

    config: SearchConfig
    classes: int
    in_channels: int
    size: int
    device: torch.device

    def supernet(self, cells: int | None = None, **options: Any) -> Supernet:
        """A fresh supernet of the configured size, or of another number of cells."""
        config = self.config
        assert config.cells and config.channels
        return Supernet(
            self.classes,
            cells or config.cells,
            config.channels,
            self.size,
            in_channels=self.in_channels,
            checkpointing=config.recompute,
            without=config.without,
            **options,
        )


class Strategy(Protocol):
    """The interface of all strategies; the loop knows nothing else of them.

    ``epochs`` is what the whole search takes, ``epochs_done`` how far it has come. ``controller`` is there where alphas
    are: it is what TensorBoard and the guard look at.
    """

    epochs: int
    epochs_done: int

    @property
    def controller(self) -> Controller | None:
        """The supernet under its alphas, if there is one."""

    def epoch(self, feed: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """Run one epoch; returns scores by part of the people. Raises UserError on NaN."""

    def architecture(self) -> Architecture:
        """What has been found so far."""

    def steps(self, feed: SearchBatches) -> int:
        """The number of steps that the whole search takes."""

    def one_step(self, feed: SearchBatches) -> None:
        """Take one typical step; the loop calls it on a copy, to tell the time beforehand."""

    def state_dict(self) -> dict[str, Any]:
        """Everything that a killed search needs to go on as if nothing had happened."""

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
