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
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.pretrained import Pretrained
from emonas.evaluate.train.task import Task, make_task
from emonas.genotype import Genotype
from emonas.records import read_record


@dataclass(frozen=True)
class FoldTask:
    """One fold under one seed: all that a process needs to train it, wherever it runs.

    ``data``: the folder of the prepared data set, ``fingerprint`` its content. ``steps``: batches in an epoch, the same
    for all folds.
    """

    fold: Fold
    seed: int
    genotype: Genotype | None
    config: TrainConfig
    data: Path
    fingerprint: str
    steps: int
    folder: Path
    pretrained: Pretrained | None = None

    @property
    def name(self) -> str:
        """How it is called in messages."""
        return self.fold.name if self.config.seeds == 1 else f"{self.fold.name}, seed {self.seed}"

    @property
    def done(self) -> bool:
        """Whether it has been judged."""
        return (self.folder / "predictions.json").exists()


@dataclass(frozen=True)
class FoldResult:
    """What a fold's network answered. ``probabilities``: (n, answers); ``epoch``: the one that was judged."""

    name: str
    seed: int
    test: np.ndarray
    probabilities: np.ndarray
    epoch: int


def open_dataset(data: Path, fingerprint: str, config: TrainConfig) -> tuple[Task, ImageStore]:
    """A prepared data set as the network is to answer it, and its pictures on the device; read once in a process.

    Raises UserError where the folder holds another content than the ``fingerprint``'s.
    """
    return _opened(data, fingerprint, config.units, pick_device(config.device).type)


@lru_cache(maxsize=1)
def _opened(data: Path, fingerprint: str, units: tuple[str, ...], device: str) -> tuple[Task, ImageStore]:
    prepared = load(data)
    if prepared.fingerprint != fingerprint:
        raise UserError(f"{data}: was prepared anew while a training on it ran; start again with another --out")
    task = make_task(prepared, units)
    return task, ImageStore(prepared, torch.device(device), task.targets)


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
    return FoldResult(task.fold.name, task.seed, positions, probabilities, found.epoch)
