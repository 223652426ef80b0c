"""The searches and trainings of an ablation: each a job with a run folder of its own, run once and then found done.

A training is our own function with its config. A search is the public function of the package, as a program of the
user's would call it: search and evaluate never import each other, and the run folder is all that comes back.

A folder of seed k of a setup is trainings/SETUP/seedk, that of its search searches/SEARCH/seedk. What a run says on
standard error stands beside its folder in seedk.log.
"""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable, Mapping
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any, cast

import emonas
from emonas.errors import UserError
from emonas.evaluate.ablate.config import AblateConfig
from emonas.evaluate.ablate.variants import SearchSpec, Setup
from emonas.evaluate.results.file import NAME
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.run import run_training
from emonas.files import read_json, write_json
from emonas.options.types import ProtocolName

#: Written into a search's folder when it has ended: its seconds, or null where it was begun before.
SECONDS = "seconds.json"


@dataclass(frozen=True)
class Run:
    """One search, by its options, or one training, by its config; it is done when ``done`` lies in its folder.

    ``fingerprint`` is that of the data, which config.json records under ``records``.
    """

    name: str
    options: Mapping[str, Any] | TrainConfig
    folder: Path
    done: str
    records: str
    fingerprint: str

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / self.done).exists()


def search_run(out: Path, search: SearchSpec, seed: int, protocol: ProtocolName, config: AblateConfig) -> Run:
    """The search with a seed; under another protocol than a fixed split, one for each of its folds."""
    folder = out / "searches" / search.name / f"seed{seed}"
    options = {
        "dataset": search.data.argument,
        "out": folder,
        "strategy": search.strategy,
        "protocol": protocol,
        "folds": config.folds,
        "epochs": config.epochs,
        "cells": search.cells,
        "channels": config.channels,
        "batch_size": config.batch_size,
        "without": search.without,
        "candidates": config.candidates,
        "rank_epochs": config.rank_epochs,
        "seed": seed,
        "device": config.device,
    }
    # What is left open is left to the search.
    given = {key: value for key, value in options.items() if value is not None}
    name = f"search {search.name} seed {seed}"
    return Run(name, given, folder, SECONDS, "fingerprint", search.data.fingerprint)


def training_run(out: Path, setup: Setup, seed: int, protocol: ProtocolName, config: AblateConfig) -> Run:
    """The training, with the same seed, of what that search has found."""
    folder = out / "trainings" / setup.name / f"seed{seed}"
    data = setup.search.data
    options = TrainConfig(
        dataset=data.argument,
        genotype=out / "searches" / setup.search.name / f"seed{seed}",
        out=folder,
        protocol=protocol,
        folds=config.folds,
        epoch_rule=config.epoch_rule,
        epochs=config.train_epochs,
        cells=setup.cells,
        batch_size=config.batch_size,
        recipe=config.recipe,
        seed=seed,
        device=config.device,
        no_pictures=True,
    )
    name = f"training {setup.name} seed {seed}"
    return Run(name, options, folder, NAME, "prepared_data", data.fingerprint)


def carry_out(run: Run) -> None:
    """Do what is left of a run. Raises UserError where it fails."""
    if not run.is_done:
        fresh = not (run.folder / "config.json").exists()
        start = time.monotonic()
        run_quietly(run)
        if run.done == SECONDS:
            write_json(run.folder / SECONDS, round(time.monotonic() - start, 1) if fresh else None)
    config = read_json(run.folder / "config.json")
    if not isinstance(config, dict) or config.get(run.records) != run.fingerprint:
        raise UserError(f"{run.folder}: made when the data set was prepared otherwise; delete it to run it again")


def run_quietly(run: Run) -> None:
    """Search or train to the end; what is said on standard error goes into the run's log. Raises UserError."""
    log = run.folder.with_name(f"{run.folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    with (
        log.open("w", encoding="utf-8", errors="backslashreplace") as errors,
        Path(os.devnull).open("w", encoding="utf-8") as nowhere,
        redirect_stderr(errors),
        redirect_stdout(nowhere),
    ):
        if isinstance(run.options, TrainConfig):
            run_training(run.options)
        else:
            cast("Callable[..., object]", emonas.search)(**run.options)


def search_seconds(out: Path, search: SearchSpec, seed: int) -> float | None:
    """How long the search took; None where it was interrupted, so that nobody has seen the whole of it."""
    path = out / "searches" / search.name / f"seed{seed}" / SECONDS
    if not path.exists():
        return None
    seconds = read_json(path)
    return float(seconds) if isinstance(seconds, int | float) and math.isfinite(seconds) and seconds >= 0 else None
