"""A profile on the terminal, or as JSON."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from emonas.console import say, show_json, show_table
from emonas.evaluate.profile.runtimes import ON_CPU, ON_GPU, TITLES, RuntimeName


def show_profile(profile: Mapping[str, Any], as_json: bool) -> None:
    """Print a profile: what each network costs, and a table of speeds for each batch size."""
    if as_json:
        show_json(profile)
        return
    searched = profile["network"]
    size, models = profile["size"], profile["models"]
    say(
        f"searched: {profile['genotype']}, {searched['cells']} cells, {searched['channels']} channels; "
        f"pictures {profile['in_channels']} x {size} x {size}, {profile['classes']} classes"
    )
    rows = [
        (
            model["name"],
            f"{model['parameters'] / 1e6:.2f} M",
            f"{model['macs'] / 1e6:,.0f} M",
            f"{model['weights_bytes'] / 1e6:.1f} MB",
            f"{model['activation_bytes'] / 1e6:.1f} MB",
        )
        for model in models
    ]
    show_table("Cost", ("", "parameters", "MACs", "weights", "activations"), rows, (1, 2, 3, 4))
    for batch in dict.fromkeys(row["batch"] for row in models[0]["latency"]):
        # Apart, since all of them would be wider than a terminal.
        _show_speeds(models, batch, ON_CPU)
        _show_speeds(models, batch, ON_GPU)
    _explain(profile)


def _show_speeds(models: Sequence[Mapping[str, Any]], batch: int, among: Sequence[RuntimeName]) -> None:
    """Frames per second of every network in those of these runtimes that were asked for."""
    timed = {row["runtime"] for model in models for row in model["latency"]}
    asked = timed.union(*(model["missing"] for model in models))
    runtimes = [name for name in among if name in asked]
    if not runtimes:
        return
    rows = []
    for model in models:
        found = {row["runtime"]: row for row in model["latency"] if row["batch"] == batch}
        cells = [_speed(found[name]) if name in found else "missing" for name in runtimes]
        rows.append((model["name"], *cells))
    title = f"Frames per second at batch {batch} (milliseconds of a batch)"
    show_table(title, ("", *(TITLES[name] for name in runtimes)), rows, range(1, len(runtimes) + 1))


def _speed(row: Mapping[str, Any]) -> str:
    speed, ms = row["frames_per_second"], row["ms"]
    return f"{speed:.{0 if speed >= 100 else 1}f} ({ms:,.{0 if ms >= 100 else 1}f})"


def _explain(profile: Mapping[str, Any]) -> None:
    """What was counted, and on what it was measured."""
    machine, searched = profile["machine"], profile["network"]
    reasons = {f"{TITLES[name]}: {why}" for model in profile["models"] for name, why in model["missing"].items()}
    for reason in sorted(reasons):
        say(f"missing      {reason}")
    say(f"MACs         {profile['convention']}")
    say(f"weights      {profile['weights']}")
    say(f"activations  {profile['activations']}")
    say(f"speed        {profile['timing']}")
    gpu = f"; {machine['gpu']}" if machine["gpu"] else ""
    threads = "1 thread" if machine["threads"] == 1 else f"{machine['threads']} threads"
    load = f", load {machine['load']}" if machine["load"] is not None else ""
    say(f"machine      {machine['cpu']}, {machine['cores']} cores, {threads}{load}{gpu}")
    say(f"searched     {searched['frames_per_second']:.1f} frames per second at best ({TITLES[searched['runtime']]})")
