"""Commands that are killed in the middle, and states that must be equal afterwards."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import torch


def kill_after_a_while(module: str, arguments: list[object], cwd: Path, marker: Path, delay: float) -> None:
    """Start a command, wait until it has written ``marker`` and ``delay`` seconds more, and kill it."""
    line = [sys.executable, "-m", f"emonas.{module}.cli", *map(str, arguments)]
    process = subprocess.Popen(line, cwd=cwd, env=dict(os.environ), stdout=subprocess.DEVNULL)
    while not marker.exists() and process.poll() is None:
        time.sleep(0.01)
    time.sleep(delay)
    process.send_signal(signal.SIGKILL)
    process.wait()


def same_tensors(left: object, right: object) -> bool:
    if isinstance(left, torch.Tensor):
        return torch.equal(left, right)  # type: ignore[arg-type]
    if isinstance(left, dict):
        return left.keys() == right.keys() and all(same_tensors(left[k], right[k]) for k in left)  # type: ignore
    if isinstance(left, (list, tuple)):
        return len(left) == len(right) and all(map(same_tensors, left, right))  # type: ignore
    return left == right
