"""The plain method: the labels alone teach, by cross entropy."""

from __future__ import annotations

from dataclasses import dataclass

from emonas.training.losses import correct, criterion
from emonas.training.method import Losses, NamedBatch, WeightedNetwork
from emonas.training.plan import TrainingPlan

#: DARTS's share of the auxiliary head in the loss.
AUXILIARY_WEIGHT = 0.4


@dataclass(frozen=True)
class Supervised:
    """Cross entropy of the classifier and, for its share, of the auxiliary head; see `criterion`."""

    label_smoothing: float = 0.0
    multi_label: bool = False

    def losses(self, network: WeightedNetwork, batch: NamedBatch) -> Losses:
        """The loss of "images" and "targets", under "class_weights" where there are some."""
        targets, weights = batch["targets"], batch.get("class_weights")
        logits, auxiliary = network(batch["images"], batch.get("drop_path"))
        loss = criterion(logits, targets, self.label_smoothing, self.multi_label, weights)
        if auxiliary is not None:
            share = criterion(auxiliary, targets, self.label_smoothing, self.multi_label, weights)
            loss = loss + AUXILIARY_WEIGHT * share
        return Losses(loss, correct(logits.detach(), targets, self.multi_label))


def build(plan: TrainingPlan) -> Supervised:
    """The method as the plan asks for it."""
    return Supervised(plan.recipe.label_smoothing, plan.multi_label)
