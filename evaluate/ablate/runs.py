"""The searches and trainings of an ablation: each a process with a run folder of its own, run once and then found done.

A folder of seed k of a setup is trainings/SETUP/seedk, that of its search searches/SEARCH/seedk. What a run says on
standard error stands beside its folder in seedk.log.
"""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

from emonas.errors import UserError
from emonas.evaluate.ablate.config import AblateConfig
from emonas.evaluate.ablate.variants import Data, SearchSpec, Setup
from emonas.evaluate.results.file import NAME
from emonas.files import read_json, write_json

#: Written into a search's folder when it has ended: its seconds, or null where it was begun before.
SECONDS = "seconds.json"


@dataclass(frozen=True)
class Run:
    """One process: ``module`` with ``arguments``; it is done when ``done`` lies in its folder.

    ``fingerprint`` is that of the data, which config.json records under ``records``.
    """

    name: str
    module: str
    arguments: tuple[str, ...]
    folder: Path
    done: str
    records: str
    fingerprint: str

    @property
    def is_done(self) -> bool:
        """Whether nothing is left to do."""
        return (self.folder / self.done).exists()


def search_run(out: Path, search: SearchSpec, seed: int, protocol: str, config: AblateConfig) -> Run:
    """The search with a seed; under another protocol than a fixed split, one for each of its folds."""
    folder = out / "searches" / search.name / f"seed{seed}"
    budget = {
        "epochs": config.epochs,
        "candidates": config.candidates,
        "rank-epochs": config.rank_epochs,
        "channels": config.channels,
    }
    own = {"strategy": search.strategy, "cells": search.cells, "seed": seed, "out": folder, **budget}
    without = ["--without", *search.without] if search.without else []
    arguments = (*_options({**_common(search.data, protocol, config), **own}), *without)
    name = f"search {search.name} seed {seed}"
    return Run(name, "emonas.search.cli", arguments, folder, SECONDS, "fingerprint", search.data.fingerprint)


def training_run(out: Path, setup: Setup, seed: int, protocol: str, config: AblateConfig) -> Run:
    """The training, with the same seed, of what that search has found."""
    folder = out / "trainings" / setup.name / f"seed{seed}"
    data = setup.search.data
    own = {
        "genotype": out / "searches" / setup.search.name / f"seed{seed}",
        "cells": setup.cells,
        "seed": seed,
        "out": folder,
        "epochs": config.train_epochs,
        "epoch-rule": config.epoch_rule,
        "recipe": config.recipe,
    }
    arguments = (*_options({**_common(data, protocol, config), **own}), "--no-pictures")
    name = f"training {setup.name} seed {seed}"
    return Run(name, "emonas.evaluate.train.cli", arguments, folder, NAME, "prepared_data", data.fingerprint)


def _common(data: Data, protocol: str, config: AblateConfig) -> dict[str, object]:
    return {
        "dataset": data.argument,
        "protocol": protocol,
        "folds": config.folds,
        "batch-size": config.batch_size,
        "device": config.device,
    }


def _options(values: dict[str, object]) -> Iterable[str]:
    return [word for key, value in values.items() if value is not None for word in (f"--{key}", str(value))]


def carry_out(run: Run) -> None:
    """Do what is left of a run. Raises UserError: with the command's last line where it fails."""
    if not run.is_done:
        fresh = not (run.folder / "config.json").exists()
        start = time.monotonic()
        run_process(run)
        if run.done == SECONDS:
            write_json(run.folder / SECONDS, round(time.monotonic() - start, 1) if fresh else None)
    if read_json(run.folder / "config.json").get(run.records) != run.fingerprint:
        raise UserError(f"{run.folder}: made when the data set was prepared otherwise; delete it to run it again")


def run_process(run: Run) -> None:
    """Run its command to the end. Raises UserError with the last line that it says."""
    log = run.folder.with_name(f"{run.folder.name}.log")
    log.parent.mkdir(parents=True, exist_ok=True)
    command = [sys.executable, "-m", "emonas.evaluate.ablate.process", run.module, *run.arguments]
    with log.open("wb") as errors:
        process = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=errors)
        # On the way out by an exception, closing the pipe tells it to end.
        with process:
            status = process.wait()
    if status:
        raise UserError(_why(status, log))


def _why(status: int, log: Path) -> str:
    """The last line that a command has said, without its name."""
    if status < 0:
        name = next((one.name for one in signal.Signals if one == -status), f"signal {-status}")
        return f"ended by {name}" + (", perhaps for lack of memory: try fewer --jobs" if name == "SIGKILL" else "")
    lines = log.read_text(encoding="utf-8", errors="replace").strip().splitlines()
    last = lines[-1].strip() if lines else f"exit status {status}"
    for command in ("emonas-search: ", "emonas-train: "):
        last = last.removeprefix(command)
    return last


def search_seconds(out: Path, search: SearchSpec, seed: int) -> float | None:
    """How long the search took; None where it was interrupted, so that nobody has seen the whole of it."""
    path = out / "searches" / search.name / f"seed{seed}" / SECONDS
    if not path.exists():
        return None
    seconds = read_json(path)
    return float(seconds) if isinstance(seconds, int | float) else None
