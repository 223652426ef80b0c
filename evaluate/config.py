"""The options of a training, and the defaults that fit the data and the machine."""

from __future__ import annotations

import dataclasses
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonas.options import Cells, DeviceName, EpochRule, Folds, Positive, ProtocolName, Rate, Seed, Share, power_of_two


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Options of emonas-train; None means: fitted to the genotype, the data and the machine."""

    genotype: Path
    """Genotype file, or the run folder of a search; with one genotype a fold it is used fold by fold."""
    dataset: str | None = None
    """Name of a prepared data set, or its folder. [default: the one that the genotype was searched on]"""
    out: Path | None = None
    """Run folder; the same command again continues it. [default: runs/train-DATASET-GENOTYPE]"""
    protocol: ProtocolName = "auto"
    """Who is tested: fixed, loso (leave one subject out), kfold by subject, or au3 (the three published subject folds
    of DISFA and BP4D). auto = the data set's own."""
    folds: Folds | None = None
    """Folds of --protocol kfold. [default: the data set's own number, see emonas-data describe]"""
    epoch_rule: EpochRule = "last"
    """Which epoch is judged: last = the last one; inner = the best on some people held out of the training part.
    No tested person is ever looked at."""
    epochs: Positive | None = None
    """Epochs. [default: about 20000 steps' worth on a GPU, 400 on a CPU; at least 60 and 20]"""
    cells: Cells | None = None
    """Cells. [default: as many as in the search]"""
    channels: Positive | None = None
    """Channels of the first cell. [default: 1.5 times the search's, in eights: 16 for 8, 24 for 16]"""
    batch_size: Positive | None = None
    """Samples in a batch. [default: an eighth of the training samples, 8 to 64 on a GPU, 8 to 32 on a CPU]"""
    learning_rate: Rate = 0.025
    """Learning rate; falls as a cosine to zero."""
    drop_path: Share = 0.1
    """Drop-path probability in the last epoch."""
    label_smoothing: Share = 0.0
    """Label smoothing."""
    no_auxiliary: bool = False
    """Train without the auxiliary head."""
    seed: Seed = 0
    """Seed of all chance."""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""


def fitted(config: TrainConfig, searched_channels: int, searched_cells: int, samples: int, large: bool) -> TrainConfig:
    """Fill in the numbers that were left open, for a ``large`` machine (a GPU) or a small one.

    ``samples``: the size of the smallest training part.
    """
    batch = config.batch_size or power_of_two(samples // 8, 8, 64 if large else 32)
    steps = max(1, samples // batch)
    defaults: dict[str, Any] = {
        "epochs": max(60, min(300, 20_000 // steps)) if large else max(20, min(300, 400 // steps)),
        "cells": searched_cells,
        "channels": -(-searched_channels * 3 // 16) * 8,
        "batch_size": batch,
    }
    open_ones = {key: value for key, value in defaults.items() if getattr(config, key) is None}
    return dataclasses.replace(config, **open_ones)
