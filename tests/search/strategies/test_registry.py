"""What holds for every strategy: it finishes, says what it is, survives a kill, and its genotype trains."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
import torch
from killing import same_tensors
from small import QUICK, call, small_macro
from tiny_search import CPU, batches, hurry, kill_at_save, killed_while, pictures, plan, task

from emonas.evaluate.train.cli import app as train
from emonas.genotype import Genotype
from emonas.search import loop
from emonas.search.cli import app
from emonas.search.loop import search, seconds_per_step
from emonas.search.strategies.registry import STRATEGIES, build
from emonas.search.strategy import Strategy
from emonas.training import checkpoint

NAMES = sorted(STRATEGIES)


@pytest.fixture
def without_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loop.TensorBoardLog, "epoch", lambda *arguments: None)
    monkeypatch.setattr(loop, "draw_genotype", lambda genotype: None)
    monkeypatch.setattr(loop, "save_figure", lambda figure, path: None)


def test_the_strategies_are_those_that_the_command_names(capsys: pytest.CaptureFixture[str]) -> None:
    said = call(app, ["--help"], capsys).stdout
    assert all(name in said for name in NAMES)
    assert set(NAMES) == {"emonas", "darts", "pdarts", "pcdarts", "random"}


@pytest.mark.parametrize("name", NAMES)
def test_finishes_and_its_genotype_trains(
    name: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    without_pictures: None,
) -> None:
    small_macro(monkeypatch)
    monkeypatch.chdir(tmp_path)
    # A quarter of the channels must be a whole number.
    options = [*("4" if option == "2" else option for option in QUICK), "--epochs", "1", "--dataset", "small"]
    ranking = ["--candidates", "2", "--rank-epochs", "1"]
    done = call(app, [*options, *ranking, "--strategy", name, "--out", "found"], capsys)
    assert done.returncode == 0, done.stderr
    genotype = Genotype.load(tmp_path / "found" / "genotype.json")
    assert genotype.provenance.strategy == name
    assert (genotype.cells, genotype.channels, genotype.reductions) == (3, 4, ())
    assert genotype.normal.nodes == genotype.reduction.nodes == 4
    done = call(train, [*options, "--genotype", "found/genotype.json", "--out", "trained"], capsys)
    assert done.returncode == 0, done.stderr
    assert json.loads((tmp_path / "trained" / "results.json").read_text())


def contents(folder: Path) -> dict[str, Any]:
    """All that a search has written, but TensorBoard's events and files' times."""
    texts = {path.name: path.read_text() for path in sorted(folder.rglob("*.json"))}
    return {**texts, "checkpoint": checkpoint.load(folder / "checkpoint.pt")}


@pytest.mark.parametrize(
    ("name", "before"), [*((name, False) for name in NAMES), ("emonas", True), ("pdarts", True)], ids=str
)
def test_a_killed_search_ends_bit_for_bit_like_one_never_killed(
    name: str, before: bool, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Killed at a checkpoint, before or after it is written; pdarts in the middle of its second stage."""
    hurry(monkeypatch)
    epochs, number = (6, 3) if name == "pdarts" else (3, 2)
    numbers = plan(strategy=name, epochs=epochs, candidates=3, batch_size=12, hessian_every=2 * (name == "emonas"))

    def run(folder: str) -> Genotype:
        return search(task(tmp_path / folder, name), numbers, pictures())

    def run_and_die() -> None:
        kill_at_save(number, before)
        run("cut")

    whole = run("whole")
    killed_while(run_and_die)
    assert not (tmp_path / "cut" / "genotype.json").exists()
    assert len(list((tmp_path / "cut" / "genotypes").iterdir())) == number
    assert run("cut") == whole
    left, right = contents(tmp_path / "cut"), contents(tmp_path / "whole")
    assert len(left) == epochs + 2 and left.keys() == right.keys()
    for key in left:
        assert same_tensors(left[key], right[key]), key


@pytest.mark.parametrize("name", NAMES)
def test_one_seed_gives_one_search_and_another_seed_another(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)
    found = []
    for seed in (0, 0, 1):
        torch.manual_seed(seed)
        strategy = build(plan(strategy=name, seed=seed, epochs=1, candidates=1))
        torch.manual_seed(seed)
        strategy.epoch(batches(seed=seed), 0)
        found.append(strategy.architecture())
    assert found[0] == found[1] != found[2]


@pytest.mark.parametrize("name", NAMES)
def test_telling_the_time_beforehand_leaves_the_search_untouched(name: str) -> None:
    torch.manual_seed(0)
    strategy = build(plan(strategy=name))
    before = strategy.state_dict()
    kept = {key: torch.clone(value) for key, value in tensors(before)}
    assert seconds_per_step(strategy, batches(), CPU) > 0
    assert all(torch.equal(value, kept[key]) for key, value in tensors(strategy.state_dict()))
    assert strategy.epochs_done == 0


def tensors(state: Any, name: str = "") -> Iterator[tuple[str, torch.Tensor]]:
    if isinstance(state, torch.Tensor):
        yield name, state
    elif isinstance(state, dict):
        for key, value in state.items():
            yield from tensors(value, f"{name}.{key}")


@pytest.mark.parametrize(
    ("name", "steps"),
    [("emonas", 2 * 2), ("darts", 2 * 2), ("pcdarts", 2 * 2), ("pdarts", 3 * 2), ("random", 3 * 5 * 2)],
)
def test_the_expected_number_of_steps_is_told(name: str, steps: int) -> None:
    strategy = build(plan(strategy=name, epochs=2, candidates=3, rank_epochs=5))
    assert strategy.steps(batches()) == steps


@pytest.mark.parametrize("name", [name for name in NAMES if name != "random"])
def test_the_searched_supernet_is_as_the_options_say(name: str) -> None:
    strategy: Strategy = build(replace(plan(strategy=name, recompute=True), in_channels=6))
    assert strategy.controller is not None
    supernet = strategy.controller.supernet
    assert supernet.checkpointing and supernet.classifier.out_features == 3
    assert next(supernet.stem.parameters()).shape[1] == 6


def test_darts_is_of_second_order_unless_told_otherwise() -> None:
    orders = [build(plan(strategy="darts", order=order)).plan.order for order in (None, 1, 2)]  # type: ignore[attr-defined]
    assert orders == [2, 1, 2]
    assert build(plan()).plan.order == 1  # type: ignore[attr-defined]
