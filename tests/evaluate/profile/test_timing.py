"""Measuring in turn: who takes part, with how many threads, and what a latency says. No clock is judged here."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
import torch
from torch import Tensor, nn

from emonas.evaluate.profile.runtimes import Forms, RuntimeName, freeze, prepare
from emonas.evaluate.profile.timing import ROUNDS, Latency, measure


class Counted(nn.Module):
    """Notes its name, the number of pictures and torch's threads at each call, and takes a while."""

    def __init__(self, name: str, calls: list[tuple[str, int, int]], pause: Callable[[int], float]) -> None:
        super().__init__()
        self.name, self.calls, self.pause = name, calls, pause

    def forward(self, images: Tensor) -> Tensor:
        self.calls.append((self.name, len(images), torch.get_num_threads()))
        time.sleep(self.pause(torch.get_num_threads()))
        return images


def counted(
    names: str, calls: list[tuple[str, int, int]], pause: Callable[[int], float] = lambda _: 0.0
) -> dict[str, Forms]:
    return {name: Forms(4, 3, {"eager": Counted(name, calls, pause)}, None, {}) for name in names}


def quiet(note: str) -> None:
    """A step that nobody watches."""


def test_networks_are_measured_in_turn_round_by_round() -> None:
    calls: list[tuple[str, int, int]] = []
    notes: list[str] = []
    measure(counted("abc", calls), ["eager"], [2], [1], 1e-9, notes.append)
    assert [note[0] for note in notes] == list("abc") * ROUNDS
    # Of each block of calls, the name.
    order = [name for i, (name, *_) in enumerate(calls) if i == 0 or calls[i - 1][0] != name]
    # One block before, to warm up.
    assert order == list("abc") * (1 + ROUNDS)
    assert {pictures for _, pictures, _ in calls} == {2}


def test_each_batch_size_and_runtime_gets_a_latency_and_what_is_missing_does_not() -> None:
    networks = counted("ab", [])
    networks["b"].missing["eager"] = "not to be had"
    found = measure(networks, ["eager"], [1, 3], [1], 1e-9, quiet)
    assert [(row.runtime, row.batch) for row in found["a"]] == [("eager", 1), ("eager", 3)]
    assert found["b"] == []
    assert all(0 < row.least_ms <= row.ms for row in found["a"])


@pytest.mark.parametrize(("slow", "chosen"), [(2, 1), (1, 2)])
def test_at_batch_1_the_faster_number_of_threads_is_taken(slow: int, chosen: int) -> None:
    def pause(threads: int) -> float:
        return 0.05 if threads == slow else 0.0

    before = torch.get_num_threads()
    rows = measure(counted("a", [], pause), ["eager"], [1, 4], [1, 2], 1e-9, quiet)["a"]
    assert [row.threads for row in rows] == [chosen, 2]
    assert torch.get_num_threads() == before


def test_frames_per_second_count_pictures_not_batches() -> None:
    assert Latency("eager", batch=64, threads=1, ms=500, least_ms=400).frames_per_second == 128


def test_every_form_gives_the_answers_of_the_network() -> None:
    torch.manual_seed(0)
    network = nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5), nn.ReLU(), nn.Flatten(), nn.Linear(5 * 36, 2))
    network[1].running_mean.normal_()
    runtimes: tuple[RuntimeName, ...] = ("eager", "fused")
    forms = prepare(network, 8, 3, runtimes)
    network.eval()
    for batch in (1, 4):
        images = torch.randn(batch, 3, 8, 8)
        for name in runtimes:
            assert torch.allclose(forms.modules[name](images), network(images), atol=1e-6)
            assert forms.runner(name, batch, 1)() is not None


def test_the_fused_form_has_no_normalisation_left() -> None:
    fused = freeze(nn.Sequential(nn.Conv2d(3, 5, 3), nn.BatchNorm2d(5)).eval(), 8, 3)
    assert "batch_norm" not in str(fused.inlined_graph)
    assert "conv" in str(fused.inlined_graph)
