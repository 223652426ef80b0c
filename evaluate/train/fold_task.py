"""One fold as a piece of work: what it takes to train it, and what its network answered."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

import numpy as np
import torch

from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepared import load
from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.results.predictions import NAME, PREDICTIONS
from emonas.evaluate.train.network import NetworkPlan
from emonas.evaluate.train.plan import Schedule, TrainPlan
from emonas.evaluate.train.pretrained import Pretrained
from emonas.evaluate.train.task import Task, make_task
from emonas.options.types import DeviceName, EpochRule
from emonas.records import read_record


@dataclass(frozen=True)
class FoldTask:
    """One fold under one seed: all that a process needs to train it, wherever it runs.

    ``name``: how it is called in messages. ``data``: the folder of the prepared data set, ``fingerprint`` its content,
    ``units`` what is answered in place of classes. ``steps``: batches in an epoch. ``device``: picked where it runs.
    """

    name: str
    fold: Fold
    seed: int
    network: NetworkPlan
    pretrained: Pretrained | None
    schedule: Schedule
    steps: int
    epoch_rule: EpochRule
    data: Path
    fingerprint: str
    units: tuple[str, ...]
    device: DeviceName
    folder: Path

    @property
    def done(self) -> bool:
        """Whether it has been judged."""
        return (self.folder / "predictions.json").exists()


def fold_tasks(plan: TrainPlan) -> list[FoldTask]:
    """Every fold of a training under every seed."""
    return [
        make_fold_task(plan, fold, network, seed, plan.steps)
        for seed in plan.seeds
        for fold, network in zip(plan.folds, plan.networks, strict=True)
    ]


def make_fold_task(plan: TrainPlan, fold: Fold, network: NetworkPlan, seed: int, steps: int) -> FoldTask:
    """A fold of a training, of its own or another one on the same data."""
    return FoldTask(
        name=fold.name if len(plan.seeds) == 1 else f"{fold.name}, seed {seed}",
        fold=fold,
        seed=seed,
        network=network,
        pretrained=plan.pretrained,
        schedule=plan.schedule,
        steps=steps,
        epoch_rule=plan.epoch_rule,
        data=plan.prepared.folder.resolve(),
        fingerprint=plan.prepared.fingerprint,
        units=plan.task.names if plan.task.units else (),
        device=plan.asked.device,
        folder=plan.out.resolve() / f"seed{seed}" / Fold.folder(fold.name),
    )


@dataclass(frozen=True)
class FoldResult:
    """What a fold's network answered. ``probabilities``: (n, answers); ``epoch``: the one that was judged."""

    name: str
    seed: int
    test: np.ndarray
    probabilities: np.ndarray
    epoch: int


def open_dataset(task: FoldTask) -> tuple[Task, ImageStore]:
    """The data set as the network is to answer it, and its pictures on the device; read once in a process.

    Raises UserError where the folder holds another content than the task's fingerprint says.
    """
    return _open(task.data, task.fingerprint, task.units, pick_device(task.device).type)


@lru_cache(maxsize=1)
def _open(data: Path, fingerprint: str, units: tuple[str, ...], device: str) -> tuple[Task, ImageStore]:
    prepared = load(data)
    if prepared.fingerprint != fingerprint:
        raise UserError(f"{data}: was prepared anew while a training on it ran; start again with another --out")
    task = make_task(prepared, units)
    return task, ImageStore(prepared, torch.device(device), task.targets)


#: What rounding may have changed in a probability.
_ROUNDED = 1e-4


def read_result(task: FoldTask, answers: int) -> FoldResult:
    """Read a finished fold back. Raises UserError when the file does not belong to this fold."""
    path = task.folder / NAME
    try:
        found = read_record(path, PREDICTIONS)
    except UserError as error:
        raise UserError(f"{error}; delete it to judge this fold again") from None
    positions = np.array(found.positions, np.int64)
    if not np.array_equal(positions, task.fold.test):
        raise UserError(f"{path}: belongs to another split; delete it to judge this fold again")
    if any(len(row) != answers for row in found.probabilities):
        raise UserError(f"{path}: is of other than {answers} answers; delete it to judge this fold again")
    probabilities = np.array(found.probabilities, np.float64).reshape(len(positions), answers)
    if not task.units and not np.allclose(probabilities.sum(1), 1, atol=_ROUNDED * answers):
        raise UserError(f"{path}: its probabilities do not sum to 1; delete it to judge this fold again")
    if not 1 <= found.epoch <= task.schedule.epochs:
        raise UserError(f"{path}: there is no epoch {found.epoch}; delete it to judge this fold again")
    return FoldResult(task.fold.name, task.seed, positions, probabilities, found.epoch)
