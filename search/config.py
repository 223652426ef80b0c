"""The options of a search, and the defaults that fit the data and the machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from emonas.options import Cells, DeviceName, Folds, Positive, ProtocolName, Rate, Seed, power_of_two


@dataclass(frozen=True, kw_only=True)
class SearchConfig:
    """Options of emonas-search; None means: fitted to the data and the machine."""

    dataset: str = "synthetic-micro"
    """Name of a prepared data set, or its folder."""
    out: Path | None = None
    """Run folder; the same command again continues it. [default: runs/search-DATASET]"""
    strategy: Literal["emonas"] = "emonas"
    """How the architecture moves."""
    protocol: ProtocolName | Literal["all"] = "auto"
    """What the search may see: fixed = the training part, all = everybody, loso or kfold = one search a fold, without
    the fold's tested people. auto = fixed where there is a fixed split, else all."""
    folds: Folds = 5
    """Folds of --protocol kfold."""
    exclude_subjects: tuple[str, ...] = ()
    """People whom the search must not see."""
    epochs: Positive | None = None
    """Epochs. [default: 50 on a GPU; on a CPU about 60 steps' worth]"""
    cells: Cells | None = None
    """Cells, in the search and in the final network. [default: 8 on a GPU, 4 on a CPU]"""
    channels: Positive | None = None
    """Channels of the first cell. [default: 16 on a GPU, 8 on a CPU]"""
    batch_size: Positive | None = None
    """Samples in a batch. [default: a quarter of the people's samples, 8 to 64]"""
    learning_rate: Rate = 0.025
    """Learning rate of the weights; falls as a cosine to a 25th."""
    alpha_rate: Rate | None = None
    """Learning rate of the alphas. [default: 3e-4 on a GPU; 3e-3 in a CPU's shorter search]"""
    seed: Seed = 0
    """Seed of all chance."""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""


def fitted(config: SearchConfig, samples: int, large: bool) -> SearchConfig:
    """Fill in what was left open, for a ``large`` machine (a GPU) or a small one.

    ``samples``: the number in the smaller half of the training people.
    """
    batch = config.batch_size or power_of_two(samples // 4, 8, 64)
    steps = max(1, samples // batch)
    defaults: dict[str, Any] = {
        "epochs": 50 if large else max(5, min(50, 60 // steps)),
        "cells": 8 if large else 4,
        "channels": 16 if large else 8,
        "batch_size": batch,
        "alpha_rate": 3e-4 if large else 3e-3,
        "out": Path("runs") / "-".join(["search", Path(config.dataset).name, *_telling(config)]),
    }
    open_ones = {key: value for key, value in defaults.items() if getattr(config, key) is None}
    return dataclasses.replace(config, **open_ones)


def _telling(config: SearchConfig) -> list[str]:
    """What a run folder's name says beside the data set: the choices that make another search of it."""
    protocol = [config.protocol] if config.protocol != "auto" else []
    return protocol + ([f"seed{config.seed}"] if config.seed else [])
