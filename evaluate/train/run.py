"""A whole emonas-train: every fold of a protocol under every seed, pooled into one honest result."""

from __future__ import annotations

import dataclasses
import math
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import torch

from emonas.console import duration, plain, progress, say, warn
from emonas.datasets.databases.registry import entry
from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.protocols.protocol import Fold, folds
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared, home
from emonas.device import describe_device, pick_device
from emonas.errors import UserError
from emonas.evaluate.model.genotypes import Genotypes, fingerprint, load_genotypes
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.show import show_results
from emonas.evaluate.train.config import FREE, TrainConfig, check, resolve
from emonas.evaluate.train.final import check_final, final_task, leave_model
from emonas.evaluate.train.fold import train_fold, train_together
from emonas.evaluate.train.fold_task import FoldTask, open_dataset, read_result
from emonas.evaluate.train.network import build_network
from emonas.evaluate.train.outcome import RunInfo, make_results, write_outcome
from emonas.evaluate.train.plan import make_plan
from emonas.evaluate.train.pretrained import Pretrained, read_pretrained
from emonas.evaluate.train.task import Task, check_folds, make_task
from emonas.files import open_run, write_text
from emonas.genotype import Genotype
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs
from emonas.training.trainer import Trainer

#: How much of a GPU's free memory folds that are trained as one network may fill.
_MEMORY_SHARE = 0.8


def run_training(config: TrainConfig) -> Results:
    """Train and judge as ``config`` says; returns what results.json holds. Raises UserError."""
    check(config)
    run = _resolve(config)
    assert run.config.out
    identity = {
        "prepared_data": run.prepared.fingerprint,
        "protocol": run.protocol,
        "genotype": fingerprint(run.genotypes),
        "pretrained": run.pretrained.content if run.pretrained else None,
    }
    open_run(run.config.out, {**plain(run.config), **identity}, FREE)
    if run.genotypes and all(genotype == run.genotypes[0] for genotype in run.genotypes):
        run.genotypes[0].save(run.config.out / "genotype.json")
    started = time.monotonic()
    tasks = run.tasks()
    open_ones = [task for task in tasks if not task.done]
    if open_ones:
        _announce(run, open_ones)
        _train(open_ones, run)
    answers = [read_result(task, len(run.task.names)) for task in tasks]
    seconds = round(time.monotonic() - started, 1) if len(open_ones) == len(tasks) else None
    results = make_results(run.run_info(), answers, seconds)
    write_outcome(run.run_info(), results)
    show_results(run.config.out, results)
    if run.config.final:
        _train([final_task(run.run_info())], run)
    leave_model(run.run_info(), results)
    return results


@dataclass(frozen=True)
class _Run:
    """A training with all that it needs settled; ``genotypes`` has one for each fold, or none for a known network."""

    asked: TrainConfig
    config: TrainConfig
    prepared: Prepared
    protocol: str
    parts: list[Fold]
    genotypes: list[Genotype]
    task: Task
    pretrained: Pretrained | None
    device: torch.device

    def tasks(self) -> list[FoldTask]:
        """Every fold under every seed."""
        assert self.config.batch_size and self.config.out
        # As many steps for every fold, so that each sees each of its samples at least once an epoch.
        steps = math.ceil(max(len(fold.train) for fold in self.parts) / self.config.batch_size)
        genotypes: Sequence[Genotype | None] = self.genotypes or [None] * len(self.parts)
        return [
            FoldTask(
                fold,
                seed,
                genotype,
                self.config,
                self.prepared.folder.resolve(),
                self.prepared.fingerprint,
                steps,
                self.config.out.resolve() / f"seed{seed}" / Fold.folder(fold.name),
                self.pretrained,
            )
            for seed in range(self.config.seed, self.config.seed + self.config.seeds)
            for fold, genotype in zip(self.parts, genotypes, strict=True)
        ]

    def run_info(self) -> RunInfo:
        """What the results are about."""
        return RunInfo(self.config, self.protocol, self.parts, self.genotypes, self.task, self.asked, self.pretrained)


def _resolve(asked: TrainConfig) -> _Run:
    config = asked
    genotypes = load_genotypes(config.genotype) if config.genotype else None
    name = config.dataset or (genotypes.any.provenance.dataset if genotypes else "")
    prepared = find(name)
    device = pick_device(config.device)
    protocol = prepared.protocol if config.protocol == "auto" else config.protocol
    config = dataclasses.replace(config, folds=config.folds or entry(prepared.dataset).folds)
    assert config.folds
    parts = folds(prepared.samples, protocol, config.folds, seed=0)
    chosen = genotypes.of(parts) if genotypes else []
    task = make_task(prepared, config.units)
    config = dataclasses.replace(config, units=task.names if task.units else ())
    config = _fit(config, genotypes, prepared, parts, device)
    check_folds(parts, config, task)
    before = read_pretrained(config.pretrained, [fold.name for fold in parts]) if config.pretrained else None
    check_final(config, chosen, before)
    run = _Run(asked, config, prepared, protocol, parts, chosen, task, before, device)
    _trial(run)
    return run


def _fit(
    config: TrainConfig, genotypes: Genotypes | None, prepared: Prepared, parts: list[Fold], device: torch.device
) -> TrainConfig:
    smallest = min(len(fold.train) for fold in parts)
    searched = (genotypes.any.channels, genotypes.any.cells) if genotypes else (0, 0)
    config = resolve(config, *searched, smallest, large=device.type == "cuda", database=prepared.dataset)
    if genotypes and config.cells != searched[1]:
        warn(f"the cells were searched in a stack of {searched[1]} and are judged in one of {config.cells}")
    telling = ["train", prepared.name, genotypes.name if genotypes else str(config.arch)]
    telling += [config.protocol] if config.protocol != "auto" else []
    telling += [config.epoch_rule] if config.epoch_rule != "last" else []
    telling += ["pretrained"] if config.pretrained else []
    telling += [f"seed{config.seed}"] if config.seed else []
    words = "-".join(telling).split("-")
    out = config.out or Path("runs") / "-".join(dict.fromkeys(words))
    return dataclasses.replace(config, out=out, dataset=prepared.name)


def _trial(run: _Run) -> Trainer:
    """A network as the first fold's, to be thrown away: what cannot be built or started from is refused at once."""
    first = run.tasks()[0]
    network = build_network(first.genotype, run.config, run.prepared, len(run.task.names))
    if run.pretrained:
        run.pretrained.start(network, first.fold.name, run.task.names)
    return Trainer(network, make_plan(run.config, run.task, run.task.truth[first.fold.train]), run.device)


def _train(tasks: Sequence[FoldTask], run: _Run) -> None:
    """Train what is open. Raises UserError at the end for the folds that failed; the others are kept."""
    config = run.config
    assert config.out
    at_once = config.together or _how_many_fit(run)
    if at_once > 1:
        if failures := _train_in_groups(tasks, at_once):
            _fail(failures, len(tasks), {}, config.out)
        return
    engine = Engine(
        engine=config.engine,
        jobs=min(config.jobs, len(tasks)),
        address=config.address,
        gpus=1.0 if config.engine == "ray" and run.device.type == "cuda" else 0.0,
        shared=(config.out.resolve(), home().resolve()),
    )
    jobs = [Job(task.name, train_fold, (task,)) for task in tasks]
    if engine.engine == "local" and engine.jobs == 1:
        outcome = run_jobs(jobs, engine)
    else:
        with progress("folds", len(jobs)) as step:
            outcome = run_jobs(jobs, engine, step)
    if outcome.failures:
        _fail(outcome.failures, len(tasks), outcome.tracebacks, config.out)


def _train_in_groups(tasks: Sequence[FoldTask], at_once: int) -> dict[str, str]:
    """Folds of the same cells as one network, so many at a time; fewer where the device's memory is too small.

    Gives the folds that failed and why.
    """
    left, failures = list(tasks), dict[str, str]()
    while left:
        group = [task for task in left if task.genotype == left[0].genotype][:at_once]
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


def _how_many_fit(run: _Run) -> int:
    """How many folds of a searched network fit a GPU at once, by what a step of one takes there; 1 elsewhere."""
    if run.device.type != "cuda" or run.config.arch or run.config.jobs > 1 or run.config.engine != "local":
        return 1
    _, pictures = open_dataset(run.prepared.folder.resolve(), run.prepared.fingerprint, run.config)
    assert run.config.batch_size
    torch.cuda.reset_peak_memory_stats(run.device)
    before = torch.cuda.memory_allocated(run.device)
    seconds_per_step(_trial(run), pictures, run.config.batch_size)
    taken = torch.cuda.max_memory_allocated(run.device) - before
    free, _ = torch.cuda.mem_get_info(run.device)
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


def _announce(run: _Run, tasks: Sequence[FoldTask]) -> None:
    """Say beforehand what will run and how long it should take."""
    config = run.config
    assert config.epochs and config.batch_size
    _, pictures = open_dataset(run.prepared.folder.resolve(), run.prepared.fingerprint, config)
    steps = config.epochs * tasks[0].steps * len(tasks)
    seconds = steps * seconds_per_step(_trial(run), pictures, config.batch_size) / max(1, config.jobs)
    network = config.arch or f"{config.cells} cells, {config.channels} channels"
    count = "1 fold" if len(tasks) == 1 else f"{len(tasks)} folds"
    say(
        f"training on {run.prepared.name}: {network}, {count}, {config.epochs} epochs, "
        f"batches of {config.batch_size}, recipe {config.recipe}; "
        f"about {duration(seconds)} on {describe_device(run.device)}"
    )


def seconds_per_step(trial: Trainer, pictures: ImageStore, batch: int) -> float:
    """Seconds of one training step, measured on a network that is thrown away."""
    taken = pictures.take(torch.arange(min(batch, len(pictures.labels))).numpy())
    seconds = 0.0
    for _ in range(3):
        start = time.perf_counter()
        trial.epoch([taken], 0)
        seconds = time.perf_counter() - start
    return seconds
