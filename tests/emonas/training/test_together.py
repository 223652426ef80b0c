"""Several networks trained as one learn what each would learn alone."""

from __future__ import annotations

import math
import random
from dataclasses import dataclass
from typing import Any

import pytest
import torch
import torch.nn.functional as F
from known_cells import PROVENANCE, cell_of, random_genotype
from torch import Tensor

from emonas.genotype import Genotype
from emonas.network import Network
from emonas.training.losses import correct
from emonas.training.method import Losses, Method, NamedBatch, WeightedNetwork
from emonas.training.plan import TrainingPlan
from emonas.training.recipe import Recipe
from emonas.training.together import epoch_together
from emonas.training.trainer import Trainer

CPU = torch.device("cpu")
NETWORKS, EPOCHS = 3, 3
PLANS = {
    "sgd": {"learning_rate": 0.1, "drop_path": 0.5, "grad_clip": 0.5, "label_smoothing": 0.1},
    "average": {"learning_rate": 0.1, "ema_decay": 0.8, "warm_up": 1},
    "adamw": {"optimiser": "adamw", "learning_rate": 1e-3, "drop_path": 0.5},
    "weighted": {"learning_rate": 0.1},
    "multi-label": {"learning_rate": 0.1},
}


def trainers(name: str = "default", method: Method | None = None) -> list[Trainer]:
    """Networks of the same cells in float64, each from its own seed."""
    weights = (1.0, 2.0, 0.5) if name == "weighted" else None
    plan = TrainingPlan(EPOCHS, Recipe(**PLANS.get(name, {})), weights, multi_label=name == "multi-label")
    genotype = random_genotype(random.Random(3), nodes=2, cells=3, channels=4)
    made = []
    for seed in range(NETWORKS):
        torch.manual_seed(seed)
        trainer = Trainer(Network(genotype, classes=3, size=8).double(), plan, CPU, method)
        trainer.constants = {key: tensor.double() * (seed + 1) for key, tensor in trainer.constants.items()}
        made.append(trainer)
    return made


def batches(network: int, epoch: int, multi_label: bool = False) -> list[NamedBatch]:
    """Two batches that belong to one network in one epoch."""
    luck = torch.Generator().manual_seed(100 * network + epoch)
    made: list[NamedBatch] = []
    for _ in range(2):
        labels = torch.randint(3, (6,), generator=luck)
        targets = torch.nn.functional.one_hot(labels, 3).double() if multi_label else labels
        made.append({"images": torch.randn(6, 3, 8, 8, generator=luck, dtype=torch.float64), "targets": targets})
    return made


def tensors(state: Any) -> list[Tensor]:
    if isinstance(state, Tensor):
        return [state]
    inside = state.values() if isinstance(state, dict) else state if isinstance(state, list) else ()
    return [tensor for item in inside for tensor in tensors(item)]


@pytest.mark.parametrize("name", PLANS)
def test_together_is_one_after_the_other(name: str) -> None:
    alone, together = trainers(name), trainers(name)
    many = name == "multi-label"
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
    alone, together = trainers("sgd"), trainers("sgd")
    for trainer in alone:
        for epoch in range(2):
            torch.manual_seed(epoch)
            trainer.epoch(batches(0, epoch), epoch)
    epoch_together(together, [batches(0, 0)] * NETWORKS, 0, [0] * NETWORKS)
    for trainer in together:
        assert isinstance(trainer.update.optimiser, torch.optim.SGD)
        torch.manual_seed(1)
        trainer.epoch(batches(0, 1), 1)
    for one, other in zip(alone, together, strict=True):
        for mine, stacked in zip(tensors(one.state_dict()), tensors(other.state_dict()), strict=True):
            torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


def test_one_ruined_network_spoils_no_other() -> None:
    alone, together = trainers(), trainers()
    alone[2].epoch(batches(2, 0), 0)
    ruined = [{**batch, "images": batch["images"] * float("nan")} for batch in batches(1, 0)]
    scores = epoch_together(together, [batches(0, 0), ruined, batches(2, 0)], 0, [0, 1, 2])
    assert [math.isfinite(score.loss) for score in scores] == [True, False, True]
    for mine, stacked in zip(tensors(alone[2].state_dict()), tensors(together[2].state_dict()), strict=True):
        torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


@dataclass(frozen=True)
class Imitation:
    """A method of another kind: another network's answers come with the batch and teach."""

    share: float = 0.5

    def losses(self, network: WeightedNetwork, batch: NamedBatch) -> Losses:
        logits, _ = network(batch["images"], batch.get("drop_path"))
        taught = F.kl_div(
            logits.log_softmax(1), batch["teacher"].log_softmax(1), log_target=True, reduction="batchmean"
        )
        loss = self.share * F.cross_entropy(logits, batch["targets"]) + (1 - self.share) * taught
        return Losses(loss, correct(logits.detach(), batch["targets"]))


def test_a_method_that_asks_for_more_tensors_is_trained_together_too() -> None:
    def taught(network: int) -> list[NamedBatch]:
        return [{**batch, "teacher": batch["images"][:, :, 0, 0]} for batch in batches(network, 0)]

    alone, together = trainers("sgd", Imitation()), trainers("sgd", Imitation())
    for network, trainer in enumerate(alone):
        torch.manual_seed(network)
        trainer.epoch(taught(network), 0)
    epoch_together(together, [taught(network) for network in range(NETWORKS)], 0, range(NETWORKS))
    for one, other in zip(alone, together, strict=True):
        for mine, stacked in zip(tensors(one.state_dict()), tensors(other.state_dict()), strict=True):
            torch.testing.assert_close(stacked, mine, rtol=1e-8, atol=1e-9)


def test_networks_of_other_methods_are_not_mixed() -> None:
    with pytest.raises(ValueError, match="same method"):
        epoch_together([*trainers()[:1], *trainers(method=Imitation())[:1]], [batches(0, 0), batches(1, 0)], 0, [0, 1])


def test_networks_of_other_cells_are_not_mixed() -> None:
    pools = []
    for operation in ("max_pool_3x3", "avg_pool_3x3"):
        cell = cell_of(operation, nodes=2)
        network = Network(Genotype(cell, cell, 3, 4, ("a", "b", "c"), PROVENANCE), classes=3, size=8).double()
        pools.append(Trainer(network, TrainingPlan(EPOCHS), CPU))
    with pytest.raises(ValueError, match="same cells"):
        epoch_together(pools, [batches(0, 0), batches(1, 0)], 0, [0, 1])
