"""The options of emonas-profile."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from emonas.evaluate.model.baselines import BaselineName
from emonas.options.types import Cells, Channels, DeviceName, Positive, Rate, Side

Classes = Annotated[int, Parameter(validator=Number(gte=2, lte=100_000))]


@dataclass(frozen=True, kw_only=True)
class ProfileConfig:
    """Options of emonas-profile."""

    genotype: Path
    """Genotype file, or the run folder of a search or of a training."""
    size: Side = 112
    """Side of the pictures in pixels."""
    in_channels: Positive = 3
    """Channels of the pictures."""
    classes: Classes | None = None
    """Number of classes. [default: the genotype's]"""
    cells: Cells | None = None
    """Cells. [default: as it was trained, for a training's run folder; else as emonas-train would]"""
    channels: Channels | None = None
    """Channels of the first cell. [default: like --cells]"""
    baselines: tuple[BaselineName | Literal["none"], ...] = (
        "mobilenet_v2",
        "mobilenet_v3_small",
        "vgg16",
        "vgg19",
        "resnet18",
        "resnet50",
    )
    """Networks to measure beside it, for the same pictures and classes; none = it alone."""
    batch: tuple[Positive, ...] = (1, 64)
    """Pictures in a batch; several are measured one after the other."""
    device: DeviceName = "auto"
    """cpu = the CPU's runtimes; cuda = the GPU's; auto = both, where there is a GPU."""
    threads: Positive | None = None
    """CPU threads. [default: all; at batch 1 each network and runtime tries one, too, and the faster way counts]"""
    seconds: Rate = 1.0
    """Seconds to spend on each network, runtime and batch; each is called three times at least."""
    json: bool = False
    """Print JSON."""
