"""One fold: train a network on its training part, save it each epoch, judge it once on its tested part."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from torch.utils.tensorboard import SummaryWriter

from emonas import checkpoint
from emonas.console import progress
from emonas.datasets.batches import Pictures, in_order, shuffled
from emonas.datasets.prepared import Prepared
from emonas.datasets.protocol import Fold, split_people
from emonas.device import epoch_seed, seed_everything
from emonas.errors import UserError
from emonas.files import read_json, write_json
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.trainer import EpochScore, Trainer, TrainingPlan, predict

from .config import TrainConfig
from .metrics import scores


@dataclass(frozen=True)
class FoldResult:
    """What a fold's network answered. ``probabilities``: (n, classes); ``epoch``: the one that was judged."""

    name: str
    test: np.ndarray
    probabilities: np.ndarray
    epoch: int

    @property
    def predictions(self) -> np.ndarray:
        """(n,): the most probable class."""
        return self.probabilities.argmax(1)


def build_network(genotype: Genotype, config: TrainConfig, prepared: Prepared) -> Network:
    """The stacked network for a prepared data set; the same for the same seed."""
    seed_everything(config.seed)
    return Network(
        genotype,
        classes=len(prepared.classes),
        size=prepared.size,
        cells=config.cells,
        channels=config.channels,
        in_channels=prepared.channels,
        auxiliary=not config.no_auxiliary,
    )


def train_fold(
    fold: Fold, genotype: Genotype, config: TrainConfig, prepared: Prepared, pictures: Pictures, folder: Path
) -> FoldResult:
    """Train and judge one fold in ``folder``; a finished fold is read back, a started one goes on.

    Raises UserError for a damaged run folder and for a loss that became NaN.
    """
    finished = folder / "predictions.json"
    if finished.exists():
        return read_result(finished, fold, len(prepared.classes))
    trainer = Trainer(build_network(genotype, config, prepared), _plan(config), pictures.device)
    state = _FoldTraining(fold, config, prepared, pictures, trainer, folder)
    state.run()
    probabilities = predict(trainer.network, in_order(pictures, fold.test), pictures.device).double().numpy().round(6)
    result = FoldResult(fold.name, fold.test, probabilities, state.judged_epoch)
    write_json(finished, _result_json(result, prepared))
    return result


def check_folds(parts: Sequence[Fold], config: TrainConfig, prepared: Prepared) -> None:
    """Refuse, before anything is written, what would fail in a later fold. Raises UserError."""
    for fold in parts:
        if len(set(prepared.labels[fold.train])) < 2:
            raise UserError(f"fold {fold.name}: its training part has fewer than two classes")
        if config.epoch_rule == "inner":
            inner_validation(prepared, fold, config.seed)


def _plan(config: TrainConfig) -> TrainingPlan:
    assert config.epochs
    return TrainingPlan(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        drop_path=config.drop_path,
        smoothing=config.label_smoothing,
    )


class _FoldTraining:
    """The epochs of one fold, with what must survive a kill: weights, optimiser, epoch, and the best inner epoch."""

    def __init__(
        self, fold: Fold, config: TrainConfig, prepared: Prepared, pictures: Pictures, trainer: Trainer, folder: Path
    ) -> None:
        self.fold, self.config, self.prepared = fold, config, prepared
        self.pictures, self.trainer, self.folder = pictures, trainer, folder
        self.learn, self.inner = fold.train, np.array([], np.int64)
        if config.epoch_rule == "inner":
            self.learn, self.inner = inner_validation(prepared, fold, config.seed)
        self.start = 0
        self.best: dict[str, Any] | None = None
        if (folder / "checkpoint.pt").exists():
            checkpoint.resume(folder / "checkpoint.pt", pictures.device, self._restore)

    @property
    def judged_epoch(self) -> int:
        """The epoch, counted from 1, whose network is judged."""
        assert self.config.epochs
        return self.config.epochs if self.best is None else int(self.best["epoch"]) + 1

    def run(self) -> None:
        """Train to the end and leave the judged epoch's weights in the network."""
        assert self.config.epochs and self.config.batch_size
        writer = SummaryWriter(str(self.folder), purge_step=self.start)
        with progress(f"training, {self.fold.name}", self.config.epochs, self.start) as step:
            for epoch in range(self.start, self.config.epochs):
                seed = epoch_seed(self.config.seed, epoch)
                seed_everything(seed)
                batches = shuffled(self.pictures, self.learn, self.config.batch_size, seed, self.pictures.policy)
                score = self.trainer.epoch(batches, epoch)
                self._watch(writer, epoch, score)
                self._save(epoch)
                step(f"loss {score.loss:.3f} accuracy {score.accuracy:.2f}")
        writer.close()
        if self.best is not None:
            self.trainer.network.load_state_dict(self.best["network"])

    def _watch(self, writer: SummaryWriter, epoch: int, score: EpochScore) -> None:
        writer.add_scalar("loss/train", score.loss, epoch)
        writer.add_scalar("accuracy/train", score.accuracy, epoch)
        writer.add_scalar("learning_rate", self.trainer.optimiser.param_groups[0]["lr"], epoch)
        if len(self.inner):
            inner = self._inner_uar()
            writer.add_scalar("uar/inner", inner, epoch)
            if self.best is None or inner > self.best["uar"]:
                weights = {key: value.clone() for key, value in self.trainer.network.state_dict().items()}
                self.best = {"epoch": epoch, "uar": inner, "network": weights}

    def _inner_uar(self) -> float:
        answers = predict(self.trainer.network, in_order(self.pictures, self.inner), self.pictures.device)
        truth = self.prepared.labels[self.inner]
        return scores(truth, answers.argmax(1).numpy(), len(self.prepared.classes)).uar

    def _save(self, epoch: int) -> None:
        state = {"epoch": epoch, "trainer": self.trainer.state_dict(), "best": self.best}
        checkpoint.save(self.folder / "checkpoint.pt", state)

    def _restore(self, state: dict[str, Any]) -> None:
        self.trainer.load_state_dict(state["trainer"])
        self.start, self.best = int(state["epoch"]) + 1, state["best"]


def inner_validation(prepared: Prepared, fold: Fold, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """What is learnt from and what chooses the epoch: the owner's validation part, else a fifth of the people."""
    validation = np.flatnonzero([sample.part == "validation" for sample in prepared.samples])
    if fold.name == "fixed" and len(validation):
        tested = {prepared.samples[i].person for i in fold.test}
        kept = [i for i in validation if prepared.samples[i].person not in tested]
        if kept:
            return fold.train, np.array(kept, np.int64)
    inner = split_people(prepared.samples, fold.train, 5, seed)
    return inner.train, inner.test


def _result_json(result: FoldResult, prepared: Prepared) -> dict[str, Any]:
    return {
        "fold": result.name,
        "epoch": result.epoch,
        "clips": [f"{prepared.samples[i].person}/{prepared.samples[i].clip}" for i in result.test],
        "positions": result.test.tolist(),
        "truth": prepared.labels[result.test].tolist(),
        "probabilities": result.probabilities.tolist(),
    }


def read_result(path: Path, fold: Fold, classes: int) -> FoldResult:
    """Read a finished fold back. Raises UserError when the file does not belong to this fold."""
    data = read_json(path)
    try:
        positions = np.array(data["positions"], np.int64)
        probabilities = np.array(data["probabilities"], np.float64).reshape(len(positions), classes)
        epoch = int(data["epoch"])
    except (KeyError, TypeError, ValueError):
        raise UserError(f"{path}: damaged; delete it to judge this fold again") from None
    if not np.array_equal(positions, fold.test):
        raise UserError(f"{path}: belongs to another split; delete it to judge this fold again")
    return FoldResult(fold.name, positions, probabilities, epoch)
