"""Several networks trained as one learn what each would learn alone."""

from __future__ import annotations

import math
import random
from typing import Any

import pytest
import torch
from known_cells import PROVENANCE, cell_of, random_genotype
from torch import Tensor

from emonas.genotype import Genotype
from emonas.network import Network
from emonas.training.plan import TrainingPlan, make_optimiser
from emonas.training.together import epoch_together
from emonas.training.trainer import Trainer

CPU = torch.device("cpu")
NETWORKS, EPOCHS = 3, 3
PLANS = {
    "sgd": {"learning_rate": 0.1, "drop_path": 0.5, "clip": 0.5, "smoothing": 0.1},
    "average": {"learning_rate": 0.1, "average": 0.8, "warm_up": 1},
    "adamw": {"optimiser": "adamw", "learning_rate": 1e-3, "drop_path": 0.5},
    "weighted": {"learning_rate": 0.1, "class_weights": (1.0, 2.0, 0.5)},
    "many labels": {"learning_rate": 0.1, "many_labels": True},
}


def trainers(options: dict[str, Any]) -> list[Trainer]:
    """Networks of the same cells in float64, each from its own seed."""
    genotype = random_genotype(random.Random(3), nodes=2, cells=3, channels=4)
    made = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        trainer = Trainer(Network(genotype, classes=3, size=8).double(), TrainingPlan(EPOCHS, **options), CPU)
        if trainer.class_weights is not None:
            trainer.class_weights = trainer.class_weights.double() * (seed + 1)
        made.append(trainer)
    return made


def batches(network: int, epoch: int, many_labels: bool = False) -> list[tuple[Tensor, Tensor]]:
    """Two batches that belong to one network in one epoch."""
    luck = torch.Generator().manual_seed(100 * network + epoch)
    made = []
    for _ in range(2):
        labels = torch.randint(3, (6,), generator=luck)
        targets = torch.nn.functional.one_hot(labels, 3).double() if many_labels else labels
        made.append((torch.randn(6, 3, 8, 8, generator=luck, dtype=torch.float64), targets))
    return made


def tensors(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    inside = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [tensor for item in inside for tensor in tensors(item)]


@pytest.mark.parametrize("name", PLANS)
def test_together_is_one_after_the_other(name: str) -> None:
    options = PLANS[name]
    alone, together = trainers(options), trainers(options)
    many = bool(options.get("many_labels"))
    for epoch in range(EPOCHS):
        seeds = [7 * network + epoch for network in range(NETWORKS)]
        scores = []
        for network, trainer in enumerate(alone):
            torch.manual_seed(seeds[network])
            scores.append(trainer.epoch(batches(network, epoch, many), epoch))
        stacked = epoch_together(together, [batches(i, epoch, many) for i in range(NETWORKS)], epoch, seeds)
        assert [score.accuracy for score in stacked] == pytest.approx([score.accuracy for score in scores])
        assert [score.loss for score in stacked] == pytest.approx([score.loss for score in scores], rel=1e-10)
    for one, other in zip(alone, together, strict=True):
        # Adam divides by the root of tiny second moments, which makes much of the last digit.
        for mine, stacked in zip(tensors(one.state_dict()), tensors(other.state_dict()), strict=True):
            torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


def test_what_was_trained_together_goes_on_alone() -> None:
    options = PLANS["sgd"]
    alone, together = trainers(options), trainers(options)
    for trainer in alone:
        for epoch in range(2):
            torch.manual_seed(epoch)
            trainer.epoch(batches(0, epoch), epoch)
    epoch_together(together, [batches(0, 0)] * NETWORKS, 0, [0] * NETWORKS)
    for trainer in together:
        assert isinstance(trainer.optimiser, type(make_optimiser(trainer.network.parameters(), trainer.plan)))
        torch.manual_seed(1)
        trainer.epoch(batches(0, 1), 1)
    for one, other in zip(alone, together, strict=True):
        for mine, stacked in zip(tensors(one.state_dict()), tensors(other.state_dict()), strict=True):
            torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


def test_one_ruined_network_spoils_no_other() -> None:
    alone, together = trainers({}), trainers({})
    alone[2].epoch(batches(2, 0), 0)
    ruined = [(images * float("nan"), labels) for images, labels in batches(1, 0)]
    scores = epoch_together(together, [batches(0, 0), ruined, batches(2, 0)], 0, [0, 1, 2])
    assert [math.isfinite(score.loss) for score in scores] == [True, False, True]
    for mine, stacked in zip(tensors(alone[2].state_dict()), tensors(together[2].state_dict()), strict=True):
        torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


def test_networks_of_other_cells_are_not_mixed() -> None:
    pools = []
    for operation in ("max_pool_3x3", "avg_pool_3x3"):
        cell = cell_of(operation, nodes=2)
        network = Network(Genotype(cell, cell, 3, 4, ("a", "b", "c"), PROVENANCE), classes=3, size=8).double()
        pools.append(Trainer(network, TrainingPlan(EPOCHS), CPU))
    with pytest.raises(ValueError, match="same cells"):
        epoch_together(pools, [batches(0, 0), batches(1, 0)], 0, [0, 1])
