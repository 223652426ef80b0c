"""A whole emonas-ablate: what each choice is worth, by searches and trainings that differ in that choice alone.

Every setup runs with the same seeds, budget and protocol. Under a fixed split a search sees the training part only;
under any other protocol each fold has a search of its own without the fold's tested people, which keeps the numbers
clean at the price of as many searches as there are folds. (--protocol kfold --folds 5 is cheaper than one for each
subject.)
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import cast, get_args

from emonas.console import plain, progress, say, warn
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared, home
from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.ablate.config import FREE, AblateConfig, PartName, check
from emonas.evaluate.ablate.data import describe_data, other_representations
from emonas.evaluate.ablate.runs import Run, carry_out, search_run, search_seconds, training_run
from emonas.evaluate.ablate.scores import Ablation, OfSeed, Row, make_row
from emonas.evaluate.ablate.table import show_ablation, write_ablation
from emonas.evaluate.ablate.variants import AblationPart, Data, SearchSpec, Setup, Variant, list_parts
from emonas.evaluate.results.file import NAME, read_results
from emonas.files import open_run, write_text
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs
from emonas.options.types import ProtocolName


def run_ablation(config: AblateConfig) -> Ablation:
    """Search and train all that ``config`` asks for, write and show the tables. Raises UserError, at the end for runs
    that failed; the others are kept.
    """
    check(config)
    prepared = find(config.dataset, announce=warn if config.json else say)
    large = pick_device(config.device).type == "cuda"
    out = config.out or Path("runs") / f"ablate-{prepared.name}"
    cells = config.cells or (8 if large else 4)
    protocol = cast("ProtocolName", prepared.protocol) if config.protocol == "auto" else config.protocol
    settled = {"cells": cells, "out": str(out.resolve()), "protocol": protocol, "fingerprint": prepared.fingerprint}
    open_run(out, {**plain(config), **settled}, FREE)
    # Absolute for runs that are started elsewhere; what is told of it is as the user has written it.
    work = _Work(config, out.resolve(), protocol, large, _parts(config, prepared, cells))
    failures = work.run()
    ablation = work.collected(failures)
    write_ablation(out, ablation)
    show_ablation(out, ablation, config.json)
    if failures:
        total = len(work.searches()) + len(work.trainings())
        raise UserError(
            f"{len(failures)} of {total} runs failed, and the others are kept; the same command tries them again"
        )
    return ablation


def _parts(config: AblateConfig, prepared: Prepared, cells: int) -> tuple[AblationPart, ...]:
    """The parts that are asked for; without a word of the user's all, less those that the data set does not allow.

    ``cells``: those of the base line.
    """
    others: Mapping[str, Data] = {}
    names: Sequence[PartName] = config.parts or get_args(PartName)
    if "representation" in names:
        try:
            others = other_representations(prepared, config.source, quiet=config.json)
        except UserError as error:
            if config.parts:
                raise
            warn(f"left out: {error}")
            names = [name for name in names if name != "representation"]
    base = Setup(SearchSpec(describe_data(prepared, config.dataset), config.strategy, cells), cells)
    return list_parts(config, names, base, others)


@dataclass(frozen=True)
class _Work:
    """All that is to be run, in ``out``; ``large``: on a GPU. What ``config`` leaves open, the commands settle."""

    config: AblateConfig
    out: Path
    protocol: ProtocolName
    large: bool
    parts: tuple[AblationPart, ...]

    @property
    def seeds(self) -> range:
        """The seeds of every setup."""
        return range(self.config.seed, self.config.seed + self.config.seeds)

    def setups(self) -> list[Setup]:
        """Each one once, also those that only serve to compare with."""
        variants = [variant for part in self.parts for variant in part.variants]
        return list(dict.fromkeys(variant.setup for variant in variants))

    def searches(self) -> dict[tuple[SearchSpec, int], Run]:
        """By what is searched and the seed."""
        pairs = [(setup.search, seed) for setup in self.setups() for seed in self.seeds]
        return {pair: search_run(self.out, *pair, self.protocol, self.config) for pair in pairs}

    def trainings(self) -> dict[tuple[Setup, int], Run]:
        """By setup and seed."""
        pairs = [(setup, seed) for setup in self.setups() for seed in self.seeds]
        return {pair: training_run(self.out, *pair, self.protocol, self.config) for pair in pairs}

    def run(self) -> dict[str, str]:
        """Run what is not done yet; the failures, a line each, by the runs' names."""
        searches, trainings = self.searches(), self.trainings()
        setups = _number(len(self.setups()), "setup")
        done = sum(run.is_done for run in (*searches.values(), *trainings.values()))
        if not self.config.json:
            say(
                f"{setups}, {_number(self.config.seeds, 'seed')}: {_number(len(searches), 'search')}, "
                f"{_number(len(trainings), 'training')}" + (f", {done} of them done" if done else "")
            )
        failed = self._carry_out("searches", list(searches.values()))
        ready = [run for (setup, seed), run in trainings.items() if searches[setup.search, seed].name not in failed]
        return failed | self._carry_out("trainings", ready)

    def _carry_out(self, title: str, runs: Sequence[Run]) -> dict[str, str]:
        """Run what is open on the engine; what is done is only looked at, here."""
        done, left = ([run for run in runs if run.is_done is state] for state in (True, False))
        failures = run_jobs([Job(run.name, carry_out, (run,)) for run in done], Engine()).failures
        if not left:
            return failures
        engine = Engine(
            self.config.engine,
            jobs=min(self.config.jobs, len(left)),
            apart=True,
            address=self.config.address,
            gpus=1.0 if self.large and self.config.engine == "ray" else 0.0,
            shared=(self.out, home().resolve()),
        )
        jobs = [Job(run.name, carry_out, (run,)) for run in left]
        if self.config.json:
            outcome = run_jobs(jobs, engine)
        else:
            with progress(title, len(runs), len(done)) as step:
                outcome = run_jobs(jobs, engine, step)
        if outcome.tracebacks:
            texts = (f"{name}\n{text}" for name, text in outcome.tracebacks.items())
            write_text(self.out / "tracebacks.txt", "\n".join(texts))
        return failures | outcome.failures

    def collected(self, failures: Mapping[str, str]) -> Ablation:
        """The tables. Raises UserError where nothing at all has come to an end."""
        searches, trainings = self.searches(), self.trainings()
        found: dict[Setup, dict[int, OfSeed]] = {setup: {} for setup in self.setups()}
        for (setup, seed), run in trainings.items():
            why = failures.get(searches[setup.search, seed].name) or failures.get(run.name)
            found[setup][seed] = why or read_results(run.folder / NAME)
        if all(isinstance(one, str) for of_seeds in found.values() for one in of_seeds.values()):
            raise UserError(f"every run has failed, the first one: {next(iter(failures.values()))}")
        rows = {part.name: tuple(self._row(part, variant, found) for variant in part.variants) for part in self.parts}
        first = next(one for of_seeds in found.values() for one in of_seeds.values() if not isinstance(one, str))
        return Ablation(rows, first, tuple(self.seeds), self.budget())

    def _row(self, part: AblationPart, variant: Variant, found: Mapping[Setup, Mapping[int, OfSeed]]) -> Row:
        against = None
        if variant.against:
            name = next(other.name for other in part.variants if other.setup == variant.against)
            against = (name, found[variant.against])
        seconds = [search_seconds(self.out, variant.setup.search, seed) for seed in self.seeds]
        return make_row(variant, found[variant.setup], against, seconds)

    def budget(self) -> dict[str, object]:
        """The common budget as the user has given it; what is None was fitted to the data by each command."""
        names = ("epochs", "train_epochs", "channels", "batch_size", "candidates", "rank_epochs", "recipe")
        return {name: getattr(self.config, name) for name in names}


def _number(count: int, what: str) -> str:
    return f"{count} {what}" if count == 1 else f"{count} {what}{'es' if what.endswith('ch') else 's'}"
