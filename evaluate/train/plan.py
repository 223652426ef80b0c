"""From what the user typed to a training in which nothing is open."""

from __future__ import annotations

import dataclasses
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from emonas.console import plain, warn
from emonas.datasets.databases.registry import entry
from emonas.datasets.protocols.protocol import Fold, folds
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared
from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.model.genotypes import Genotypes, fingerprint, load_genotypes
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.network import KnownNetwork, NetworkPlan, StackedCells, default_channels
from emonas.evaluate.train.pretrained import Pretrained, read_pretrained
from emonas.evaluate.train.recipes import RECIPES, RecipeName, recipe_for
from emonas.evaluate.train.task import Task, check_folds, make_task
from emonas.genotype import Genotype
from emonas.options.types import EngineName, EpochRule, power_of_two
from emonas.training.recipe import Recipe


@dataclass(frozen=True)
class Schedule:
    """How long a training is, its batches, and the recipe with the name that it goes by."""

    epochs: int
    batch_size: int
    recipe_name: RecipeName
    recipe: Recipe


@dataclass(frozen=True)
class TrainPlan:
    """A whole training in which nothing is open. ``networks``: one for each fold; ``asked``: what the user typed.

    ``folds_wanted`` is the number that kfold takes, whatever the protocol. ``together`` None: as many folds as fit.
    """

    asked: TrainConfig
    task: Task
    protocol: str
    folds_wanted: int
    folds: Sequence[Fold]
    networks: Sequence[NetworkPlan]
    schedule: Schedule
    epoch_rule: EpochRule
    seeds: Sequence[int]
    out: Path
    pretrained: Pretrained | None
    jobs: int
    together: int | None
    engine: EngineName
    address: str | None
    final: bool
    pictures: bool

    @property
    def prepared(self) -> Prepared:
        """The data."""
        return self.task.prepared

    @property
    def genotypes(self) -> list[Genotype]:
        """The cells of each fold; none of a well-known network."""
        return [network.genotype for network in self.networks if isinstance(network, StackedCells)]

    @property
    def steps(self) -> int:
        """Batches in an epoch: as many for every fold, so that each sees each of its samples at least once."""
        return math.ceil(max(len(fold.train) for fold in self.folds) / self.schedule.batch_size)


def resolve(config: TrainConfig) -> TrainPlan:
    """Settle what was left open by the cells, the data and the machine. Raises UserError for what cannot be trained."""
    genotypes = load_genotypes(config.genotype) if config.genotype else None
    dataset = config.dataset or (genotypes.any.provenance.dataset if genotypes else "")
    if genotypes and not dataset:
        raise UserError(f"--genotype {config.genotype}: does not say on what it was found; name a --dataset")
    prepared = find(dataset)
    large = pick_device(config.device).type == "cuda"
    protocol = prepared.protocol if config.protocol == "auto" else config.protocol
    wanted = config.folds or entry(prepared.dataset).folds
    parts = folds(prepared.samples, protocol, wanted, seed=0)
    chosen = genotypes.of(parts) if genotypes else []
    task = make_task(prepared, config.units)
    smallest = min(len(fold.train) for fold in parts)
    schedule = fit_schedule(config, task.units, smallest, large, prepared.dataset)
    networks = _networks(config, chosen, len(parts))
    seeds = range(config.seed, config.seed + config.seeds)
    check_folds(parts, task, seeds, config.epoch_rule)
    return TrainPlan(
        asked=config,
        task=task,
        protocol=protocol,
        folds_wanted=wanted,
        folds=parts,
        networks=networks,
        schedule=schedule,
        epoch_rule=config.epoch_rule,
        seeds=seeds,
        out=config.out or _usual_folder(config, prepared, genotypes),
        pretrained=read_pretrained(config.pretrained, [fold.name for fold in parts]) if config.pretrained else None,
        jobs=config.jobs,
        together=config.together,
        engine=config.engine,
        address=config.address,
        final=config.final,
        pictures=not config.no_pictures,
    )


def fit_schedule(config: TrainConfig, units: bool, samples: int, large: bool, database: str = "") -> Schedule:
    """The epochs, batches and recipe of a training, for a ``large`` machine (a GPU) or a small one.

    ``units``: whether action units are detected; ``samples``: the size of the smallest training part; ``database``
    chooses the recipe. What the user typed stands above all. Raises UserError for options that would do nothing.
    """
    _refuse_unused(config, units)
    # A single sample would leave batch normalisation without a variance.
    batch = max(2, config.batch_size or power_of_two(samples // 8, 8, 64 if large else 32))
    steps = max(1, samples // batch)
    usual = max(60, min(300, 20_000 // steps)) if large else max(20, min(300, 400 // steps))
    epochs = config.epochs or usual
    name = recipe_for(database, units, epochs) if config.recipe == "auto" else config.recipe
    values: dict[str, Any] = dataclasses.asdict(RECIPES[name])
    if units:
        values |= {"label_smoothing": 0.0, "balance": "loss" if values["balance"] == "sampler" else "none"}
    if config.arch:
        values["drop_path"] = 0.0
    values |= {key: getattr(config, key) for key in values if getattr(config, key, None) is not None}
    values["warm_up"] = min(values["warm_up"], epochs - 1)
    return Schedule(epochs, batch, name, Recipe(**values))


def _refuse_unused(config: TrainConfig, units: bool) -> None:
    """Refuse options that would do nothing, so that none is recorded as used. Raises UserError."""
    if units and (config.label_smoothing or config.balance == "sampler"):
        raise UserError(
            "action units take neither --label-smoothing nor --balance sampler; --balance loss weighs rare ones"
        )
    if config.arch and config.drop_path:
        raise UserError("--drop-path belongs to a genotype, not to --arch")


def _networks(config: TrainConfig, genotypes: Sequence[Genotype], count: int) -> list[NetworkPlan]:
    if config.arch:
        return [KnownNetwork(config.arch)] * count
    searched = genotypes[0].cells
    cells = config.cells or searched
    if cells != searched:
        warn(f"the cells were searched in a stack of {searched} and are judged in one of {cells}")
    channels = config.channels or default_channels(genotypes[0].channels)
    return [StackedCells(genotype, cells, channels, not config.no_auxiliary) for genotype in genotypes]


def _usual_folder(config: TrainConfig, prepared: Prepared, genotypes: Genotypes | None) -> Path:
    telling = ["train", prepared.name, genotypes.name if genotypes else str(config.arch)]
    telling += [config.protocol] if config.protocol != "auto" else []
    telling += [config.epoch_rule] if config.epoch_rule != "last" else []
    telling += ["pretrained"] if config.pretrained else []
    telling += [f"seed{config.seed}"] if config.seed else []
    words = "-".join(telling).split("-")
    return Path("runs") / "-".join(dict.fromkeys(words))


#: A hyper-parameter of today -> its key in results.json, which earlier versions read and wrote.
_KEYS = {"ema_decay": "weight_average"}


def recipe_block(plan: TrainPlan) -> dict[str, Any]:
    """The "recipe" of results.json: the options of the training, and what stood behind those that were left open."""
    schedule = plan.schedule
    return {
        **{_KEYS.get(key, key): value for key, value in _options(schedule.recipe).items()},
        "recipe": schedule.recipe_name,
        "epochs": schedule.epochs,
        "batch_size": schedule.batch_size,
        "no_auxiliary": plan.asked.no_auxiliary,
    }


def identity(plan: TrainPlan) -> dict[str, Any]:
    """What a run folder's config.json holds: every option, settled, and the contents of what was read."""
    schedule, network = plan.schedule, plan.networks[0]
    size = {"cells": network.cells, "channels": network.channels} if isinstance(network, StackedCells) else {}
    settled = {
        **plain(plan.asked),
        **_options(schedule.recipe),
        **size,
        "dataset": plan.prepared.name,
        "out": str(plan.out),
        "folds": plan.folds_wanted,
        "units": list(plan.task.names) if plan.task.units else [],
        "recipe": schedule.recipe_name,
        "epochs": schedule.epochs,
        "batch_size": schedule.batch_size,
    }
    contents = {
        "prepared_data": plan.prepared.fingerprint,
        "protocol": plan.protocol,
        "genotype": fingerprint(plan.genotypes),
        "pretrained": plan.pretrained.content if plan.pretrained else None,
    }
    return {**settled, **contents}


def _options(recipe: Recipe) -> dict[str, Any]:
    """The hyper-parameters that are options of the command."""
    names = {field.name for field in dataclasses.fields(TrainConfig)}
    return {key: value for key, value in dataclasses.asdict(recipe).items() if key in names}
