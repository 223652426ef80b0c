"""One search from its first epoch to its genotype; a killed one goes on where it was."""

from __future__ import annotations

import copy
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from emonas.console import progress, say
from emonas.datasets.loading.batches import ImageStore
from emonas.device import announce, epoch_seed, seconds_per_call, seed_everything
from emonas.genotype import Genotype
from emonas.plotting.figures import draw_genotype, save_figure
from emonas.search.batches import SearchBatches
from emonas.search.plan import SearchPlan, SearchTask
from emonas.search.ranking import within_budget
from emonas.search.stopping import EarlyStopping, Rules, Stop, dominant_eigenvalue
from emonas.search.strategies.registry import build
from emonas.search.strategy import Architecture, Strategy
from emonas.search.tensorboard import TensorBoardLog
from emonas.training import checkpoint
from emonas.training.losses import EpochScore


def search(task: SearchTask, plan: SearchPlan, pictures: ImageStore) -> Genotype:
    """Run one search to its end and return what it found.

    Writes checkpoint.pt and genotypes/epoch_NNN.json after each epoch and at the end genotype.json and cells.png. A
    finished search is read back.
    """
    finished = task.folder / "genotype.json"
    if finished.exists():
        return Genotype.load(finished)
    run = _begin(task, plan, make_batches(task, plan, pictures))
    stop = _run_epochs(run)
    return save_found(_answer(run, stop), task.folder)


def make_batches(task: SearchTask, plan: SearchPlan, pictures: ImageStore) -> SearchBatches:
    """What the search may look at."""
    return SearchBatches(pictures, task.weight_positions, task.alpha_positions, plan.batch_size, plan.seed)


def save_found(genotype: Genotype, folder: Path) -> Genotype:
    """Write what a search found, the picture first: where there is a genotype.json, the search is finished."""
    save_figure(draw_genotype(genotype), folder / "cells.png")
    genotype.save(folder / "genotype.json")
    return genotype


def make_genotype(architecture: Architecture, task: SearchTask, plan: SearchPlan) -> Genotype:
    """The file's content for what was found; reductions are written down where the number of cells was learned."""
    return Genotype(
        architecture.normal,
        architecture.reduction,
        cells=architecture.cells,
        channels=plan.channels,
        classes=plan.classes,
        provenance=task.provenance,
        reductions=architecture.reductions if plan.search_cells else (),
    )


@dataclass(frozen=True)
class _Run:
    """A search at work: what it was given, the strategy and the early stopping, which its checkpoint holds."""

    task: SearchTask
    plan: SearchPlan
    batches: SearchBatches
    strategy: Strategy
    stopping: EarlyStopping

    @property
    def checkpoint(self) -> Path:
        return self.task.folder / "checkpoint.pt"

    def genotype_path(self, epoch: int) -> Path:
        """Where the cells of an epoch are kept, counted from 0 here and from 1 in the file's name."""
        return self.task.folder / "genotypes" / f"epoch_{epoch + 1:03}.json"

    def state_dict(self) -> dict[str, Any]:
        """What the checkpoint holds."""
        return {"strategy": self.strategy.state_dict(), "guard": self.stopping.state_dict()}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        self.strategy.load_state_dict(state["strategy"])
        self.stopping.load_state_dict(state["guard"])
        if len(self.stopping.skips) != self.strategy.epochs_done:
            raise ValueError(f"it has seen {len(self.stopping.skips)} epochs, not {self.strategy.epochs_done}")


def _begin(task: SearchTask, plan: SearchPlan, batches: SearchBatches) -> _Run:
    """A fresh search, or the one that the folder's checkpoint holds; says which. Raises UserError for a damaged one."""
    seed_everything(plan.seed)
    run = _Run(task, plan, batches, build(plan), EarlyStopping(Rules(plan.stop_skips, plan.stop_eigenvalue)))
    if run.checkpoint.exists():
        checkpoint.resume(run.checkpoint, plan.device, run.load_state_dict)
        say(f"continuing {task.title} after epoch {run.strategy.epochs_done}")
    else:
        _announce(run)
    return run


def _announce(run: _Run) -> None:
    """Say beforehand what will run and how long it should take."""
    plan, steps = run.plan, run.strategy.steps(run.batches)
    what = (
        f"{run.task.title}: {plan.strategy}, {plan.cells} cells, {plan.channels} channels, "
        f"{run.strategy.epochs} {'candidates' if plan.strategy == 'random' else 'epochs'}, "
        f"{steps} steps of {plan.batch_size}"
    )
    announce(what, steps * seconds_per_step(run.strategy, run.batches, plan.device), plan.device)


def seconds_per_step(strategy: Strategy, batches: SearchBatches, device: torch.device) -> float:
    """Seconds of one whole step, measured on a copy, so that the search itself is untouched."""
    trial = copy.deepcopy(strategy)
    return seconds_per_call(lambda: trial.one_step(batches), device, calls=2)


def _run_epochs(run: _Run) -> Stop | None:
    """Run all epochs that are left, unless early stopping ends them; returns why it did."""
    start, stop = run.strategy.epochs_done, run.stopping.check()
    log = TensorBoardLog(run.task.folder, start)
    with progress(run.task.title, run.strategy.epochs, start) as step:
        for epoch in range(start, run.strategy.epochs):
            if stop:
                break
            step(_run_epoch(run, epoch, log))
            stop = run.stopping.check()
    log.close()
    if stop:
        cells = f"the cells are those of epoch {stop.epoch + 1}"
        say(f"stopped after epoch {run.strategy.epochs_done}: {stop.reason}; {cells}")
    return stop


def _run_epoch(run: _Run, epoch: int, log: TensorBoardLog) -> str:
    """Run one epoch and save what it gave; returns a note for the progress bar."""
    seed_everything(epoch_seed(run.plan.seed, epoch))
    scores = run.strategy.epoch(run.batches, epoch)
    genotype = make_genotype(run.strategy.architecture(), run.task, run.plan)
    eigenvalue = _measure_eigenvalue(run, epoch)
    run.stopping.update(genotype.normal.skips, eigenvalue)
    log.epoch(epoch, scores, run.strategy.controller, genotype, eigenvalue)
    genotype.save(run.genotype_path(epoch))
    checkpoint.save(run.checkpoint, run.state_dict())
    return _note(scores, genotype)


def _measure_eigenvalue(run: _Run, epoch: int) -> float | None:
    """The loss's dominant eigenvalue in the alphas, in the epochs in which it is to be measured."""
    every, controller = run.plan.hessian_every, run.strategy.controller
    if controller is None or not every or (epoch + 1) % every:
        return None
    return dominant_eigenvalue(controller, run.batches.probe(), run.plan.device)


def _note(scores: dict[str, EpochScore], genotype: Genotype) -> str:
    accuracies = " ".join(f"{score.accuracy:.2f} ({part})" for part, score in scores.items())
    return f"accuracy {accuracies}, skips {genotype.normal.skips}"


def _answer(run: _Run, stop: Stop | None) -> Genotype:
    """What the search found: in its last epoch, in its last good one, or under the skip budget that does best."""
    if stop:
        return Genotype.load(run.genotype_path(stop.epoch))
    architecture, controller = run.strategy.architecture(), run.strategy.controller
    if run.plan.rank_skip_budgets and controller is not None:
        table = run.task.folder / "skip_budgets.json"
        architecture = within_budget(controller, architecture, run.plan, run.batches, table)
    return make_genotype(architecture, run.task, run.plan)
