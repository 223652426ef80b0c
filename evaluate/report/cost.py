"""What the judged network costs, as tables of a report."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, get_args

import torch
from msgspec import Meta
from torch import nn

from emonas.console import warn
from emonas.cost import count_macs
from emonas.errors import UserError
from emonas.evaluate.model import baselines
from emonas.evaluate.results.record import Results
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.records import Count, Format, read_record

#: Where the output of emonas-profile --json is looked for in a run folder.
PROFILE = "profile.json"
Speed = Annotated[float, Meta(ge=0, le=1e12)]


@dataclass(frozen=True)
class _Latency:
    batch: Count
    frames_per_second: Speed


@dataclass(frozen=True)
class _Profiled:
    name: str
    parameters: Count
    macs: Count
    weights_bytes: Count
    activation_bytes: Count
    latency: tuple[_Latency, ...]


@dataclass(frozen=True)
class _Machine:
    cpu: str | None = None
    gpu: str | None = None


@dataclass(frozen=True)
class _Profile:
    """What a report takes from the output of emonas-profile --json."""

    size: Count
    machine: _Machine
    models: tuple[_Profiled, ...]


_FORMAT = Format(_Profile, paths=frozenset({"genotype"}))


@dataclass(frozen=True)
class ProfileTable:
    """The names of the columns, a row for each network (its name, its values), and how it was measured."""

    columns: tuple[str, ...]
    rows: tuple[tuple[str, tuple[str, ...]], ...]
    note: str


def make_cost_rows(results: Results, genotypes: Sequence[Genotype]) -> list[tuple[str, str]]:
    """Names and values: parameters, multiply-accumulates, the picture that the network takes."""
    size, channels = results.input.get("size"), results.input.get("channels")
    rows = [("parameters, without the auxiliary head", f"{results.parameters:,}")]
    if size is None or channels is None:
        return rows
    network = _network(results, genotypes)
    if network is not None:
        rows.append(("multiply-accumulates for one picture", f"{count_macs(network, channels, size):,}"))
    return [*rows, ("picture", f"{size} × {size} pixels, {channels} channels")]


def _network(results: Results, genotypes: Sequence[Genotype]) -> nn.Module | None:
    """The judged network without memory for its weights, of which only the shapes are asked for; None if unknown."""
    model, classes = results.model, len(results.classes)
    size, channels = results.input["size"], results.input["channels"]
    with torch.device("meta"):
        if model.arch in get_args(baselines.BaselineName):
            return baselines.build(model.arch, classes, channels, size)  # type: ignore[arg-type]
        if not genotypes:
            return None
        return Network(genotypes[0], classes, size, model.cells, model.channels, channels, auxiliary=False)


def profile_table(out: Path) -> ProfileTable | None:
    """What emonas-profile has measured, from profile.json in the run folder; None where there is none.

    A file of another kind is named in a note on the terminal and left out.
    """
    path = out / PROFILE
    if not path.exists():
        return None
    try:
        profile = read_record(path, _FORMAT)
        batch = min(row.batch for row in profile.models[0].latency)
    except (UserError, ValueError, IndexError):
        warn(f"{path}: not what emonas-profile --json prints; left out of the report")
        return None
    rows = tuple((model.name, _values(model, batch)) for model in profile.models)
    machine, size = profile.machine.gpu or profile.machine.cpu, profile.size
    columns = ("parameters", "MACs", "weights", "activations", f"frames/s, batch {batch}")
    note = f"Pictures of {size} × {size} pixels. Frames per second in each network's fastest runtime, on {machine}."
    return ProfileTable(columns, rows, note)


def _values(model: _Profiled, batch: int) -> tuple[str, ...]:
    speeds = [row.frames_per_second for row in model.latency if row.batch == batch]
    return (
        f"{model.parameters / 1e6:.2f} M",
        f"{model.macs / 1e6:,.0f} M",
        f"{model.weights_bytes / 1e6:.1f} MB",
        f"{model.activation_bytes / 1e6:.1f} MB",
        f"{max(speeds):,.0f}" if speeds else "–",
    )
