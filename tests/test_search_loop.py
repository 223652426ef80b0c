"""A search that is killed at any moment ends as one that never was."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
import torch
from small import QUICK, command, small_macro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator

from emonas import checkpoint
from emonas.genotype import Genotype

EPOCHS = 4


def search(out: str, cwd: Path) -> subprocess.CompletedProcess[str]:
    return command("search", "--dataset", "small", "--epochs", EPOCHS, "--out", out, *QUICK, cwd=cwd)


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


def test_a_killed_search_ends_bit_for_bit_like_one_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    small_macro(monkeypatch)
    whole = search("whole", tmp_path)
    assert whole.returncode == 0, whole.stderr
    line = ["--dataset", "small", "--epochs", EPOCHS, "--out", "cut", *QUICK]
    for delay in (0.0, 0.15):
        kill_after_a_while("search", line, tmp_path, tmp_path / "cut" / "checkpoint.pt", delay)
    again = search("cut", tmp_path)
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stdout
    assert (tmp_path / "cut/genotype.json").read_text() == (tmp_path / "whole/genotype.json").read_text()
    states = [checkpoint.load(tmp_path / run / "checkpoint.pt") for run in ("cut", "whole")]
    assert same_tensors(*states)


def test_tensorboard_shows_a_search_at_work(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_macro(monkeypatch)
    assert search("run", tmp_path).returncode == 0
    events = EventAccumulator(str(tmp_path / "run"), {"scalars": 0, "images": 0, "histograms": 0}).Reload()
    scalars = set(events.Tags()["scalars"])
    assert {"loss/weights", "loss/alphas", "accuracy/weights", "accuracy/alphas"} <= scalars
    assert {"alpha_entropy/normal", "skip_connections/normal", "skip_connections/reduction"} <= scalars
    assert set(events.Tags()["images"]) == {"alphas", "cells"}
    assert set(events.Tags()["histograms"]) == {"alphas/normal", "alphas/reduction"}
    assert [event.step for event in events.Scalars("loss/weights")] == list(range(EPOCHS))


def test_a_finished_search_is_read_back(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    small_macro(monkeypatch)
    first = search("run", tmp_path)
    assert "about" in first.stdout, "the expected time is told beforehand"
    before = (tmp_path / "run" / "checkpoint.pt").stat().st_mtime_ns
    assert search("run", tmp_path).returncode == 0
    assert (tmp_path / "run" / "checkpoint.pt").stat().st_mtime_ns == before
    genotype = Genotype.load(tmp_path / "run" / "genotype.json")
    assert genotype.cells == 3 and genotype.provenance.dataset == "small"
    assert (tmp_path / "run" / "cells.png").stat().st_size > 1000
