"""Where to compute, and seeds that never meet."""

from __future__ import annotations

import time

import pytest
import torch

import emonas
from emonas.device import (
    announce,
    describe_device,
    epoch_seed,
    mixed_precision,
    pick_device,
    seconds_per_call,
    seed_everything,
    versions,
)
from emonas.errors import UserError
from emonas.options.types import DeviceName


@pytest.mark.parametrize(
    ("name", "gpu", "expected"),
    [("auto", False, "cpu"), ("auto", True, "cuda"), ("cpu", True, "cpu"), ("cuda", True, "cuda")],
)
def test_device_by_name(name: DeviceName, gpu: bool, expected: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: gpu)
    assert pick_device(name) == torch.device(expected)


def test_a_gpu_that_is_not_there_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(torch.cuda, "is_available", lambda: False)
    with pytest.raises(UserError, match=r"--device cuda: no usable GPU.*--device cpu or auto"):
        pick_device("cuda")


def test_cpu_in_words() -> None:
    assert describe_device(torch.device("cpu")).startswith("CPU, ")


def test_seeds_of_epochs_and_streams_never_meet() -> None:
    seeds = [epoch_seed(seed, epoch) + stream for seed in range(8) for epoch in range(200) for stream in (0, 1, 999)]
    assert len(set(seeds)) == len(seeds)


@pytest.mark.parametrize(("seed", "epoch"), [(0, 0), (2**31 - 1, 10**6)])
def test_torch_takes_every_seed(seed: int, epoch: int) -> None:
    seed_everything(epoch_seed(seed, epoch))
    drawn = torch.rand(3)
    seed_everything(epoch_seed(seed, epoch))
    assert torch.equal(torch.rand(3), drawn)


def test_the_cpu_computes_in_full_precision() -> None:
    with mixed_precision(torch.device("cpu")):
        assert (torch.randn(2, 2) @ torch.randn(2, 2)).dtype == torch.float32


def test_versions_name_what_a_result_depends_on() -> None:
    found = versions()
    assert (found["emonas"], found["torch"]) == (emonas.__version__, torch.__version__)
    assert all(isinstance(value, str) and value for value in found.values())


def test_the_last_call_is_timed_and_the_others_warm_up() -> None:
    pauses = iter([0.2, 0.01])
    assert 0.01 <= seconds_per_call(lambda: time.sleep(next(pauses)), torch.device("cpu"), calls=2) < 0.2
    assert next(pauses, None) is None


def test_what_will_run_is_announced_with_its_time(capsys: pytest.CaptureFixture[str]) -> None:
    announce("searching", 40.0, torch.device("cpu"))
    assert capsys.readouterr().out.startswith("searching; about 40 s on CPU, ")
