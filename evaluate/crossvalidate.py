"""A whole emonas-train: every fold of a protocol, pooled into one honest result."""

from __future__ import annotations

import dataclasses
import hashlib
import json
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import torch

from emonas.console import duration, plain, say, warn
from emonas.datasets.batches import Pictures, count_batches
from emonas.datasets.prepare import find
from emonas.datasets.prepared import Prepared
from emonas.datasets.protocol import Fold, folds
from emonas.datasets.registry import entry
from emonas.device import describe, pick
from emonas.errors import UserError
from emonas.genotype import Genotype
from emonas.run_folder import open_run
from emonas.trainer import Trainer, TrainingPlan

from .config import TrainConfig, fitted
from .fold import build_network, check_folds, train_fold
from .results import make_results, show_results, write_results


@dataclasses.dataclass(frozen=True)
class Genotypes:
    """The genotype of each fold: the same for all, or one a fold from a search by folds."""

    path: Path
    shared: Genotype | None
    by_fold: Mapping[str, Genotype]

    def of(self, parts: Sequence[Fold]) -> list[Genotype]:
        """The genotype that each fold is to be judged with. Raises UserError where the search had other folds."""
        if self.shared is not None:
            return [self.shared] * len(parts)
        folders = [Fold.folder(fold.name) for fold in parts]
        if set(folders) != set(self.by_fold):
            raise UserError(
                f"{self.path}: holds cells for {len(self.by_fold)} folds, not for these {len(parts)}; "
                "use the search's --protocol and --folds, and let it finish"
            )
        return [self.by_fold[folder] for folder in folders]

    @property
    def any(self) -> Genotype:
        """One of them, for what they all have in common."""
        return self.shared or next(iter(self.by_fold.values()))


def load_genotypes(path: Path) -> Genotypes:
    """A genotype file, a search's run folder, or the folder of a search by folds. Raises UserError."""
    if not path.exists():
        raise UserError(f"--genotype {path}: no such file or folder")
    if not path.is_dir():
        return Genotypes(path, Genotype.load(path), {})
    if (path / "genotype.json").exists():
        return Genotypes(path, Genotype.load(path / "genotype.json"), {})
    found = {file.parent.name: Genotype.load(file) for file in sorted(path.glob("*/genotype.json"))}
    if not found:
        raise UserError(f"--genotype {path}: holds no genotype.json; is the search finished?")
    return Genotypes(path, None, found)


def run_training(config: TrainConfig) -> dict[str, Any]:
    """Train and judge as ``config`` says; returns what results.json holds. Raises UserError."""
    genotypes = load_genotypes(config.genotype)
    prepared = find(config.dataset or genotypes.any.provenance.dataset)
    device = pick(config.device)
    protocol = prepared.protocol if config.protocol == "auto" else config.protocol
    config = dataclasses.replace(config, folds=config.folds or entry(prepared.dataset).folds)
    assert config.folds
    parts = folds(prepared.samples, protocol, config.folds, seed=0)
    chosen = genotypes.of(parts)
    config = _fit(config, genotypes, prepared, parts, device)
    check_folds(parts, config, prepared)
    assert config.out
    identity = {"prepared_data": prepared.fingerprint, "protocol": protocol, "genotype": _fingerprint(chosen)}
    open_run(config.out, {**plain(config), **identity}, frozenset({"out", "device"}))
    if genotypes.shared:
        genotypes.shared.save(config.out / "genotype.json")
    pictures = Pictures(prepared, device)
    if not (config.out / "results.json").exists():
        _announce(config, chosen[0], prepared, parts, pictures)
    answers = [
        train_fold(fold, genotype, config, prepared, pictures, config.out / "folds" / Fold.folder(fold.name))
        for fold, genotype in zip(parts, chosen, strict=True)
    ]
    results = make_results(config, protocol, prepared, parts, chosen, answers)
    write_results(config.out, results)
    show_results(config.out, results)
    return results


def _fingerprint(chosen: list[Genotype]) -> str:
    """A short text that is another one for other cells."""
    texts = {json.dumps(genotype.as_json(), sort_keys=True): None for genotype in chosen}
    return hashlib.sha256("".join(texts).encode()).hexdigest()[:16]


def _fit(
    config: TrainConfig, genotypes: Genotypes, prepared: Prepared, parts: list[Fold], device: torch.device
) -> TrainConfig:
    genotype = genotypes.any
    smallest = min(len(fold.train) for fold in parts)
    config = fitted(config, genotype.channels, genotype.cells, smallest, large=device.type == "cuda")
    if config.cells != genotype.cells:
        warn(f"the cells were searched in a stack of {genotype.cells} and are judged in one of {config.cells}")
    name = genotypes.path.stem if genotypes.path.stem != "genotype" else genotypes.path.resolve().parent.name
    telling = ["train", prepared.name, name.removeprefix("search-")]
    telling += [config.protocol] if config.protocol != "auto" else []
    telling += [config.epoch_rule] if config.epoch_rule != "last" else []
    telling += [f"seed{config.seed}"] if config.seed else []
    out = config.out or Path("runs") / "-".join(dict.fromkeys(telling))
    return dataclasses.replace(config, out=out, dataset=prepared.name)


def _announce(
    config: TrainConfig, genotype: Genotype, prepared: Prepared, parts: list[Fold], pictures: Pictures
) -> None:
    """Say beforehand what will run and how long it should take."""
    assert config.epochs and config.batch_size
    steps = sum(config.epochs * count_batches(len(fold.train), config.batch_size) for fold in parts)
    seconds = steps * seconds_per_step(config, genotype, prepared, pictures)
    plural = "1 fold" if len(parts) == 1 else f"{len(parts)} folds"
    say(
        f"training on {prepared.name}: {config.cells} cells, {config.channels} channels, {plural}, "
        f"{config.epochs} epochs, batches of {config.batch_size}; "
        f"about {duration(seconds)} on {describe(pictures.device)}"
    )


def seconds_per_step(config: TrainConfig, genotype: Genotype, prepared: Prepared, pictures: Pictures) -> float:
    """Seconds of one training step, measured on a network that is thrown away."""
    assert config.batch_size
    trial = Trainer(build_network(genotype, config, prepared), TrainingPlan(epochs=1), pictures.device)
    batch = pictures.take(torch.arange(len(prepared.samples)).numpy()[: config.batch_size])
    seconds = 0.0
    for _ in range(3):
        start = time.perf_counter()
        trial.epoch([batch], 0)
        seconds = time.perf_counter() - start
    return seconds
