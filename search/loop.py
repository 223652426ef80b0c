"""One search from its first epoch to its genotype; a killed one goes on where it was."""

from __future__ import annotations

import copy
import dataclasses
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch

from emonas.console import duration, progress, say
from emonas.datasets.loading.batches import ImageStore
from emonas.device import describe_device, epoch_seed, seed_everything
from emonas.genotype import Genotype, Provenance
from emonas.plotting.figures import draw_genotype, save_figure
from emonas.search.batches import SearchBatches
from emonas.search.config import SearchConfig
from emonas.search.guard import EarlyStopping, Rules, dominant_eigenvalue
from emonas.search.ranking import within_budget
from emonas.search.strategies.registry import build
from emonas.search.strategy import Architecture, Setting, Strategy
from emonas.search.tensorboard import TensorBoardLog
from emonas.training import checkpoint
from emonas.training.losses import EpochScore


@dataclass(frozen=True)
class SearchTask:
    """One search: whose samples move the weights, whose move the alphas, and where it writes."""

    folder: Path
    title: str
    weight_positions: np.ndarray
    alpha_positions: np.ndarray
    provenance: Provenance
    classes: tuple[str, ...]


def search(task: SearchTask, config: SearchConfig, pictures: ImageStore) -> Genotype:
    """Run one search to its end and return what it found; ``config`` is fitted.

    Writes checkpoint.pt and genotypes/epoch_NNN.json after each epoch and at the end genotype.json and cells.png. A
    finished search is read back.
    """
    finished = task.folder / "genotype.json"
    if finished.exists():
        return Genotype.load(finished)
    setting, feed = make_setting(config, len(task.classes), pictures), make_batches(task, config, pictures)
    running = _Running(task, setting, feed)
    running.run()
    return keep_genotype(running.genotype(), task.folder)


def keep_genotype(genotype: Genotype, folder: Path) -> Genotype:
    """Write what a search found, the picture first: where there is a genotype.json, the search is finished."""
    save_figure(draw_genotype(genotype), folder / "cells.png")
    genotype.save(folder / "genotype.json")
    return genotype


def make_setting(config: SearchConfig, classes: int, pictures: ImageStore) -> Setting:
    """What strategies are built from."""
    channels, size = pictures.images.shape[1], pictures.images.shape[2]
    return Setting(config, classes, channels, size, pictures.device)


def make_batches(task: SearchTask, config: SearchConfig, pictures: ImageStore) -> SearchBatches:
    """What the search may look at."""
    assert config.batch_size
    return SearchBatches(pictures, task.weight_positions, task.alpha_positions, config.batch_size, config.seed)


def make_genotype(architecture: Architecture, task: SearchTask, setting: Setting) -> Genotype:
    """The file's content for what was found; reductions are written down where the number of cells was learned."""
    assert setting.config.channels
    return Genotype(
        architecture.normal,
        architecture.reduction,
        cells=architecture.cells,
        channels=setting.config.channels,
        classes=task.classes,
        provenance=task.provenance,
        reductions=architecture.reductions if setting.config.search_cells else (),
    )


class _Running:
    """A search at work: the strategy, its guard, and what both have written so far."""

    def __init__(self, task: SearchTask, setting: Setting, feed: SearchBatches) -> None:
        self.task, self.setting, self.feed = task, setting, feed
        config = setting.config
        seed_everything(config.seed)
        self.strategy: Strategy = build(setting)
        self.guard = EarlyStopping(Rules(config.stop_skips, config.stop_eigenvalue))
        self.stopped: tuple[int, str] | None = None
        saved = task.folder / "checkpoint.pt"
        if saved.exists():
            checkpoint.resume(saved, setting.device, self._restore)
            say(f"continuing {task.title} after epoch {self.strategy.epochs_done}")
        else:
            self._announce()

    def run(self) -> None:
        """All epochs that are left, unless the guard stops them."""
        strategy, start = self.strategy, self.strategy.epochs_done
        self.stopped = self.guard.check()
        watch = TensorBoardLog(self.task.folder, start)
        with progress(self.task.title, strategy.epochs, start) as step:
            for epoch in range(start, strategy.epochs):
                if self.stopped:
                    break
                seed_everything(epoch_seed(self.setting.config.seed, epoch))
                scores = strategy.epoch(self.feed, epoch)
                genotype = make_genotype(strategy.architecture(), self.task, self.setting)
                eigenvalue = self._eigenvalue(epoch)
                self.guard.update(genotype.normal.skips, eigenvalue)
                self.stopped = self.guard.check()
                watch.epoch(epoch, scores, strategy.controller, genotype, eigenvalue)
                genotype.save(self._path(epoch))
                checkpoint.save(self.task.folder / "checkpoint.pt", self._state())
                step(_note(scores, genotype))
        watch.close()
        if self.stopped:
            epoch, why = self.stopped
            say(f"stopped after epoch {strategy.epochs_done}: {why}; the cells are those of epoch {epoch + 1}")

    def genotype(self) -> Genotype:
        """The answer: of the last epoch, of the last good one, or of the skip budget that does best."""
        if self.stopped:
            return Genotype.load(self._path(self.stopped[0]))
        architecture = self.strategy.architecture()
        if self.setting.config.skip_budget == "auto" and self.strategy.controller is not None:
            table = self.task.folder / "skip_budgets.json"
            architecture = within_budget(self.strategy.controller, architecture, self.setting, self.feed, table)
        return make_genotype(architecture, self.task, self.setting)

    def _path(self, epoch: int) -> Path:
        return self.task.folder / "genotypes" / f"epoch_{epoch + 1:03}.json"

    def _eigenvalue(self, epoch: int) -> float | None:
        every, controller = self.setting.config.hessian_every, self.strategy.controller
        if controller is None or not every or (epoch + 1) % every:
            return None
        return dominant_eigenvalue(controller, self.feed.probe(), self.setting.device)

    def _state(self) -> dict[str, Any]:
        return {"strategy": self.strategy.state_dict(), "guard": self.guard.state_dict()}

    def _restore(self, state: dict[str, Any]) -> None:
        self.strategy.load_state_dict(state["strategy"])
        self.guard.load_state_dict(state["guard"])

    def _announce(self) -> None:
        """Say beforehand what will run and how long it should take."""
        config, steps = self.setting.config, self.strategy.steps(self.feed)
        seconds = steps * seconds_per_step(self.strategy, self.feed, self.setting.device)
        say(
            f"{self.task.title}: {config.strategy}, {config.cells} cells, {config.channels} channels, "
            f"{self.strategy.epochs} {'candidates' if config.strategy == 'random' else 'epochs'}, {steps} steps of "
            f"{config.batch_size}; about {duration(seconds)} on {describe_device(self.setting.device)}"
        )


def _note(scores: dict[str, EpochScore], genotype: Genotype) -> str:
    accuracies = " ".join(f"{score.accuracy:.2f} ({part})" for part, score in scores.items())
    return f"accuracy {accuracies}, skips {genotype.normal.skips}"


def seconds_per_step(strategy: Strategy, feed: SearchBatches, device: torch.device) -> float:
    """Seconds of one whole step, measured on a copy, so that the search itself is untouched."""
    trial = copy.deepcopy(strategy)
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        trial.one_step(feed)
        if device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return seconds


def with_seed(task: SearchTask, seed: int, folder: Path) -> SearchTask:
    """The same task under another seed, in a folder of its own."""
    provenance = dataclasses.replace(task.provenance, seed=seed)
    return dataclasses.replace(task, folder=folder, provenance=provenance, title=f"{task.title}, seed {seed}")
