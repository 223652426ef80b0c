"""The options of a training, as the user types them; `plan` settles what they leave open."""

from __future__ import annotations

import dataclasses
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from emonas.errors import UserError
from emonas.evaluate.model.baselines import BaselineName
from emonas.evaluate.train.recipes import RecipeName
from emonas.options.types import (
    Balance,
    Cells,
    Channels,
    Count,
    DeviceName,
    EngineName,
    EpochRule,
    Folds,
    NonNegative,
    Optimiser,
    Positive,
    ProtocolName,
    Rate,
    Seed,
    Seeds,
    Share,
)


@dataclass(frozen=True, kw_only=True)
class TrainConfig:
    """Options of emonas-train; None means: fitted to the genotype, the data and the machine."""

    genotype: Path | None = None
    """Genotype file, or the run folder of a search; with one genotype a fold it is used fold by fold."""
    arch: BaselineName | None = None
    """A well-known network in place of --genotype, to stand beside it under the same protocol."""
    dataset: str | None = None
    """Name of a prepared data set, or its folder. [default: the one that the genotype was searched on]"""
    out: Path | None = None
    """Run folder; the same command again continues it. [default: runs/train-DATASET-GENOTYPE]"""
    protocol: ProtocolName = "auto"
    """Who is tested: fixed, loso (leave one subject out), kfold by subject, or au3 (the three published subject folds
    of DISFA and BP4D). auto = the data set's own."""
    folds: Folds | None = None
    """Folds of --protocol kfold. [default: the data set's own number, see emonas-data describe]"""
    units: tuple[str, ...] = ()
    """Detect these action units (1 2 4 ...) in place of classes. [default: where the set is prepared for it, all]"""
    epoch_rule: EpochRule = "last"
    """Which epoch is judged: last = the last one; inner = the best on some people held out of the training part.
    test-best = the best on the tested people themselves: too high, and only there to see how earlier papers came by
    their numbers; every output says so."""
    seed: Seed = 0
    """The first seed."""
    seeds: Seeds = 1
    """How many seeds; the result gives their mean and spread. More seeds may be added to a finished run."""
    pretrained: Path | None = None
    """Run folder of an earlier emonas-train whose weights are the start. Who was seen there counts as seen."""
    epochs: Positive | None = None
    """Epochs. [default: about 20000 steps' worth on a GPU, 400 on a CPU; at least 60 and 20]"""
    cells: Cells | None = None
    """Cells. [default: as many as in the search]"""
    channels: Channels | None = None
    """Channels of the first cell. [default: 1.5 times the search's, in eights: 16 for 8, 24 for 16]"""
    batch_size: Positive | None = None
    """Samples in a batch. [default: an eighth of the training samples, 8 to 64 on a GPU, 8 to 32 on a CPU]"""
    recipe: RecipeName = "auto"
    """Which of the recipes gives the options that follow; auto = the database's, or plain for a short training on
    stills."""
    optimiser: Optimiser | None = None
    """SGD with momentum, or AdamW. [default: the recipe's, as for all that follow]"""
    learning_rate: Rate | None = None
    """Learning rate; falls as a cosine to zero."""
    weight_decay: NonNegative | None = None
    """Weight decay."""
    warm_up: Count | None = None
    """Epochs in which the learning rate rises."""
    drop_path: Share | None = None
    """Drop-path probability in the last epoch."""
    label_smoothing: Share | None = None
    """Label smoothing."""
    balance: Balance | None = None
    """Rare classes: none, sampler (every class is drawn equally often) or loss (it weighs more)."""
    mixup: NonNegative | None = None
    """Mix samples and their labels; alpha of the Beta distribution, 0 for no."""
    cutout: Share | None = None
    """Side of a square that is erased, as a share of the picture's."""
    ema_decay: Annotated[Share | None, Parameter(name=("--ema-decay", "--weight-average"))] = None
    """Decay of a moving average of the weights, which answers in place of the last ones; 0 for no. --weight-average is
    its earlier name."""
    no_auxiliary: bool = False
    """Train without the auxiliary head."""
    no_pictures: bool = False
    """Leave pictures of people out of the report."""
    final: bool = False
    """Train once more on everybody, after judging, and leave that network in model.safetensors for use."""
    jobs: Positive = 1
    """Folds and seeds trained at the same time, in processes of their own."""
    together: Positive | None = None
    """Folds trained as one network, in steps of all of them, since one small fold does not fill a GPU. [default: as
    many as fit a GPU's memory; 1 on a CPU]"""
    engine: EngineName = "local"
    """local = this machine; ray = an existing Ray cluster that sees the same files."""
    address: str | None = None
    """Address of the Ray cluster, HOST:PORT. [default: the one that Ray finds]"""
    device: DeviceName = "auto"
    """Where to compute; auto takes a GPU where there is one."""


#: What may differ when a run goes on: where and how it is computed, and for how many seeds.
FREE = frozenset({"out", "device", "seeds", "jobs", "together", "engine", "address", "no_pictures", "final"})
#: An option's name in run folders of earlier versions -> its name now.
RENAMED = {"weight_average": "ema_decay"}


def check(config: TrainConfig) -> None:
    """Refuse what cannot be meant. Raises UserError."""
    if (config.genotype is None) == (config.arch is None):
        raise UserError("give either --genotype FILE or --arch NAME")
    if config.arch and not config.dataset:
        raise UserError(f"--arch {config.arch}: say with --dataset what to train it on")
    if config.arch and (config.cells or config.channels):
        raise UserError("--cells and --channels belong to a genotype, not to --arch")
    several = config.together is not None and config.together > 1
    if config.arch and several:
        raise UserError("--together trains searched networks only; use --jobs for --arch")
    if several and (config.jobs > 1 or config.engine != "local"):
        raise UserError("--together trains all in this process; leave out --jobs and --engine")
    if config.engine == "local" and config.address:
        raise UserError("--address is for --engine ray")


def command(config: TrainConfig) -> str:
    """The command line with these options, wherever they were given."""
    words = ["emonas-train"]
    for field in dataclasses.fields(config):
        value = getattr(config, field.name)
        if value == field.default:
            continue
        words.append(f"--{field.name.replace('_', '-')}")
        if not isinstance(value, bool):
            words += [str(one) for one in (value if isinstance(value, tuple) else (value,))]
    return shlex.join(words)
