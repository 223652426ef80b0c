"""The plain method: its losses, term by term."""

from __future__ import annotations

import math
import random

import pytest
import torch
from known_cells import random_genotype
from torch import Tensor, nn

from emonas.network import Baseline, Network
from emonas.training.losses import correct
from emonas.training.method import WeightedNetwork
from emonas.training.methods.plain import AUXILIARY_WEIGHT, Supervised
from emonas.training.methods.registry import make_method
from emonas.training.plan import TrainingPlan
from emonas.training.recipe import Recipe

#: A network that answers with what it is given, so that a test can choose the logits.
ECHO = WeightedNetwork(Baseline(nn.Identity()))


def loss_of(method: Supervised, logits: Tensor, targets: Tensor, weights: Tensor | None = None) -> Tensor:
    batch = {"images": logits, "targets": targets}
    return method.losses(ECHO, batch if weights is None else {**batch, "class_weights": weights}).loss


def test_the_plan_says_what_the_loss_is() -> None:
    plan = TrainingPlan(1, Recipe(label_smoothing=0.2), multi_label=True)
    assert make_method(plan) == Supervised(label_smoothing=0.2, multi_label=True)


def test_the_loss_is_cross_entropy_and_the_auxiliary_heads_share() -> None:
    network = Network(random_genotype(random.Random(3), nodes=2, cells=3, channels=4), classes=3, size=8).double()
    images, labels = torch.randn(4, 3, 8, 8, dtype=torch.float64), torch.tensor([0, 1, 2, 0])
    smooth = nn.CrossEntropyLoss(label_smoothing=0.2)
    logits, auxiliary = network.logits_and_auxiliary(images)
    losses = Supervised(0.2).losses(WeightedNetwork(network), {"images": images, "targets": labels})
    torch.testing.assert_close(losses.loss, smooth(logits, labels) + AUXILIARY_WEIGHT * smooth(auxiliary, labels))
    assert losses.correct.tolist() == (logits.argmax(1) == labels).double().tolist()
    assert loss_of(Supervised(0.2), logits, labels) == smooth(logits, labels)


def test_a_heavier_class_weighs_more_in_the_loss() -> None:
    logits, labels = torch.tensor([[2.0, 0.0], [2.0, 0.0]]), torch.tensor([0, 1])
    assert loss_of(Supervised(), logits, labels, torch.tensor([1.0, 3.0])) > loss_of(Supervised(), logits, labels)


def test_of_several_labels_each_is_judged_by_itself() -> None:
    logits, targets = torch.tensor([[3.0, -3.0], [3.0, 3.0]]), torch.tensor([[1.0, 0.0], [0.0, 1.0]])
    assert correct(logits, targets, multi_label=True).tolist() == [1.0, 0.5]
    loss = loss_of(Supervised(multi_label=True), logits, targets)
    assert loss.item() == pytest.approx((3 * math.log1p(math.exp(-3)) + math.log1p(math.exp(3))) / 4, rel=1e-5)
