"""What a searched network costs beside the baselines, in one run: counted, weighed and timed on the same pictures."""

from __future__ import annotations

import os
import platform
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import torch
from torch import nn

from emonas.console import progress
from emonas.cost import count_macs, count_parameters
from emonas.device import pick_device, seed_everything, versions
from emonas.errors import UserError
from emonas.evaluate.model import baselines
from emonas.evaluate.model.baselines import BaselineName
from emonas.evaluate.model.genotypes import load_genotypes
from emonas.evaluate.profile.config import ProfileConfig
from emonas.evaluate.profile.memory import ACTIVATIONS, WEIGHTS, activation_bytes, weights_bytes
from emonas.evaluate.profile.runtimes import ON_CPU, ON_GPU, RuntimeName, prepare
from emonas.evaluate.profile.timing import METHOD, ROUNDS, Latency, fastest_choices, measure
from emonas.evaluate.results.file import NAME as RESULTS
from emonas.evaluate.results.file import read_results
from emonas.evaluate.train.network import default_channels
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.training.memory import StackSize, require_memory

CONVENTION = "convolutions and matrix products for one picture; torch's FLOPs / 2"


def run_profile(config: ProfileConfig) -> dict[str, Any]:
    """Everything that --json prints: "network" sums up the searched one, "models" lists it first. Raises UserError."""
    device = pick_device(config.device)
    names = _chosen(config.baselines)
    genotype = load_genotypes(config.genotype).any
    cells, channels = make_stack(config, genotype)
    classes = config.classes or len(genotype.classes)
    networks = _build(config, genotype, cells, channels, classes, names)
    runtimes = (ON_CPU if config.device != "cuda" else ()) + (ON_GPU if device.type == "cuda" else ())
    batches = tuple(dict.fromkeys(config.batch))
    threads = (config.threads,) if config.threads else tuple(sorted({1, torch.get_num_threads()}))
    # Before they are timed, which changes the layout of their weights.
    counted = {name: _counted(name, network, config) for name, network in networks.items()}
    latencies, missing = _timed(config, networks, runtimes, batches, threads)
    models = [{**counted[name], "latency": _rows(latencies[name]), "missing": missing[name]} for name in networks]
    return {
        "network": _summary(models[0], latencies[models[0]["name"]], cells, channels),
        "genotype": str(config.genotype),
        "size": config.size,
        "in_channels": config.in_channels,
        "classes": classes,
        "convention": CONVENTION,
        "weights": WEIGHTS,
        "activations": ACTIVATIONS,
        "timing": METHOD,
        "machine": _machine(device, threads[-1]),
        "versions": versions(),
        "models": models,
    }


def make_stack(config: ProfileConfig, genotype: Genotype) -> tuple[int, int]:
    """Cells and channels: as asked for, else as the run folder's training had them, else as one would have them."""
    trained = _trained(config.genotype)
    channels = config.channels or trained.get("channels", default_channels(genotype.channels))
    return config.cells or trained.get("cells", genotype.cells), channels


def _trained(path: Path) -> dict[str, int]:
    """Cells and channels from a training's results.json; nothing where there is none."""
    if not (path / RESULTS).exists():
        return {}
    model = read_results(path).model
    return {key: value for key, value in (("cells", model.cells), ("channels", model.channels)) if value is not None}


def _chosen(names: Sequence[str]) -> list[BaselineName]:
    if "none" in names and len(names) > 1:
        raise UserError("--baselines: none stands alone")
    return [name for name in dict.fromkeys(names) if name != "none"]  # type: ignore[misc]


def _build(
    config: ProfileConfig, genotype: Genotype, cells: int, channels: int, classes: int, names: Sequence[BaselineName]
) -> dict[str, nn.Module]:
    size = StackSize.of(genotype, cells, channels, config.size, config.in_channels)
    needed = size.least_bytes(max(config.batch), copies=1, backward=False)
    require_memory(needed, torch.device("cpu"), f"a network of {cells} cells with {channels} channels")
    seed_everything(0)
    searched = Network(genotype, classes, config.size, cells, channels, config.in_channels, auxiliary=False)
    others = {name: baselines.build(name, classes, config.in_channels, config.size) for name in names}
    return {"searched": searched.eval(), **{name: network.eval() for name, network in others.items()}}


def _counted(name: str, network: nn.Module, config: ProfileConfig) -> dict[str, Any]:
    images = torch.zeros(1, config.in_channels, config.size, config.size)
    return {
        "name": name,
        "parameters": count_parameters(network),
        "macs": count_macs(network, config.in_channels, config.size),
        "weights_bytes": weights_bytes(network),
        "activation_bytes": activation_bytes(network, images),
    }


def _timed(
    config: ProfileConfig,
    networks: dict[str, nn.Module],
    runtimes: tuple[RuntimeName, ...],
    batches: tuple[int, ...],
    threads: tuple[int, ...],
) -> tuple[dict[str, list[Latency]], dict[str, dict[RuntimeName, str]]]:
    """The latencies of each network, and why some are missing."""
    forms = {}
    with progress("preparing", len(networks), quiet=config.json) as step:
        for name, network in networks.items():
            forms[name] = prepare(network, config.size, config.in_channels, runtimes)
            step(name)
    runs = sum(
        len(fastest_choices(runtime, batch, threads))
        for made in forms.values()
        for runtime in runtimes
        if runtime not in made.missing
        for batch in batches
    )
    with progress("measuring", ROUNDS * runs, quiet=config.json) as step:
        latencies = measure(forms, runtimes, batches, threads, config.seconds, step)
    return latencies, {name: made.missing for name, made in forms.items()}


def _rows(latencies: Sequence[Latency]) -> list[dict[str, Any]]:
    return [
        {
            "runtime": latency.runtime,
            "batch": latency.batch,
            "threads": latency.threads,
            "ms": round(latency.ms, 3),
            "least_ms": round(latency.least_ms, 3),
            "frames_per_second": round(latency.frames_per_second, 2),
        }
        for latency in latencies
    ]


def _summary(model: dict[str, Any], latencies: Sequence[Latency], cells: int, channels: int) -> dict[str, Any]:
    """The searched network in short; its frames per second are the best runtime's at the smallest batch."""
    smallest = min(latency.batch for latency in latencies)
    best = max((each for each in latencies if each.batch == smallest), key=lambda each: each.frames_per_second)
    counted = {key: model[key] for key in ("parameters", "macs", "weights_bytes", "activation_bytes")}
    speed = {"frames_per_second": round(best.frames_per_second, 2), "runtime": best.runtime, "batch": smallest}
    return {"cells": cells, "channels": channels, **counted, **speed}


def _machine(device: torch.device, threads: int) -> dict[str, Any]:
    return {
        "cpu": _cpu_name(),
        "cores": os.cpu_count(),
        "threads": threads,
        "load": round(os.getloadavg()[0], 2) if hasattr(os, "getloadavg") else None,
        "gpu": torch.cuda.get_device_name(device) if device.type == "cuda" else None,
    }


def _cpu_name() -> str:
    information = Path("/proc/cpuinfo")
    if information.exists():
        for line in information.read_text(encoding="utf-8", errors="replace").splitlines():
            if line.startswith("model name"):
                return line.split(":", 1)[1].strip()
    return platform.processor() or platform.machine()
