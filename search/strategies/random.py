"""The strategy "random": uniform genotypes, ranked by short training. The baseline that every claim needs.

Li, Talwalkar: Random Search and Reproducibility for Neural Architecture Search, UAI 2019.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict
from typing import Any

import msgspec
import numpy as np

from emonas.genotype import EDGES_PER_NODE, INPUTS, KINDS, NODES, Cell, Edge
from emonas.operations.modules import reductions
from emonas.operations.table import OPERATION_NAMES, SKIP
from emonas.search.batches import SearchBatches
from emonas.search.plan import SearchPlan
from emonas.search.ranking import Ranked, short_training
from emonas.search.strategy import Architecture, StrategyEntry
from emonas.training import checkpoint
from emonas.training.losses import EpochScore


def random_cell(
    generator: np.random.Generator, nodes: int = NODES, skip_budget: int | None = None, without: Collection[str] = ()
) -> Cell:
    """A cell uniform among all with at most ``skip_budget`` skip connections and no operation of those ``without``.

    Sources and operations are independent.
    """
    choice = [name for name in OPERATION_NAMES if name not in without]
    while True:
        edges = []
        for node in range(nodes):
            sources = sorted(generator.choice(INPUTS + node, EDGES_PER_NODE, replace=False).tolist())
            operations = generator.integers(len(choice), size=EDGES_PER_NODE).tolist()
            edges += [Edge(choice[o], source) for o, source in zip(operations, sources, strict=True)]
        cell = Cell(tuple(edges), tuple(range(INPUTS, INPUTS + nodes)))
        if skip_budget is None or sum(edge.operation == OPERATION_NAMES[SKIP] for edge in edges) <= skip_budget:
            return cell


class RandomSearch:
    """One candidate an epoch; the best so far is the answer."""

    controller = None

    def __init__(self, plan: SearchPlan) -> None:
        self.plan = plan
        self.epochs, self.epochs_done = plan.candidates, 0
        self.ranked: list[Ranked] = []

    def epoch(self, batches: SearchBatches, epoch: int) -> dict[str, EpochScore]:
        """Train the next candidate briefly and judge it on the alphas' people."""
        ranked, score = short_training(self.candidate(epoch), self.plan, batches)
        self.ranked.append(ranked)
        self.epochs_done = epoch + 1
        return {"alphas": score}

    def candidate(self, number: int) -> Architecture:
        """The genotype with that number; the same for the same seed."""
        plan, generator = self.plan, np.random.default_rng([self.plan.seed, number])
        cells = {kind: random_cell(generator, NODES, plan.skip_budgets.get(kind), plan.without) for kind in KINDS}
        return Architecture(**cells, cells=plan.cells, reductions=reductions(plan.cells))

    def architecture(self) -> Architecture:
        """The candidate with the highest UAR; the earlier one among equals."""
        uars = [ranked.uar for ranked in self.ranked]
        return self.candidate(uars.index(max(uars)))

    def steps(self, batches: SearchBatches) -> int:
        """The steps of all short trainings."""
        return self.plan.candidates * self.plan.rank_epochs * batches.per_epoch()

    def one_step(self, batches: SearchBatches) -> None:
        """A step of one candidate's training."""
        short_training(self.candidate(0), self.plan, batches, steps=1)

    def state_dict(self) -> dict[str, Any]:
        """The scores of the candidates so far; the candidates follow from the seed."""
        return {"epochs_done": self.epochs_done, "ranked": [asdict(ranked) for ranked in self.ranked]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.epochs_done = checkpoint.whole(state["epochs_done"], 0, self.epochs, "its candidates")
        self.ranked = [msgspec.convert(ranked, Ranked) for ranked in state["ranked"]]
        if len(self.ranked) != self.epochs_done:
            raise ValueError(f"it has scores of {len(self.ranked)} candidates, not of {self.epochs_done}")


def build(plan: SearchPlan) -> RandomSearch:
    """Uniform genotypes with the planned number of cells."""
    return RandomSearch(plan)


STRATEGY = StrategyEntry(build)
