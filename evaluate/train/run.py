"""A whole emonas-train: every fold of a protocol under every seed, pooled into one honest result."""

from __future__ import annotations

import time
from collections.abc import Sequence
from pathlib import Path

import torch

from emonas.console import progress, warn
from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.store.prepared import Prepared, check_content, home
from emonas.device import announce, pick_device, seconds_per_call
from emonas.errors import UserError
from emonas.evaluate.model.inputs import picture_options
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.show import show_results
from emonas.evaluate.train.config import FREE, RENAMED, TrainConfig, check
from emonas.evaluate.train.final import check_final, final_task, leave_model
from emonas.evaluate.train.fold import make_trainer, train_fold, train_together
from emonas.evaluate.train.fold_task import FoldTask, fold_tasks, open_dataset, read_result
from emonas.evaluate.train.network import StackedCells
from emonas.evaluate.train.outcome import make_results, write_outcome
from emonas.evaluate.train.plan import TrainPlan, identity, resolve
from emonas.files import open_run, write_text
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs
from emonas.training.memory import StackSize, require_memory
from emonas.training.method import name_tensors
from emonas.training.trainer import Trainer

#: How much of a GPU's free memory folds that are trained as one network may fill.
_MEMORY_SHARE = 0.8


def run_training(config: TrainConfig) -> Results:
    """Train and judge as ``config`` says; returns what results.json holds. Raises UserError."""
    check(config)
    plan = resolve(config)
    check_final(plan)
    tasks = fold_tasks(plan)
    check_content(plan.prepared)
    _check_options(plan.prepared)
    # What cannot be built or started from is refused before anything is written.
    _require_memory(plan)
    _trial(tasks[0], plan)
    open_run(plan.out, identity(plan), FREE, RENAMED)
    if plan.genotypes and all(genotype == plan.genotypes[0] for genotype in plan.genotypes):
        plan.genotypes[0].save(plan.out / "genotype.json")
    started = time.monotonic()
    unfinished = [task for task in tasks if not task.done]
    if unfinished:
        _announce(plan, unfinished)
        _train(unfinished, plan)
    answers = [read_result(task, len(plan.task.names)) for task in tasks]
    seconds = round(time.monotonic() - started, 1) if len(unfinished) == len(tasks) else None
    results = make_results(plan, answers, seconds)
    write_outcome(plan, results)
    show_results(plan.out, results)
    if plan.final:
        _train([final_task(plan)], plan)
    leave_model(plan, results)
    return results


def _check_options(prepared: Prepared) -> None:
    """Refuse a set that says of its pictures what no model can keep. Raises UserError."""
    try:
        picture_options({"size": prepared.size, "channels": prepared.channels, **prepared.options})
    except (ValueError, UserError) as error:
        raise UserError(
            f"{prepared.folder}: damaged: no pictures are made so ({error}); run emonas-data prepare --overwrite"
        ) from None


def _require_memory(plan: TrainPlan) -> None:
    """Refuse found cells that cannot fit: weights, gradients, optimiser and the maps of a batch. Raises UserError."""
    recipe, pictures = plan.schedule.recipe, plan.prepared
    copies = 2 + (2 if recipe.optimiser == "adamw" else 1) + (1 if recipe.ema_decay else 0)
    for network in plan.networks[:1]:
        if isinstance(network, StackedCells):
            size = StackSize.of(network.genotype, network.cells, network.channels, pictures.size, pictures.channels)
            what = f"training {network.cells} cells with {network.channels} channels"
            require_memory(size.least_bytes(plan.schedule.batch_size, copies), pick_device(plan.asked.device), what)


def _trial(task: FoldTask, plan: TrainPlan) -> Trainer:
    """A network as a fold's, to be thrown away."""
    return make_trainer(task, plan.task, plan.task.truth[task.fold.train], pick_device(task.device))


def _train(tasks: Sequence[FoldTask], plan: TrainPlan) -> None:
    """Train what is open. Raises UserError at the end for the folds that failed; the others are kept."""
    at_once = plan.together or _how_many_fit(tasks[0], plan)
    if at_once > 1:
        if failures := _train_in_groups(tasks, at_once):
            _fail(failures, len(tasks), {}, plan.out)
        return
    engine = Engine(
        engine=plan.engine,
        jobs=min(plan.jobs, len(tasks)),
        address=plan.address,
        gpus=1.0 if plan.engine == "ray" and pick_device(tasks[0].device).type == "cuda" else 0.0,
        shared=(plan.out.resolve(), home().resolve()),
    )
    jobs = [Job(task.name, train_fold, (task,)) for task in tasks]
    if engine.engine == "local" and engine.jobs == 1:
        outcome = run_jobs(jobs, engine)
    else:
        with progress("folds", len(jobs)) as step:
            outcome = run_jobs(jobs, engine, step)
    if outcome.failures:
        _fail(outcome.failures, len(tasks), outcome.tracebacks, plan.out)


def _train_in_groups(tasks: Sequence[FoldTask], at_once: int) -> dict[str, str]:
    """Folds of the same cells as one network, so many at a time; fewer where the device's memory is too small.

    Gives the folds that failed and why.
    """
    left, failures = list(tasks), dict[str, str]()
    while left:
        group = [task for task in left if task.network == left[0].network][:at_once]
        try:
            failures |= train_together(group)
        except torch.OutOfMemoryError:
            if len(group) == 1:
                raise
            at_once = len(group) // 2
            warn(f"too many folds for the memory; going on with {at_once} together")
            continue
        trained = {task.folder for task in group}
        left = [task for task in left if task.folder not in trained]
    return failures


def _how_many_fit(task: FoldTask, plan: TrainPlan) -> int:
    """How many folds of a searched network fit a GPU at once, by what a step of one takes there; 1 elsewhere."""
    device = pick_device(task.device)
    if device.type != "cuda" or not plan.genotypes or plan.jobs > 1 or plan.engine != "local":
        return 1
    _, pictures = open_dataset(task)
    torch.cuda.reset_peak_memory_stats(device)
    before = torch.cuda.memory_allocated(device)
    seconds_per_step(_trial(task, plan), pictures, plan.schedule.batch_size)
    taken = torch.cuda.max_memory_allocated(device) - before
    free, _ = torch.cuda.mem_get_info(device)
    return max(1, int(_MEMORY_SHARE * free / taken))


def _fail(failures: dict[str, str], of: int, tracebacks: dict[str, str], out: Path) -> None:
    if tracebacks:
        write_text(out / "tracebacks.txt", "\n".join(f"{name}\n{text}" for name, text in tracebacks.items()))
    name, why = next(iter(failures.items()))
    if of == 1:
        raise UserError(f"{name}: {why}")
    others = f"; {len(failures) - 1} more failed too" if len(failures) > 1 else ""
    kept = of - len(failures)
    raise UserError(f"{name}: {why}{others}. {kept} of {of} folds are done and kept; the same command does the rest")


def _announce(plan: TrainPlan, tasks: Sequence[FoldTask]) -> None:
    """Say beforehand what will run and how long it should take."""
    _, pictures = open_dataset(tasks[0])
    schedule, network = plan.schedule, plan.networks[0]
    steps = schedule.epochs * tasks[0].steps * len(tasks)
    trial = _trial(tasks[0], plan)
    seconds = steps * seconds_per_step(trial, pictures, schedule.batch_size) / max(1, plan.jobs)
    words = f"{network.cells} cells, {network.channels} channels" if isinstance(network, StackedCells) else network.arch
    count = "1 fold" if len(tasks) == 1 else f"{len(tasks)} folds"
    what = (
        f"training on {plan.prepared.name}: {words}, {count}, {schedule.epochs} epochs, "
        f"batches of {schedule.batch_size}, recipe {schedule.recipe_name}"
    )
    announce(what, seconds, trial.device)


def seconds_per_step(trial: Trainer, pictures: ImageStore, batch: int) -> float:
    """Seconds of one training step, measured on a network that is thrown away."""
    taken = pictures.batch(torch.arange(min(batch, len(pictures.labels))).numpy())
    return seconds_per_call(lambda: trial.epoch(name_tensors([taken]), 0), trial.device, calls=3)
