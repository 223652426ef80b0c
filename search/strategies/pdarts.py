"""The strategy "pdarts": the search goes deeper in three stages while operations are pruned (Chen, Xie, Wu, Tian:
Progressive DARTS, ICCV 2019).

The last stage is as deep as the final network. Each stage begins anew with the operations that the stage before left on
each edge. Identities are dropped out, less and less within a stage, so that they do not win by being easy; and the
normal cell keeps a bounded number of them.
"""

from __future__ import annotations

import dataclasses
from typing import Any

import torch
from torch import Tensor

from emonas.device import epoch_seed, seed_everything
from emonas.genotype import KINDS
from emonas.operations.modules import reductions
from emonas.search.batches import SearchBatches
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.search.strategies.bilevel import Bilevel, make_bilevel
from emonas.search.strategy import Architecture, StrategyEntry, make_supernet, stage_epochs
from emonas.supernet.supernet import all_active
from emonas.training import checkpoint
from emonas.training.losses import EpochScore

#: Operations on an edge, share of the final depth (5, 11, 17 cells in the paper), dropout on identities at the start.
STAGES = ((7, 5 / 17, 0.0), (5, 11 / 17, 0.4), (3, 1.0, 0.7))
#: Dropout falls by this factor an epoch once the alphas move.
DROPOUT_DECAY = 0.8
LEAST_CELLS = 3


class ProgressiveSearch:
    """Three bilevel searches, one after the other; ``active`` says what is left on each edge."""

    def __init__(self, plan: SearchPlan) -> None:
        self.plan = plan
        self.stage_epochs = stage_epochs(plan.epochs, len(STAGES))
        self.epochs, self.epochs_done = self.stage_epochs * len(STAGES), 0
        self.active = all_active(without=plan.without)
        self.current = self._begin(0)

    @property
    def controller(self) -> Controller:
        """The present stage's."""
        return self.current.controller

    def epoch(self, batches: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """One epoch of the stage that it belongs to; a stage's first one prunes and begins anew."""
        stage, within = divmod(epoch, self.stage_epochs)
        if within == 0 and stage:
            self.active = self._pruned(STAGES[stage][0])
            self.current = self._begin(stage)
        moving = within - self.current.plan.warm_up
        rate = STAGES[stage][2] * DROPOUT_DECAY ** max(0, moving)
        self.controller.supernet.set_skip_dropout(rate)
        scores = self.current.epoch(dataclasses.replace(batches, first_epoch=epoch - within), within)
        self.epochs_done = epoch + 1
        return scores

    def _begin(self, stage: int) -> Bilevel:
        seed_everything(epoch_seed(self.plan.seed, stage * self.stage_epochs) + 2)
        cells = max(LEAST_CELLS, round(STAGES[stage][1] * self.plan.cells))
        controller = Controller(make_supernet(self.plan, cells, active=self.active))
        return make_bilevel(controller, self.plan, self.stage_epochs)

    def _pruned(self, kept: int) -> dict[str, Tensor]:
        """The strongest ``kept`` operations of each edge."""
        active = {}
        with torch.no_grad():
            for kind, weights in self.controller.mixture().items():
                strongest = weights.topk(kept, dim=1).indices.cpu()
                left = torch.zeros(weights.shape, dtype=torch.bool).scatter(1, strongest, True)
                # Where an edge has fewer than are kept, because of --without, absent ones are among the strongest.
                active[kind] = left & self.active[kind]
        return active

    def architecture(self) -> Architecture:
        """The cells as the present stage's alphas stand, with the final number of cells."""
        found = self.current.architecture()
        cells = self.plan.cells
        return Architecture(found.normal, found.reduction, cells, reductions(cells))

    def steps(self, batches: SearchBatches) -> int:
        """The steps of all stages."""
        return self.epochs * batches.per_epoch()

    def one_step(self, batches: SearchBatches) -> None:
        """A step of the present stage: later ones are deeper and have fewer operations."""
        self.current.one_step(batches)

    def state_dict(self) -> dict[str, Any]:
        """The present stage and what is left on each edge."""
        return {
            "epochs_done": self.epochs_done,
            "active": {kind: self.active[kind] for kind in KINDS},
            "stage": max(0, self.epochs_done - 1) // self.stage_epochs,
            "current": self.current.state_dict(),
        }

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.epochs_done = checkpoint.whole(state["epochs_done"], 0, self.epochs, "its epochs")
        # The stage of the last finished epoch: the next one may begin another.
        stage = max(0, self.epochs_done - 1) // self.stage_epochs
        self.active = {kind: self._left(kind, state["active"][kind]) for kind in KINDS}
        self.current = self._begin(stage)
        self.current.load_state_dict(state["current"])
        if (state["stage"], self.current.epochs_done) != (stage, self.epochs_done - stage * self.stage_epochs):
            raise ValueError("its stage is not that of its epochs")

    def _left(self, kind: str, given: Any) -> Tensor:
        """What a checkpoint says is left on each edge. Raises ValueError."""
        if flaw := checkpoint.flaw_of_tensor(self.active[kind].to(given.device), given):
            raise ValueError(f"what is left on the edges {flaw}")
        left: Tensor = given.cpu()
        if bool((left.sum(1) < 1).any()):
            raise ValueError("nothing is left on an edge")
        return left


def build(plan: SearchPlan) -> ProgressiveSearch:
    """P-DARTS as published, its depths scaled to the wanted number of cells."""
    return ProgressiveSearch(plan)


#: The alphas rest in 10 of a stage's 25 epochs in the authors' code.
STRATEGY = StrategyEntry(build, alpha_rate=6e-4, warm_up=0.4, stages=len(STAGES), skip_budgets={"normal": 2})
