"""One search from its first epoch to its genotype; a killed one goes on where it was."""

from __future__ import annotations

import copy
import time
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import torch

from emonas import checkpoint
from emonas.console import duration, progress, say
from emonas.datasets.batches import Pictures, count_batches, endless, shuffled
from emonas.device import describe, epoch_seed, seed_everything
from emonas.genotype import Genotype, Provenance
from emonas.picture import draw_genotype, save_figure
from emonas.supernet import Supernet
from emonas.trainer import Tally

from .bilevel import Bilevel, BilevelPlan
from .config import SearchConfig
from .searcher import Searcher
from .watch import Watch


@dataclass(frozen=True)
class SearchTask:
    """One search: whose samples move the weights, whose move the alphas, and where it writes."""

    folder: Path
    title: str
    weight_positions: np.ndarray
    alpha_positions: np.ndarray
    provenance: Provenance
    classes: tuple[str, ...]


def search(task: SearchTask, config: SearchConfig, pictures: Pictures) -> Genotype:
    """Run one search to its end and return what it found; ``config`` is fitted, nothing in it is None.

    Writes checkpoint.pt after each epoch and at the end genotype.json and cells.png. A finished search is read back.
    """
    finished = task.folder / "genotype.json"
    if finished.exists():
        return Genotype.load(finished)
    strategy = build_strategy(config, len(task.classes), pictures)
    saved = task.folder / "checkpoint.pt"
    start = 0
    if saved.exists():
        checkpoint.resume(saved, pictures.device, strategy.load_state_dict)
        start = strategy.epochs_done
        say(f"continuing {task.title} after epoch {start}")
    else:
        _announce(strategy, task, config, pictures)
    _run_epochs(strategy, task, config, pictures, start)
    genotype = _genotype(strategy.searcher, task, config)
    save_figure(draw_genotype(genotype), task.folder / "cells.png")
    genotype.save(finished)
    return genotype


def build_strategy(config: SearchConfig, classes: int, pictures: Pictures) -> Bilevel:
    """A fresh strategy, the same for the same seed."""
    assert config.epochs and config.cells and config.channels and config.alpha_rate
    seed_everything(config.seed)
    channels, size = pictures.images.shape[1], pictures.images.shape[2]
    supernet = Supernet(classes, config.cells, config.channels, size, in_channels=channels)
    plan = BilevelPlan(
        epochs=config.epochs,
        learning_rate=config.learning_rate,
        least_rate=config.learning_rate / 25,
        alpha_rate=config.alpha_rate,
    )
    return Bilevel(Searcher(supernet), plan, pictures.device)


def _run_epochs(strategy: Bilevel, task: SearchTask, config: SearchConfig, pictures: Pictures, start: int) -> None:
    assert config.epochs and config.batch_size
    batch = config.batch_size
    watch = Watch(task.folder, start)
    with progress(task.title, config.epochs, start) as step:
        for epoch in range(start, config.epochs):
            seed = epoch_seed(config.seed, epoch)
            seed_everything(seed)
            weight_batches = shuffled(pictures, task.weight_positions, batch, seed, pictures.policy)
            alpha_batches = endless(pictures, task.alpha_positions, batch, seed + 1, pictures.policy)
            scores = strategy.epoch(weight_batches, alpha_batches, epoch)
            genotype = _genotype(strategy.searcher, task, config)
            watch.epoch(epoch, scores, strategy.searcher, genotype)
            checkpoint.save(task.folder / "checkpoint.pt", strategy.state_dict())
            step(_note(scores["weights"].accuracy, scores["alphas"].accuracy, genotype))
    watch.close()


def _note(weights: float, alphas: float, genotype: Genotype) -> str:
    return f"accuracy {weights:.2f} (weights) {alphas:.2f} (alphas), skips {genotype.normal.skips}"


def _announce(strategy: Bilevel, task: SearchTask, config: SearchConfig, pictures: Pictures) -> None:
    """Say beforehand what will run and how long it should take."""
    assert config.epochs and config.batch_size
    steps = config.epochs * count_batches(len(task.weight_positions), config.batch_size)
    seconds = steps * seconds_per_step(strategy, task, config.batch_size, pictures)
    say(
        f"{task.title}: {config.cells} cells, {config.channels} channels, {config.epochs} epochs, {steps} steps of "
        f"{config.batch_size}; about {duration(seconds)} on {describe(pictures.device)}"
    )


def seconds_per_step(strategy: Bilevel, task: SearchTask, batch: int, pictures: Pictures) -> float:
    """Seconds of one whole step, measured on a copy, so that the search itself is untouched."""
    trial = copy.deepcopy(strategy)
    pair = pictures.take(task.weight_positions[:batch])
    seconds = 0.0
    for _ in range(2):
        start = time.perf_counter()
        trial.alpha_step(pair, Tally())
        trial.weight_step(pair, Tally())
        if pictures.device.type == "cuda":
            torch.cuda.synchronize()
        seconds = time.perf_counter() - start
    return seconds


def _genotype(searcher: Searcher, task: SearchTask, config: SearchConfig) -> Genotype:
    assert config.cells and config.channels
    return Genotype(
        **searcher.cells(),
        cells=config.cells,
        channels=config.channels,
        classes=task.classes,
        provenance=task.provenance,
    )
