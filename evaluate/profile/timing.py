"""Latencies of several networks in several runtimes, measured in turn, so that all share the machine's moods."""

from __future__ import annotations

import contextlib
import statistics
import time
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import torch

from emonas.evaluate.profile.runtimes import ON_GPU, Forms, Runner, RuntimeName

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

    def warm_up(self) -> None:
        """Call until the runtime has settled."""
        with _threads(self.threads):
            for _ in range(WARM_UP):
                self.runner()

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

    ``threads``: the numbers of threads that are tried at batch 1, where the faster one counts; larger batches take the
    last. ``seconds`` are spent on each of them for each network, runtime and batch; ``step`` is told after each round.
    """
    found: dict[str, list[Latency]] = {name: [] for name in networks}
    with torch.inference_mode():
        for batch in batches:
            runs = [
                _Run(name, runtime, batch, number, forms.runner(runtime, batch, number), [])
                for runtime in runtimes
                for number in fastest_choices(runtime, batch, threads)
                for name, forms in networks.items()
                if runtime not in forms.missing
            ]
            for run in runs:
                run.warm_up()
            for _ in range(ROUNDS):
                for run in runs:
                    run.take(seconds / ROUNDS)
                    step(f"{run.name}, {run.runtime}, batch {batch}")
            for name in networks:
                found[name] += _fastest(run.latency() for run in runs if run.name == name)
    return found


def fastest_choices(runtime: RuntimeName, batch: int, threads: Sequence[int]) -> Sequence[int]:
    """The numbers of CPU threads that are tried."""
    return threads if batch == 1 and runtime not in ON_GPU else threads[-1:]


def _fastest(latencies: Iterable[Latency]) -> list[Latency]:
    """Of each runtime, the one whose number of threads suits it best."""
    best: dict[RuntimeName, Latency] = {}
    for latency in latencies:
        if latency.runtime not in best or latency.ms < best[latency.runtime].ms:
            best[latency.runtime] = latency
    return list(best.values())


@contextlib.contextmanager
def _threads(number: int) -> Iterator[None]:
    before = torch.get_num_threads()
    torch.set_num_threads(number)
    try:
        yield
    finally:
        torch.set_num_threads(before)
