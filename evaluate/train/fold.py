"""One fold: train a network on its training part, save it each epoch, judge it once on its tested part."""

from __future__ import annotations

import time
from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import torch
from torch import Tensor
from torch.utils.tensorboard import SummaryWriter

from emonas.console import progress
from emonas.datasets.loading.batches import evaluation_batches, training_batches
from emonas.device import epoch_seed, seed_everything
from emonas.errors import UserError
from emonas.evaluate.results.metrics import scores, unit_scores
from emonas.evaluate.results.predictions import NAME, PREDICTIONS, History, Predictions
from emonas.evaluate.train.fold_task import FoldTask, open_dataset
from emonas.evaluate.train.network import build_network
from emonas.evaluate.train.plan import class_shares, make_plan, make_policy
from emonas.evaluate.train.task import train_and_validation
from emonas.records import write_record
from emonas.training import checkpoint
from emonas.training.losses import EpochScore, require_finite
from emonas.training.together import epoch_together
from emonas.training.trainer import Trainer, predict

#: A network trained with others is saved when so many seconds have passed, as writing takes its time.
_SAVE_EVERY = 10.0


def train_fold(task: FoldTask) -> None:
    """Train and judge one fold in its folder; a finished one is left as it is, a started one goes on.

    Raises UserError for a damaged run folder and for a loss that became NaN.
    """
    if task.done:
        return
    running = FoldTraining(task)
    epochs = task.config.epochs or 0
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
    """Train and judge several folds as one network (see side_by_side); each in its own folder, as `train_fold` does.

    Started folds go on where they are, those behind first, until all are level. Gives the names of the folds that
    failed and why, as a loss became NaN; the others go on without them.
    """
    running = [FoldTraining(task) for task in tasks if not task.done]
    failures: dict[str, str] = {}
    if not running:
        return failures
    epochs = tasks[0].config.epochs or 0
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
        self.task, self.config = task, task.config
        self.answers, self.pictures = open_dataset(task.data, task.fingerprint, task.config)
        prepared = self.answers.prepared
        self.learn, self.watched = train_and_validation(task.fold, self.config.epoch_rule, task.seed, prepared)
        network = build_network(task.genotype, task.config, prepared, len(self.answers.names), task.seed)
        if task.pretrained:
            task.pretrained.start(network, task.fold.name, self.answers.names)
        truth = self.answers.truth[self.learn]
        self.trainer = Trainer(network, make_plan(task.config, self.answers, truth), self.pictures.device)
        self.shares = class_shares(truth) if task.config.balance == "sampler" and not self.answers.units else None
        self.start = 0
        self.best: dict[str, Any] | None = None
        self.history: dict[str, list[float]] = {"loss": [], "accuracy": [], "inner_uar": []}
        if (task.folder / "checkpoint.pt").exists():
            checkpoint.resume(task.folder / "checkpoint.pt", self.pictures.device, self._restore)
        self.writer = SummaryWriter(str(task.folder), purge_step=self.start)

    def batches(self, epoch: int) -> tuple[Iterator[tuple[Tensor, Tensor]], int]:
        """An epoch's batches, and the seed of whatever else is drawn in it."""
        assert self.config.batch_size
        seed = epoch_seed(self.task.seed, epoch)
        policy = make_policy(self.config, self.pictures)
        return training_batches(
            self.pictures, self.learn, self.config.batch_size, self.task.steps, seed, policy, self.shares
        ), seed

    def finish(self, epoch: int, score: EpochScore) -> None:
        """Note an epoch's score; where a rule chooses the epoch, keep the best network so far."""
        self.writer.add_scalar("loss/train", score.loss, epoch)
        self.writer.add_scalar("accuracy/train", score.accuracy, epoch)
        self.writer.add_scalar("learning_rate", self.trainer.optimiser.param_groups[0]["lr"], epoch)
        self.history["loss"].append(round(score.loss, 6))
        self.history["accuracy"].append(round(score.accuracy, 6))
        if not len(self.watched):
            return
        network = self.trainer.inference_network()
        watched = self._score(network)
        chosen_on = "tested_people" if self.config.epoch_rule == "test-best" else "inner"
        self.writer.add_scalar(f"uar/{chosen_on}", watched, epoch)
        self.history["inner_uar"].append(round(watched, 6))
        if self.best is None or watched > self.best["score"]:
            weights = {key: value.clone() for key, value in network.state_dict().items()}
            self.best = {"epoch": epoch, "score": watched, "network": weights}

    def save(self, epoch: int) -> None:
        """Write all that going on needs."""
        state = {"epoch": epoch, "trainer": self.trainer.state_dict(), "best": self.best, "history": self.history}
        checkpoint.save(self.task.folder / "checkpoint.pt", state)

    def judge(self) -> None:
        """Answer for the tested people with the judged epoch's network: the last one, or the best of the rule."""
        self.writer.close()
        network, epoch = self.trainer.inference_network(), self.config.epochs or 0
        if self.best is not None:
            network.load_state_dict(self.best["network"])
            epoch = int(self.best["epoch"]) + 1
        test = self.task.fold.test
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
            history=History(**{name: tuple(values) for name, values in self.history.items()}),
        )
        checkpoint.save(self.task.folder / "network.pt", {"network": network.state_dict()})
        if self.task.genotype:
            self.task.genotype.save(self.task.folder / "genotype.json")
        write_record(self.task.folder / NAME, found, PREDICTIONS)

    def _probabilities(self, network: torch.nn.Module, positions: np.ndarray) -> Tensor:
        # A training on everybody tests nobody.
        if not len(positions):
            return torch.empty(0, len(self.answers.names))
        return predict(network, evaluation_batches(self.pictures, positions), self.pictures.device, self.answers.units)

    def _score(self, network: torch.nn.Module) -> float:
        """UAR, or the mean F1 of action units, of the people that the epoch is chosen on."""
        truth = self.answers.truth[self.watched]
        answers = self.answers.decide(self._probabilities(network, self.watched).numpy())
        if not self.answers.units:
            return scores(truth, answers, len(self.answers.names)).uar
        return float(np.nan_to_num(unit_scores(truth, answers).uf1))

    def _restore(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.start, self.best, self.history = int(state["epoch"]) + 1, state["best"], state["history"]
