"""Frames that write down who reads them, or end who does, in a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import time
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from made_samples import Greys, prepared_from, still

from emonas.datasets.clips.sample import Sample
from emonas.datasets.store.workers import BATCH_FRAMES


@dataclass(frozen=True)
class Logged(Greys):
    """Frames that write down, in the file READ_LOG, which process has read them; half a second each where SLOWLY."""

    def read(self) -> np.ndarray:
        if "SLOWLY" in os.environ:
            time.sleep(0.5)
        if log := os.environ.get("READ_LOG"):
            with Path(log).open("a") as file:
                file.write(f"{os.getpid()} {self.values[0]}\n")
        return super().read()


@dataclass(frozen=True)
class Deadly(Greys):
    """Frames that end the process that reads them, unless it is the first one."""

    first: int = 0

    def read(self) -> np.ndarray:
        if os.getpid() != self.first:
            os.kill(os.getpid(), signal.SIGKILL)
        return super().read()


def long_clips(count: int = 6) -> list[Sample]:
    """Clips that make a batch each."""
    values = [tuple((7 * i + t) % 256 for t in range(BATCH_FRAMES)) for i in range(count)]
    return [still(v[0], f"s{i}", "ab"[i % 2], frames=Logged(v), onset=0, apex=9) for i, v in enumerate(values)]


def make_long_clips(jobs: int) -> None:
    """Prepare them; what the killed process of a test does."""
    prepared_from(long_clips(), representation="apex", jobs=jobs)


def _content(folder: Path) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in folder.iterdir()}


def _read(log: Path) -> list[tuple[int, int]]:
    lines = log.read_text().splitlines() if log.exists() else []
    return [(int(line.split()[0]), int(line.split()[1])) for line in lines]


def _running(processes: Iterable[int]) -> set[int]:
    def state(process: int) -> str:
        try:
            return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0]
        except FileNotFoundError:
            return "gone"

    return {process for process in processes if state(process) not in ("Z", "X", "gone")}
