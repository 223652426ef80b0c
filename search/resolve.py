"""From what the user typed to a plan: what was left open is fitted to the data, the strategy and the device."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import torch

from emonas.console import plain
from emonas.datasets.databases.registry import entry
from emonas.datasets.protocols.protocol import Fold, folds, split_people
from emonas.datasets.reading.identity import identity_key, person_key
from emonas.datasets.store.own import picture_marks
from emonas.datasets.store.prepared import Prepared
from emonas.device import versions
from emonas.errors import UserError
from emonas.genotype import KINDS, Provenance
from emonas.options.types import power_of_two
from emonas.search.config import SearchConfig
from emonas.search.plan import SearchPlan, SearchTask
from emonas.search.strategies.registry import STRATEGIES
from emonas.search.strategy import StrategyEntry

#: What config.json records as the plan has it; all else is recorded as it was typed.
RECORDED = ("out", "protocol", "folds", "epochs", "cells", "channels", "batch_size", "alpha_rate", "rank_epochs")


def resolve(config: SearchConfig, prepared: Prepared, device: torch.device) -> SearchPlan:
    """The plan of a search on prepared data. Raises UserError where the data do not allow what was asked for."""
    strategy = STRATEGIES[config.strategy]
    large = device.type == "cuda"
    protocol = resolve_protocol(config.protocol, prepared)
    number_of_folds = config.folds or entry(prepared.dataset).folds
    out = config.out or default_folder(config)
    tasks = make_tasks(config, prepared, protocol, number_of_folds, out)
    samples = min(min(len(task.weight_positions), len(task.alpha_positions)) for task in tasks)
    batch_size = config.batch_size or power_of_two(samples // 4, 8, 64)
    steps = max(1, samples // batch_size)
    epochs = config.epochs or (50 if large else max(5, min(50, 60 // steps)))
    return SearchPlan(
        tasks=tasks,
        out=out,
        protocol=protocol,
        folds=number_of_folds,
        strategy=config.strategy,
        epochs=epochs,
        batch_size=batch_size,
        learning_rate=config.learning_rate,
        min_learning_rate=config.learning_rate / 25,
        alpha_rate=config.alpha_rate or strategy.alpha_rate * (1 if large else 10),
        order=config.order or strategy.order,
        warm_up=strategy.default_warm_up(epochs) if config.warm_up is None else config.warm_up,
        classes=prepared.classes,
        in_channels=prepared.images.shape[1],
        size=prepared.images.shape[2],
        cells=config.cells or (8 if large else 4),
        channels=config.channels or (16 if large else 8),
        without=config.without,
        search_cells=config.search_cells,
        skip_budgets=_skip_budgets(config, strategy),
        rank_skip_budgets=config.skip_budget == "auto",
        cost_weight=config.cost_weight,
        cost=config.cost,
        hessian_every=config.hessian_every,
        stop_skips=config.stop_skips,
        stop_eigenvalue=config.stop_eigenvalue,
        seed=config.seed,
        seeds=config.seeds,
        candidates=config.candidates,
        rank_epochs=config.rank_epochs or (10 if large else max(3, min(10, 60 // steps))),
        cuda_graphs=config.cuda_graphs,
        recompute=config.recompute,
        device=device,
    )


def record(config: SearchConfig, plan: SearchPlan, fingerprint: str) -> dict[str, Any]:
    """What config.json says of a search, by which a run is known again when it goes on."""
    return {**plain(config), **{name: plain(getattr(plan, name)) for name in RECORDED}, "fingerprint": fingerprint}


def resolve_protocol(protocol: str, prepared: Prepared) -> str:
    """What "auto" means: the training part of a fixed split, else everybody (as the literature does)."""
    if protocol == "auto":
        return "fixed" if prepared.protocol == "fixed" else "all"
    return protocol


def default_folder(config: SearchConfig) -> Path:
    """The run folder, named after the data set and the choices that make another search of it."""
    words = ["search", Path(config.dataset).name]
    words += [config.strategy] if config.strategy != "emonas" else []
    words += [config.protocol] if config.protocol != "auto" else []
    words += ["without", *config.without] if config.without else []
    words += [f"seed{config.seed}"] if config.seed else []
    return Path("runs") / "-".join(words)


def visible_parts(
    config: SearchConfig, prepared: Prepared, protocol: str, number_of_folds: int
) -> dict[str, np.ndarray]:
    """For each search, the positions of the samples that it may see. Raises UserError for unknown excluded people."""
    samples = prepared.samples
    if protocol == "all":
        parts = {"": np.arange(len(samples))}
    else:
        made = folds(samples, protocol, number_of_folds, seed=0)
        parts = {("" if protocol == "fixed" else fold.name): fold.train for fold in made}
    names = [{identity_key(sample.subject or sample.person), person_key(sample.person)} for sample in samples]
    known = set().union(*names)
    unknown = [name for name in config.exclude_subjects if not {identity_key(name), person_key(name)} & known]
    if unknown:
        raise UserError(f"--exclude-subjects: {prepared.name} has nobody called {', '.join(unknown)}")
    excluded = {key(name) for name in config.exclude_subjects for key in (identity_key, person_key)}
    kept = np.array([not own & excluded for own in names])
    return {name: positions[kept[positions]] for name, positions in parts.items()}


def make_tasks(
    config: SearchConfig, prepared: Prepared, protocol: str, number_of_folds: int, out: Path
) -> tuple[SearchTask, ...]:
    """One search, or one a fold, each with the people that it sees in two halves. Raises UserError for too few."""
    tasks = []
    for name, visible in visible_parts(config, prepared, protocol, number_of_folds).items():
        half = split_people(prepared.samples, visible, 2, config.seed)
        people = sorted({prepared.samples[i].person for i in visible}) if prepared.subjects_known else []
        provenance = Provenance(
            dataset=prepared.name,
            database=prepared.dataset,
            strategy=config.strategy,
            seed=config.seed,
            subjects=tuple(people),
            subjects_known=prepared.subjects_known,
            protocol=protocol,
            fingerprint=prepared.fingerprint,
            pictures=picture_marks(prepared.samples, visible),
            versions=versions(),
        )
        folder = out / Fold.folder(name) if name else out
        title = f"searching on {prepared.name}" + (f" without {name}" if name else "")
        tasks.append(SearchTask(name, folder, title, half.train, half.test, provenance))
    return tuple(tasks)


def _skip_budgets(config: SearchConfig, strategy: StrategyEntry) -> dict[str, int]:
    """The typed budget for both kinds of cell, else the strategy's own; "auto" is decided when the search has ended."""
    budget = config.skip_budget
    return dict.fromkeys(KINDS, budget) if isinstance(budget, int) else dict(strategy.skip_budgets)
