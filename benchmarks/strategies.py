"""The search strategies and what the paper leaves open, measured on drawn data with one budget for all.

    python benchmarks/strategies.py --json strategies.json

Four questions, each over several seeds where chance matters (``--parts`` chooses):

- strategies: what each strategy finds on synthetic-macro with the same number of epochs; parameters, accuracy on unseen
  people after retraining, CPU seconds of the search;
- cost: the parameters of the found networks as --cost-weight rises;
- collapse: skip connections of a search that is set up to collapse, with the guard and without;
- depth: the number of cells that --search-cells finds for an easy and for a hard set of pictures.

Everything is small, so that it runs on one CPU core in some minutes: the numbers compare, they do not impress.
"""

from __future__ import annotations

import contextlib
import dataclasses
import io
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any, Literal, get_args

import cv2
import numpy as np
import torch
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table

from emonas.console import command_line, run
from emonas.cost import count_parameters
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.run import run_training
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.search.config import SearchConfig
from emonas.search.run import run_search
from emonas.search.strategies.registry import STRATEGIES

Part = Literal["strategies", "cost", "collapse", "depth"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured."""

    parts: tuple[Part, ...] = get_args(Part)
    seeds: int = 3
    epochs: int = 9
    """Epochs of a search; its steps are this times 9."""
    train_epochs: int = 12
    cells: int = 3
    channels: int = 4
    size: int = 24
    cost_weights: tuple[float, ...] = (0.0, 0.3, 3.0)
    json: Path | None = None
    """Write the figures to this file."""


@contextlib.contextmanager
def quiet() -> Iterator[None]:
    """The commands' own words are not wanted here."""
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        yield


def searched(folder: Path, settings: Settings, **options: Any) -> tuple[Genotype, float]:
    """A search with the common budget: what it found and its CPU seconds."""
    common = {
        "dataset": "bench-macro",
        "cells": settings.cells,
        "channels": settings.channels,
        "epochs": settings.epochs,
        "batch_size": 32,
        "rank_epochs": 3,
        "candidates": 4,
        "learning_rate": 0.1,
        "alpha_rate": 0.01,
        "device": "cpu",
        "out": folder,
    }
    start = time.process_time()
    with quiet():
        found = run_search(SearchConfig(**{**common, **options}))[""]
    return found, time.process_time() - start


def parameters(genotype: Genotype, size: int) -> int:
    """Trainable parameters of the stacked network."""
    return count_parameters(Network(genotype, len(genotype.classes), size, auxiliary=False))


def strategies(work: Path, settings: Settings) -> list[dict[str, Any]]:
    """Each strategy with each seed: parameters, accuracy after retraining, time."""
    rows = []
    for name in STRATEGIES:
        found = []
        for seed in range(settings.seeds):
            folder = work / f"{name}-{seed}"
            genotype, seconds = searched(folder, settings, strategy=name, seed=seed)
            training = TrainConfig(
                genotype=folder,
                out=work / f"train-{name}-{seed}",
                epochs=settings.train_epochs,
                channels=2 * settings.channels,
                batch_size=32,
                learning_rate=0.05,
                seed=seed,
                device="cpu",
            )
            with quiet():
                result = run_training(training)
            found.append((parameters(genotype, settings.size), result["accuracy"], seconds))
        sizes, accuracies, times = zip(*found, strict=True)
        rows.append(
            {
                "strategy": name,
                "parameters": statistics.mean(sizes),
                "accuracy": statistics.mean(accuracies),
                "spread": statistics.stdev(accuracies) if len(accuracies) > 1 else 0.0,
                "search_seconds": statistics.mean(times),
            }
        )
    return rows


def cost(work: Path, settings: Settings) -> list[dict[str, Any]]:
    """Parameters of what is found under each cost weight."""
    rows = []
    for weight in settings.cost_weights:
        sizes = []
        for seed in range(settings.seeds):
            folder = work / f"cost-{weight}-{seed}"
            genotype, _ = searched(folder, settings, seed=seed, cost_weight=weight, alpha_rate=0.03)
            sizes.append(parameters(genotype, settings.size))
        rows.append({"cost_weight": weight, "parameters": statistics.mean(sizes), "of_seeds": sizes})
    return rows


def collapse(work: Path, settings: Settings) -> list[dict[str, Any]]:
    """A long search on a handful of pictures: what has weights learns them by heart, what has none does not."""
    bad = {"dataset": "bench-few", "batch_size": 16, "alpha_rate": 0.1, "epochs": 12 * settings.epochs}
    rows = []
    for words, guard in {"no guard": {}, "--stop-skips 2": {"stop_skips": 2}}.items():
        genotype, _ = searched(work / f"collapse-{len(guard)}", settings, **bad, **guard)
        rows.append(
            {"guard": words, "normal_skips": genotype.normal.skips, "reduction_skips": genotype.reduction.skips}
        )
    return rows


def depth(work: Path, settings: Settings) -> list[dict[str, Any]]:
    """The number of cells that is learned where colour tells the class, and where two patterns must be compared."""
    rows = []
    for name in ("bench-easy", "bench-hard"):
        # The comparison is learnt late; before, no exit has anything to say.
        options = {"search_cells": True, "cells": 6, "alpha_rate": 0.02, "epochs": 3 * settings.epochs}
        genotype, _ = searched(work / f"depth-{name}", settings, dataset=name, **options)
        rows.append({"pictures": name.removeprefix("bench-"), "cells": genotype.cells})
    return rows


def easy_picture(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """Noise with a tint; the tint is the class."""
    label = int(rng.integers(3))
    picture = rng.normal(110, 20, (16, 16, 3))
    picture[..., label] += 60
    return picture, f"tint{label}"


def hard_picture(rng: np.random.Generator) -> tuple[np.ndarray, str]:
    """A striped patch anywhere in the left half, another in the right: the class is whether their stripes agree."""
    picture = rng.normal(110, 8, (16, 16, 3))
    upright = rng.integers(2, size=2)
    for half, way in enumerate(upright):
        patch = np.zeros((4, 4, 1))
        patch[:, ::2] += 80
        row, column = rng.integers(12), 8 * half + rng.integers(4)
        picture[row : row + 4, column : column + 4] += patch if way else patch.transpose(1, 0, 2)
    return picture, "same" if upright[0] == upright[1] else "different"


def write_set(folder: Path, picture: Callable[[np.random.Generator], tuple[np.ndarray, str]], count: int) -> None:
    """A user's own set of so many pictures of 20 people, as emonas-data reads it."""
    rng = np.random.default_rng(0)
    lines = ["path,subject,label,part"]
    folder.mkdir()
    for i in range(count):
        values, label = picture(rng)
        cv2.imwrite(str(folder / f"{i}.png"), values.clip(0, 255).astype(np.uint8))
        lines.append(f"{i}.png,p{i % 20},{label},{'test' if i % 20 == 0 else 'train'}")
    (folder / "list.csv").write_text("\n".join(lines) + "\n")


def make_sets(work: Path, settings: Settings) -> None:
    """What the parts need, in a store of their own."""
    os.environ["EMONAS_HOME"] = str(work / "home")
    with quiet():
        prepare("synthetic-macro", None, PrepareConfig(size=settings.size, name="bench-macro", jobs=1))
        sets = {"easy": (easy_picture, 600), "hard": (hard_picture, 600), "few": (hard_picture, 40)}
        for name, (picture, count) in sets.items():
            name = f"bench-{name}"
            write_set(work / name, picture, count)
            prepare("folder", work / name / "list.csv", PrepareConfig(size=16, name=name, jobs=1))


app = command_line("benchmarks/strategies.py", "The search strategies under one budget.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """The search strategies under one budget."""
    torch.set_num_threads(1)
    measured = {"strategies": strategies, "cost": cost, "collapse": collapse, "depth": depth}
    figures: dict[str, Any] = {}
    with tempfile.TemporaryDirectory() as folder:
        work = Path(folder)
        make_sets(work, settings)
        for part in settings.parts:
            figures[part] = measured[part](work, settings)
            table = Table(*figures[part][0], title=part, box=None, title_justify="left")
            for row in figures[part]:
                table.add_row(*(f"{v:.3g}" if isinstance(v, float) and v < 10 else str(v) for v in row.values()))
            Console().print(table)
            if settings.json:
                kept = {key: value for key, value in dataclasses.asdict(settings).items() if key != "json"}
                content = {**figures, "settings": kept, "torch": torch.__version__}
                settings.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
