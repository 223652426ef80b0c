"""Which of several architectures is best: stacked, trained briefly on the weights' people, judged on the others.

No tested person is among either, so that the choice leaks nothing. It is a ranking, not a result: the scores are those
of a short training, and the best of several is better than it would be on new people.
"""

from __future__ import annotations

import itertools
from collections.abc import Iterable
from dataclasses import dataclass

import torch.nn.functional as F
from sklearn.metrics import recall_score

from emonas.cost import count_parameters
from emonas.device import epoch_seed, seed_everything
from emonas.genotype import Genotype, Provenance
from emonas.network import Network
from emonas.trainer import Batch, EpochScore, Trainer, TrainingPlan, predict

from .feed import Feed
from .strategy import Architecture, Setting


@dataclass(frozen=True)
class Ranked:
    """What a short training gave: UAR on the alphas' people, and the parameters of the stacked network."""

    uar: float
    parameters: int


def short_training(
    architecture: Architecture, setting: Setting, feed: Feed, steps: int | None = None
) -> tuple[Ranked, EpochScore]:
    """Train an architecture for the configured few epochs and judge it; the same for the same seed.

    ``steps`` stops an epoch early, to measure time. Raises UserError on NaN.
    """
    config = setting.config
    assert config.rank_epochs
    seed_everything(config.seed)
    network = stacked(architecture, setting)
    trainer = Trainer(network, TrainingPlan(config.rank_epochs, drop_path=0.0), setting.device)
    for epoch in range(config.rank_epochs if steps is None else 1):
        seed_everything(epoch_seed(config.seed, epoch))
        batches: Iterable[Batch] = itertools.islice(feed.weights(epoch), steps)
        trainer.epoch(batches, epoch)
    pictures, labels = feed.judged()
    answers = predict(trainer.network, pictures, setting.device)
    uar = float(recall_score(labels, answers.argmax(1), average="macro", zero_division=0.0))
    right = float((answers.argmax(1) == labels).float().mean())
    loss = float(F.nll_loss(answers.clamp_min(1e-12).log(), labels))
    return Ranked(uar, count_parameters(network)), EpochScore(loss, right)


def stacked(architecture: Architecture, setting: Setting) -> Network:
    """The network of an architecture, with the channels of the search and no auxiliary head."""
    config = setting.config
    assert config.channels
    classes = tuple(str(i) for i in range(setting.classes))
    genotype = Genotype(
        architecture.normal,
        architecture.reduction,
        architecture.cells,
        config.channels,
        classes,
        Provenance("", config.strategy, config.seed),
        architecture.reductions,
    )
    return Network(genotype, setting.classes, setting.size, in_channels=setting.in_channels, auxiliary=False)
