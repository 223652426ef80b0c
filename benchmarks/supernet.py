"""The fast supernet against its edge-by-edge form, in turn, in one run: times, medians, ratios, peak memory.

    python benchmarks/supernet.py --json supernet.json
    python benchmarks/supernet.py --device cuda --batch 64 --graphs

The reference does what the field's code does: each operation of each edge computed and multiplied by its alpha, NCHW
activations, 1x1 convolutions as convolutions, all gradients computed in both halves of a step. Each form lives in a
process of its own, which waits while the other is measured: they share no heap, and its peak is its own.

On a CPU the unit is CPU seconds in float32; on a GPU device milliseconds between events, both forms in bfloat16
autocast where the GPU has it, with the number of kernels beside them. The floor: both forms do the same convolutions.
"""

from __future__ import annotations

import contextlib
import json
import multiprocessing
import statistics
import sys
import time
from collections.abc import Callable
from dataclasses import asdict, dataclass
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Annotated, Literal

import torch
import torch.nn.functional as F
from cyclopts import Parameter
from rich.console import Console
from rich.table import Table
from torch import Tensor, nn
from torch.profiler import ProfilerActivity, profile

sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))
from edge_by_edge import PlainSupernet

from emonas.console import command_line, run
from emonas.device import mixed_precision
from emonas.operations.modules import Pointwise
from emonas.search.controller import Controller
from emonas.search.strategies.bilevel import Bilevel, BilevelPlan
from emonas.supernet.supernet import Supernet
from emonas.training.losses import RunningMean

Form = Literal["reference", "fast"]
FORMS: tuple[Form, ...] = ("reference", "fast")
WORKS = ("forward", "backward", "first_order", "second_order")


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
    device: Literal["cpu", "cuda"] = "cpu"
    graphs: bool = False
    """Let the fast form replay its first-order step as CUDA graphs."""
    json: Path | None = None
    """Write the figures to this file."""


def network(form: Form, settings: Settings) -> nn.Module:
    """One of the two forms."""
    torch.manual_seed(0)
    kind = Supernet if form == "fast" else PlainSupernet
    made = kind(settings.classes, settings.cells, settings.channels, settings.size)
    if settings.stem_stride:
        made.stem[-2].stride = (settings.stem_stride, settings.stem_stride)
    if form == "reference":
        for module in made.modules():
            if isinstance(module, Pointwise):
                module.__class__ = nn.Conv2d  # type: ignore[assignment]
    return made


def bilevel(form: Form, order: int, settings: Settings) -> Bilevel:
    """The step of emonas on either form."""
    plan = BilevelPlan(
        epochs=1,
        learning_rate=0.025,
        min_learning_rate=0.001,
        alpha_rate=3e-4,
        order=order,
        cuda_graphs=settings.graphs and form == "fast" and order == 1,
    )
    made = Bilevel(Controller(network(form, settings)), plan, torch.device(settings.device))  # type: ignore[arg-type]
    if form == "reference":
        made.controller.to(memory_format=torch.contiguous_format)
    return made


def batch_of(settings: Settings) -> tuple[Tensor, Tensor]:
    """Random pictures and labels."""
    images = torch.randn(settings.batch, 3, settings.size, settings.size, device=settings.device)
    return images, torch.arange(settings.batch, device=settings.device) % settings.classes


def works(form: Form, settings: Settings) -> dict[str, Callable[[], object]]:
    """What is timed, by name."""
    first, second = bilevel(form, 1, settings), bilevel(form, 2, settings)
    controller, batch = first.controller, batch_of(settings)
    images, labels = batch

    def loss() -> Tensor:
        with mixed_precision(first.device):
            return F.cross_entropy(controller(images), labels)

    def forward() -> None:
        with torch.no_grad():
            loss()

    def backward() -> None:
        loss().backward()
        controller.zero_grad()

    def field_step() -> None:
        for optimiser in (first.alpha_optimiser, first.weight_optimiser):
            controller.zero_grad()
            loss().backward()
            nn.utils.clip_grad_norm_(controller.weights(), 5.0)
            optimiser.step()

    def our_step() -> None:
        first.alpha_step(batch, batch, RunningMean())
        first.weight_step(batch, RunningMean())

    def unrolled_step() -> None:
        second.alpha_step(batch, batch, RunningMean())
        second.weight_step(batch, RunningMean())

    steps = field_step if form == "reference" else our_step
    return dict(zip(WORKS, (forward, backward, steps, unrolled_step), strict=True))


def serve(form: Form, settings: Settings, line: Connection) -> None:
    """Answer with what a named work took, until told to stop; then with the peak memory in MB."""
    torch.set_num_threads(settings.threads)
    torch.backends.cuda.matmul.allow_tf32 = torch.backends.cudnn.allow_tf32 = True
    known = works(form, settings)
    while (name := line.recv()) != "stop":
        if name == "kernels":
            line.send({work: kernels(known[work]) for work in WORKS})
        else:
            line.send(seconds(known[name], settings))
        if name == "first_order":
            peak = peak_memory(settings)
    line.send(peak)


def seconds(work: Callable[[], object], settings: Settings) -> float:
    """CPU seconds, or seconds between two events on the device."""
    if settings.device == "cpu":
        start = time.process_time()
        work()
        return time.process_time() - start
    before, after = (torch.cuda.Event(enable_timing=True) for _ in range(2))
    torch.cuda.synchronize()
    before.record()
    work()
    after.record()
    torch.cuda.synchronize()
    return float(before.elapsed_time(after)) / 1000


def kernels(work: Callable[[], object]) -> int:
    """How many kernels and copies were launched on the device."""
    with profile(activities=[ProfilerActivity.CUDA]) as record:
        work()
        torch.cuda.synchronize()
    return sum(event.count for event in record.key_averages() if event.device_type == torch.autograd.DeviceType.CUDA)


def peak_memory(settings: Settings) -> float:
    """Peak memory so far in MB: resident of this process, or allocated on the device."""
    if settings.device == "cuda":
        return torch.cuda.max_memory_allocated() / 2**20
    # Not getrusage: its maximum is carried over from the process that started this one.
    status = Path("/proc/self/status").read_text()
    return int(status.split("VmHWM:")[1].split()[0]) / 1024


def measure(settings: Settings) -> tuple[dict[str, dict[Form, float]], dict[Form, float], dict[Form, dict[str, int]]]:
    """Median seconds of each work, peak memory of a first-order step, and on a GPU kernels, for both forms in turn."""
    context = multiprocessing.get_context("spawn")
    lines: dict[Form, Connection] = {}
    with contextlib.ExitStack() as ends:
        for form in FORMS:
            lines[form], theirs = context.Pipe()
            process = context.Process(target=serve, args=(form, settings, theirs), daemon=True)
            process.start()
            ends.callback(process.terminate)
        taken: dict[str, dict[Form, list[float]]] = {name: {form: [] for form in FORMS} for name in WORKS}
        peaks: dict[Form, float] = {}
        for name in WORKS:  # the second order last, so that the peak is that of a first-order step
            for turn in range(settings.rounds + 1):
                for form, line in lines.items():
                    line.send(name)
                    value = line.recv()
                    if turn:  # the first one warms up
                        taken[name][form].append(value)
        counts: dict[Form, dict[str, int]] = {}
        for form, line in lines.items():
            if settings.device == "cuda":
                line.send("kernels")
                counts[form] = line.recv()
            line.send("stop")
            peaks[form] = line.recv()
    medians = {name: {form: statistics.median(values) for form, values in both.items()} for name, both in taken.items()}
    return medians, peaks, counts


app = command_line("benchmarks/supernet.py", "The fast supernet against its edge-by-edge form.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """The fast supernet against its edge-by-edge form."""
    medians, peaks, counts = measure(settings)
    figures = {f"{name}_ratio": both["reference"] / both["fast"] for name, both in medians.items()}
    figures["memory_ratio"] = peaks["reference"] / peaks["fast"]
    unit, scale = ("CPU s", 1) if settings.device == "cpu" else ("ms", 1000)
    table = Table("", "reference", "fast", "ratio", box=None)
    for name, both in medians.items():
        numbers = [f"{both[form] * scale:.2f}" for form in FORMS]
        table.add_row(f"{name}, {unit}", *numbers, f"{figures[name + '_ratio']:.2f}")
    table.add_row("peak memory, MB", *(f"{peaks[form]:.0f}" for form in FORMS), f"{figures['memory_ratio']:.2f}")
    for name in WORKS if counts else ():
        table.add_row(f"{name}, kernels", *(str(counts[form][name]) for form in FORMS), "")
    Console().print(table)
    if settings.json:
        kept = {key: value for key, value in asdict(settings).items() if key != "json"}
        content = {**figures, "seconds": medians, "memory_mb": peaks, "kernels": counts, "settings": kept}
        settings.json.write_text(json.dumps({**content, "torch": torch.__version__}, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
