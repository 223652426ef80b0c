"""The fast supernet against its edge-by-edge form, in turn, in one run: CPU seconds, medians, ratios, peak memory.

    python benchmarks/supernet.py --json supernet.json

The reference does what the field's code does: alphas multiplied onto each operation's output, NCHW activations, all
gradients computed in both halves of a step. The floor: both do the same convolutions, half of the fast form's time.
"""

from __future__ import annotations

import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests"))
from edge_by_edge import PlainSupernet, copy_parameters

from emonas.console import command_line, run
from emonas.search.bilevel import Bilevel, BilevelPlan
from emonas.search.searcher import Searcher
from emonas.supernet import Supernet
from emonas.trainer import Tally

Form = Literal["reference", "fast"]


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is measured. The defaults are those of the first published comparison: the stem keeps the resolution."""

    batch: int = 8
    size: int = 64
    channels: int = 16
    cells: int = 8
    classes: int = 7
    stem_stride: int = 1
    """1 keeps the resolution, 0 lets the stem fit the size as emonas does."""
    rounds: int = 5
    threads: int = 1
    json: Path | None = None
    """Write the figures to this file."""
    only: Form | None = None
    """Run one form's step alone and print its peak memory; used by the benchmark itself."""


def networks(settings: Settings) -> dict[Form, nn.Module]:
    """Both forms with the same parameters."""
    torch.manual_seed(0)
    shape = (settings.classes, settings.cells, settings.channels, settings.size)
    fast, plain = Supernet(*shape), PlainSupernet(*shape)
    if settings.stem_stride:
        for network in (fast, plain):
            network.stem[-2].stride = (settings.stem_stride, settings.stem_stride)
    copy_parameters(fast, plain)
    return {"reference": plain, "fast": fast}


def batch_of(settings: Settings) -> tuple[Tensor, Tensor]:
    """Random pictures and labels."""
    images = torch.randn(settings.batch, 3, settings.size, settings.size)
    return images, torch.arange(settings.batch) % settings.classes


def works(form: Form, network: nn.Module, settings: Settings) -> dict[str, Callable[[], None]]:
    """What is timed, by name."""
    searcher = Searcher(network)  # type: ignore[arg-type]
    bilevel = Bilevel(searcher, BilevelPlan(epochs=1), torch.device("cpu"))
    if form == "reference":
        searcher.to(memory_format=torch.contiguous_format)
    images, labels = batch_of(settings)

    def forward() -> None:
        with torch.no_grad():
            searcher(images)

    def backward() -> None:
        F.cross_entropy(searcher(images), labels).backward()
        searcher.zero_grad()

    def field_step() -> None:
        for optimiser in (bilevel.alpha_optimiser, bilevel.weight_optimiser):
            searcher.zero_grad()
            F.cross_entropy(searcher(images), labels).backward()
            nn.utils.clip_grad_norm_(searcher.weights(), 5.0)
            optimiser.step()

    def our_step() -> None:
        bilevel.alpha_step((images, labels), Tally())
        bilevel.weight_step((images, labels), Tally())

    return {
        "forward": forward,
        "backward": backward,
        "first_order": field_step if form == "reference" else our_step,
    }


def measure(settings: Settings) -> dict[str, dict[Form, float]]:
    """Median CPU seconds of each work for both forms, A and B in turn."""
    both = {form: works(form, network, settings) for form, network in networks(settings).items()}
    seconds: dict[str, dict[Form, list[float]]] = {}
    for turn in range(settings.rounds + 1):
        for name in both["fast"]:
            for form, of_form in both.items():
                start = time.process_time()
                of_form[name]()
                if turn:  # the first one warms up
                    seconds.setdefault(name, {}).setdefault(form, []).append(time.process_time() - start)
    return {name: {form: statistics.median(s) for form, s in forms.items()} for name, forms in seconds.items()}


def peak_memory(settings: Settings, form: Form) -> float:
    """Peak resident memory in MB of first-order steps in a process of its own."""
    given = {key: value for key, value in asdict(settings).items() if key not in ("json", "only")}
    flags = [text for key, value in given.items() for text in (f"--{key.replace('_', '-')}", str(value))]
    line = [sys.executable, __file__, "--only", form, *flags]
    return float(subprocess.run(line, capture_output=True, text=True, check=True).stdout)


def one_form(settings: Settings) -> None:
    """Run two steps of one form and print the process's peak memory in MB."""
    assert settings.only
    step = works(settings.only, networks(settings)[settings.only], settings)["first_order"]
    for _ in range(2):
        step()
    # Not getrusage: its maximum is carried over from the process that started this one.
    status = Path("/proc/self/status").read_text()
    sys.stdout.write(str(int(status.split("VmHWM:")[1].split()[0]) / 1024))


app = command_line("benchmarks/supernet.py", "The fast supernet against its edge-by-edge form.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """The fast supernet against its edge-by-edge form."""
    torch.set_num_threads(settings.threads)
    if settings.only:
        one_form(settings)
        return
    seconds = measure(settings)
    memory = {form: peak_memory(settings, form) for form in ("reference", "fast")}
    figures = {f"{name}_ratio": both["reference"] / both["fast"] for name, both in seconds.items()}
    figures["memory_ratio"] = memory["reference"] / memory["fast"]
    table = Table("", "reference", "fast", "ratio", box=None)
    for name, both in seconds.items():
        table.add_row(
            f"{name}, CPU s", *(f"{both[f]:.2f}" for f in ("reference", "fast")), f"{figures[name + '_ratio']:.2f}"
        )
    table.add_row("peak memory, MB", *(f"{memory[f]:.0f}" for f in memory), f"{figures['memory_ratio']:.2f}")
    Console().print(table)
    if settings.json:
        kept = {key: value for key, value in asdict(settings).items() if key not in ("json", "only")}
        content = {**figures, "seconds": seconds, "memory_mb": memory, "settings": kept, "torch": torch.__version__}
        settings.json.write_text(json.dumps(content, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
