"""A search in miniature, without files: pictures that show their class, and the settings of a few quick steps."""

from __future__ import annotations

import itertools
import os
import signal
from collections.abc import Callable
from functools import partial
from pathlib import Path
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch

from emonas.datasets.loading.batches import ImageStore
from emonas.datasets.store.prepared import Prepared
from emonas.genotype import Provenance
from emonas.search import loop, strategy
from emonas.search.batches import SearchBatches
from emonas.search.config import SearchConfig
from emonas.search.plan import SearchPlan, SearchTask
from emonas.search.resolve import resolve
from emonas.search.strategies import pdarts
from emonas.supernet.supernet import Supernet, all_active
from emonas.training import checkpoint

CLASSES = ("dark", "grey", "light")
SAMPLES, SIDE = 24, 8
CPU = torch.device("cpu")
#: What a bilevel step must be told; DARTS's.
RATES = {"learning_rate": 0.025, "min_learning_rate": 0.001, "alpha_rate": 3e-4}
HALVES = np.arange(0, SAMPLES, 2), np.arange(1, SAMPLES, 2)


def prepared(noise: float = 30.0, samples: int = SAMPLES, protocol: str = "loso") -> Prepared:
    """Noise around a grey that tells the class; classes take turns, and so do two images of each person."""
    labels = np.arange(samples) // 2 % len(CLASSES)
    greys = np.array([60, 128, 196])[labels].reshape(-1, 1, 1, 1)
    drawn = np.random.default_rng(0).normal(greys, noise, (samples, 3, SIDE, SIDE)).clip(0, 255).astype(np.uint8)
    people = [
        SimpleNamespace(person=f"p{i // 2}", subject=f"p{i // 2}", group="", label=int(labels[i]))
        for i in range(samples)
    ]
    made = SimpleNamespace(
        images=drawn,
        labels=labels,
        options={"representation": "still"},
        classes=CLASSES,
        samples=people,
        protocol=protocol,
        name="drawn",
        dataset="synthetic-micro",
        subjects_known=True,
        fingerprint="",
    )
    return cast(Prepared, made)


def pictures(noise: float = 30.0) -> ImageStore:
    """The drawn images."""
    return ImageStore(prepared(noise), CPU)


def plan(**options: Any) -> SearchPlan:
    """A search of a few seconds, resolved."""
    quick = {"cells": 3, "channels": 4, "epochs": 2, "batch_size": 6, "rank_epochs": 1, "candidates": 2}
    return resolve(SearchConfig(**{**quick, **options}), prepared(), CPU)


def batches(batch: int = 6, seed: int = 0) -> SearchBatches:
    """Half of the pictures for the weights, half for the alphas."""
    return SearchBatches(pictures(), *HALVES, batch, seed)


def task(folder: Path, name: str = "emonas", seed: int = 0) -> SearchTask:
    """A search by the strategy of that name, which writes into a folder."""
    return SearchTask("", folder, "searching", *HALVES, Provenance("drawn", name, seed, subjects=()))


def hurry(patch: pytest.MonkeyPatch) -> None:
    """Two nodes in a cell, no pictures, no time told: what is left out takes longer than a search this small."""
    patch.setattr(strategy, "Supernet", partial(Supernet, nodes=2))
    patch.setattr(pdarts, "all_active", partial(all_active, 2))
    patch.setattr(loop.TensorBoardLog, "epoch", lambda *arguments: None)
    patch.setattr(loop, "draw_genotype", lambda genotype: None)
    patch.setattr(loop, "save_figure", lambda figure, path: None)
    patch.setattr(loop, "seconds_per_step", lambda *arguments: 0.0)


def killed_while(run: Callable[[], object]) -> None:
    """Run something in a process of its own that ends by SIGKILL, with all that it holds in memory."""
    child = os.fork()
    if child == 0:
        try:
            run()
        finally:
            os._exit(1)
    _, status = os.waitpid(child, 0)
    assert os.WIFSIGNALED(status) and os.WTERMSIG(status) == signal.SIGKILL, "it was to be killed and ended otherwise"


def kill_at_save(number: int, before: bool) -> None:
    """Let the next search in this process kill itself at its checkpoint of that number (1, 2, ...)."""
    plain, count = checkpoint.save, itertools.count(1)

    def save(path: Path, state: dict[str, Any]) -> None:
        last = next(count) == number
        if not (last and before):
            plain(path, state)
        if last:
            os.kill(os.getpid(), signal.SIGKILL)

    checkpoint.save = save
