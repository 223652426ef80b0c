"""One fold: train a network on its training part, save it each epoch, judge it once on its tested part."""

from __future__ import annotations

import dataclasses
import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor

from emonas.console import progress
from emonas.datasets.loading.batches import evaluation_batches, training_batches
from emonas.device import epoch_seed, seed_everything
from emonas.errors import UserError
from emonas.evaluate.results.metrics import scores, unit_scores
from emonas.evaluate.results.predictions import NAME, PREDICTIONS, Curves, Predictions
from emonas.evaluate.train.fold_task import FoldTask, open_dataset
from emonas.evaluate.train.network import StackedCells, build_network
from emonas.evaluate.train.task import Task, train_and_validation
from emonas.records import write_record
from emonas.training import checkpoint
from emonas.training.balance import class_shares, class_weights, unit_weights
from emonas.training.events import open_events, telling
from emonas.training.history import History
from emonas.training.losses import EpochScore, require_finite
from emonas.training.method import NamedBatch, name_tensors
from emonas.training.plan import TrainingPlan
from emonas.training.together import epoch_together
from emonas.training.trainer import Trainer, predict

#: A network trained with others is saved when so many seconds have passed, as writing takes its time.
_SAVE_EVERY = 10.0
_CHECKPOINT = "checkpoint.pt"


def train_fold(task: FoldTask) -> None:
    """Train and judge one fold in its folder; a finished one is left as it is, a started one goes on.

    Raises UserError for a damaged run folder and for a loss that became NaN.
    """
    if task.done:
        return
    running = FoldTraining(task)
    epochs = task.schedule.epochs
    with progress(f"training, {task.name}", epochs, running.start) as step:
        for epoch in range(running.start, epochs):
            batches, seed = running.batches(epoch)
            seed_everything(seed)
            score = running.trainer.epoch(batches, epoch)
            running.finish(epoch, score)
            running.save(epoch)
            step(_note(score))
    running.judge()


def train_together(tasks: Sequence[FoldTask]) -> dict[str, str]:
    """Train and judge several folds as one network (see `together`); each in its own folder, as `train_fold` does.

    Started folds go on where they are, those behind first, until all are level. Gives the names of the folds that
    failed and why, as a loss became NaN; the others go on without them.
    """
    running = [FoldTraining(task) for task in tasks if not task.done]
    failures: dict[str, str] = {}
    if not running:
        return failures
    epochs = tasks[0].schedule.epochs
    saved = time.monotonic()
    first = min(one.start for one in running)
    count = "1 fold" if len(running) == 1 else f"{len(running)} folds together"
    with progress(f"training, {count}", epochs, first) as step:
        for epoch in range(first, epochs):
            behind = [one for one in running if one.start <= epoch]
            batches, seeds = zip(*(one.batches(epoch) for one in behind), strict=True)
            of_folds = epoch_together([one.trainer for one in behind], batches, epoch, seeds)
            due = time.monotonic() - saved > _SAVE_EVERY or epoch + 1 == epochs
            for one, score in zip(behind, of_folds, strict=True):
                try:
                    require_finite(score.loss, epoch)
                except UserError as error:
                    failures[one.task.name] = str(error)
                    running.remove(one)
                    continue
                one.finish(epoch, score)
                if due:
                    one.save(epoch)
            if not running:
                break
            saved = time.monotonic() if due else saved
            step(_note(EpochScore(*np.mean([(s.loss, s.accuracy) for s in of_folds], axis=0).tolist())))
    for one in running:
        one.judge()
    return failures


def _note(score: EpochScore) -> str:
    return f"loss {score.loss:.3f} accuracy {score.accuracy:.2f}"


class FoldTraining:
    """The epochs of one fold, with what must survive a kill: weights, optimiser, epoch, history, best epoch."""

    def __init__(self, task: FoldTask) -> None:
        self.task, self.recipe = task, task.schedule.recipe
        self.answers, self.pictures = open_dataset(task)
        prepared = self.answers.prepared
        self.learnt, self.watched = train_and_validation(task.fold, task.epoch_rule, task.seed, prepared)
        self.truth = self.answers.truth[self.learnt]
        self.trainer = make_trainer(task, self.answers, self.truth, self.pictures.device)
        self.policy = dataclasses.replace(self.pictures.policy, cutout=self.recipe.cutout, mixup=self.recipe.mixup)
        evenly = self.recipe.balance == "sampler" and not self.answers.units
        self.shares = class_shares(self.truth) if evenly else None
        self.start, self.history = 0, History()
        if (task.folder / _CHECKPOINT).exists():
            checkpoint.resume(task.folder / _CHECKPOINT, self.pictures.device, self._restore)
        self.writer = open_events(task.folder, self.start)

    def batches(self, epoch: int) -> tuple[Iterator[NamedBatch], int]:
        """An epoch's batches, and the seed of whatever else is drawn in it."""
        seed = epoch_seed(self.task.seed, epoch)
        size, steps = self.task.schedule.batch_size, self.task.steps
        drawn = training_batches(self.pictures, self.learnt, size, steps, seed, self.policy, self.shares)
        return name_tensors(drawn), seed

    def finish(self, epoch: int, score: EpochScore) -> None:
        """Note an epoch's score; where a rule chooses the epoch, keep the best network so far."""
        self.history.add(score)
        noted = {"loss/train": score.loss, "accuracy/train": score.accuracy, "learning_rate": self.trainer.rate}
        if len(self.watched):
            network = self.trainer.inference_network()
            watched = score_answers(self.answers, self.watched, self._probabilities(network, self.watched))
            self.history.add_validation(watched, epoch, network)
            noted["uar/tested_people" if self.task.epoch_rule == "test-best" else "uar/inner"] = watched
        with telling(self.task.folder):
            for name, value in noted.items():
                self.writer.add_scalar(name, value, epoch)

    def save(self, epoch: int) -> None:
        """Write all that going on needs."""
        state = {"epoch": epoch, "trainer": self.trainer.state_dict(), **self.history.state_dict()}
        checkpoint.save(self.task.folder / _CHECKPOINT, state)

    def judge(self) -> None:
        """Answer for the tested people with the judged epoch's network: the last one, or the best of the rule."""
        with telling(self.task.folder):
            self.writer.close()
        network = self.trainer.inference_network()
        epoch = self.history.choose(network, self.task.schedule.epochs)
        test, folder = self.task.fold.test, self.task.folder
        probabilities = self._probabilities(network, test).double().numpy().round(6)
        prepared = self.answers.prepared
        found = Predictions(
            fold=self.task.fold.name,
            seed=self.task.seed,
            epoch=epoch,
            clips=tuple(f"{prepared.samples[i].person}/{prepared.samples[i].clip}" for i in test),
            positions=tuple(test.tolist()),
            truth=tuple(self.answers.truth[test].tolist()),
            probabilities=tuple(probabilities.tolist()),
            history=Curves(**{name: tuple(values) for name, values in self.history.scores.items()}),
        )
        checkpoint.save(folder / "network.pt", {"network": network.state_dict()})
        if isinstance(self.task.network, StackedCells):
            self.task.network.genotype.save(folder / "genotype.json")
        write_record(folder / NAME, found, PREDICTIONS)

    def _probabilities(self, network: torch.nn.Module, positions: np.ndarray) -> Tensor:
        # A training on everybody tests nobody.
        if not len(positions):
            return torch.empty(0, len(self.answers.names))
        return predict(network, evaluation_batches(self.pictures, positions), self.pictures.device, self.answers.units)

    def _restore(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.start = checkpoint.whole(state["epoch"], 0, self.task.schedule.epochs - 1, "its epoch") + 1
        self.history.load_state_dict(state)
        self.history.check(self.start, bool(len(self.watched)), self.trainer.network)
        if self.trainer.update.steps != self.start * self.task.steps:
            raise ValueError(f"it has taken {self.trainer.update.steps} steps, not {self.start * self.task.steps}")


def make_trainer(task: FoldTask, answers: Task, truth: np.ndarray, device: torch.device) -> Trainer:
    """A fold's network from its start, with its trainer. ``truth``: of the samples that are learnt from."""
    network = build_network(task.network, answers.prepared, len(answers.names), task.seed)
    if task.pretrained:
        task.pretrained.start(network, task.fold.name, answers.names)
    schedule = task.schedule
    weights = (unit_weights if answers.units else class_weights)(truth, len(answers.names))
    plan = TrainingPlan(
        schedule.epochs,
        schedule.recipe,
        class_weights=weights if schedule.recipe.balance == "loss" else None,
        multi_label=answers.units,
    )
    return Trainer(network, plan, device)


def score_answers(answers: Task, positions: np.ndarray, probabilities: Tensor) -> float:
    """UAR, or the mean F1 of action units, of some samples."""
    truth = answers.truth[positions]
    predictions = answers.decide(probabilities.numpy())
    if not answers.units:
        return scores(truth, predictions, len(answers.names)).uar
    return float(np.nan_to_num(unit_scores(truth, predictions).uf1))
