"""Latencies of several networks in several runtimes, measured in turn, so that all share the machine's moods."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from .runtimes import ON_GPU, Forms, Runner, RuntimeName

ROUNDS = 3
#: Calls before anything is timed: TorchScript settles in its first two.
WARM_UP = 3
METHOD = f"median of the calls in {ROUNDS} rounds, networks in turn; see --threads"


@dataclass(frozen=True)
class Latency:
    """Milliseconds that a batch takes: the median of all calls, and the least, which other programs disturb less."""

    runtime: RuntimeName
    batch: int
    threads: int
    ms: float
    least_ms: float

    @property
    def frames_per_second(self) -> float:
        """Pictures answered in a second."""
        return 1000 * self.batch / self.ms


@dataclass
class _Run:
    """One network in one runtime at one batch size, and the seconds of its calls so far."""

    name: str
    runtime: RuntimeName
    batch: int
    threads: int
    runner: Runner
    seconds: list[float]

    def take(self, budget: float) -> None:
        """Call for ``budget`` seconds, once at least; one call before is not counted."""
        with _threads(self.threads):
            self.runner()
            until = time.perf_counter() + budget
            while True:
                start = time.perf_counter()
                self.runner()
                end = time.perf_counter()
                self.seconds.append(end - start)
                if end >= until:
                    return

    def latency(self) -> Latency:
        """What was measured."""
        median, least = statistics.median(self.seconds), min(self.seconds)
        return Latency(self.runtime, self.batch, self.threads, 1000 * median, 1000 * least)


def measure(
    networks: Mapping[str, Forms],
    runtimes: Sequence[RuntimeName],
    batches: Sequence[int],
    threads: Sequence[int],
    seconds: float,
    step: Callable[[str], None],
) -> dict[str, list[Latency]]:
    """The latencies of each network, by its name.

    ``threads``: the numbers of threads that a network may choose from at batch 1; larger batches take the last.
    ``seconds`` are spent on each network, runtime and batch; ``step`` is told after each of their rounds.
    """
    found: dict[str, list[Latency]] = {name: [] for name in networks}
    with torch.inference_mode():
        for batch in batches:
            runs = [
                _fastest(name, forms, runtime, batch, threads if batch == 1 else threads[-1:], seconds)
                for runtime in runtimes
                for name, forms in networks.items()
                if runtime not in forms.missing
            ]
            for _ in range(ROUNDS):
                for run in runs:
                    run.take(seconds / ROUNDS)
                    step(f"{run.name}, {run.runtime}, batch {batch}")
            for run in runs:
                found[run.name].append(run.latency())
    return found


def _fastest(name: str, forms: Forms, runtime: RuntimeName, batch: int, threads: Sequence[int], seconds: float) -> _Run:
    """Warm up, and find the number of threads that suits this network in this runtime."""
    numbers = threads[-1:] if runtime in ON_GPU else threads
    runs = [_Run(name, runtime, batch, number, forms.runner(runtime, batch, number), []) for number in numbers]
    for run in runs:
        with _threads(run.threads):
            for _ in range(WARM_UP):
                run.runner()
    if len(runs) > 1:
        for _ in range(ROUNDS):
            for run in runs:
                run.take(seconds / ROUNDS / 4)
    best = min(runs, key=lambda run: statistics.median(run.seconds) if run.seconds else 0.0)
    best.seconds.clear()
    return best


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
