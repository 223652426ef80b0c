"""A search that is killed at any moment ends as one that never was."""

from __future__ import annotations

import copy
import json
from pathlib import Path

import pytest
import torch
from damage import damage_state, seeds
from killing import kill_after_a_while, same_tensors
from small import QUICK, call, small_macro
from tensorboard.backend.event_processing.event_accumulator import EventAccumulator
from tiny_search import batches, hurry, kill_at_save, killed_while, pictures, plan, task

from emonas.errors import UserError
from emonas.genotype import Genotype
from emonas.network import Network
from emonas.search import loop, ranking
from emonas.search.cli import app
from emonas.search.ranking import Ranked
from emonas.search.strategies import bilevel
from emonas.search.strategies.registry import STRATEGIES
from emonas.search.strategy import Architecture
from emonas.training import checkpoint
from emonas.training.losses import EpochScore

EPOCHS = 3


def line(out: Path) -> list[str]:
    """The options of a quick search."""
    return ["--dataset", "small", "--epochs", str(EPOCHS), "--out", str(out), *QUICK]


def test_a_killed_search_ends_bit_for_bit_like_one_never_killed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_macro(monkeypatch)
    assert call(app, line(tmp_path / "whole"), capsys).returncode == 0
    for delay in (0.0, 0.15):
        kill_after_a_while("search", line(tmp_path / "cut"), tmp_path, tmp_path / "cut" / "checkpoint.pt", delay)
    again = call(app, line(tmp_path / "cut"), capsys)
    assert again.returncode == 0, again.stderr
    assert "continuing" in again.stdout
    assert (tmp_path / "cut/genotype.json").read_text() == (tmp_path / "whole/genotype.json").read_text()
    states = [checkpoint.load(tmp_path / run / "checkpoint.pt") for run in ("cut", "whole")]
    assert same_tensors(*states)


def scalars(folder: Path) -> EventAccumulator:
    return EventAccumulator(str(folder), {"scalars": 0, "images": 0, "histograms": 0}).Reload()


def test_tensorboard_shows_a_search_at_work(tmp_path: Path) -> None:
    options = {"epochs": 2, "batch_size": 12, "search_cells": True, "cells": 4, "channels": 2, "hessian_every": 2}
    loop.search(task(tmp_path / "run"), plan(**options), pictures())
    events = scalars(tmp_path / "run")
    tags = {f"{name}/{part}" for name in ("loss", "accuracy") for part in ("weights", "alphas")}
    tags |= {f"{name}/{kind}" for name in ("alpha_entropy", "skip_connections") for kind in ("normal", "reduction")}
    assert {*tags, "hessian/dominant_eigenvalue"} <= set(events.Tags()["scalars"])
    assert set(events.Tags()["images"]) == {"alphas", "cells"}
    assert set(events.Tags()["histograms"]) == {"alphas/normal", "alphas/reduction"}
    assert [event.step for event in events.Scalars("loss/weights")] == [0, 1]
    assert [event.step for event in events.Scalars("hessian/dominant_eigenvalue")] == [1]
    for step in range(2):
        assert sum(events.Scalars(f"cells/{depth}")[step].value for depth in (3, 4)) == pytest.approx(1)


def test_without_alphas_tensorboard_shows_scores_and_cells(tmp_path: Path) -> None:
    loop.search(task(tmp_path / "run", "random"), plan(strategy="random", candidates=1), pictures())
    tags = scalars(tmp_path / "run").Tags()
    assert set(tags["scalars"]) == {
        "loss/alphas",
        "accuracy/alphas",
        "skip_connections/normal",
        "skip_connections/reduction",
    }
    assert tags["images"] == ["cells"]


def test_a_finished_search_is_read_back(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_macro(monkeypatch)
    first = call(app, line(tmp_path / "run"), capsys)
    assert "about" in first.stdout, "the expected time is told beforehand"
    before = (tmp_path / "run" / "checkpoint.pt").stat().st_mtime_ns
    assert call(app, line(tmp_path / "run"), capsys).returncode == 0
    assert (tmp_path / "run" / "checkpoint.pt").stat().st_mtime_ns == before
    genotype = Genotype.load(tmp_path / "run" / "genotype.json")
    assert genotype.cells == 3 and genotype.provenance.dataset == "small"
    assert (tmp_path / "run" / "cells.png").stat().st_size > 1000


@pytest.fixture
def hurried(monkeypatch: pytest.MonkeyPatch) -> None:
    hurry(monkeypatch)


def skips_from(epoch: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let a search collapse at an epoch: from then on all edges of the normal cell want a skip connection."""
    plain = bilevel.Bilevel.epoch

    def collapsing(self: bilevel.Bilevel, batches: object, number: int) -> dict[str, EpochScore]:
        with torch.no_grad():
            alpha = self.controller.alpha["normal"]
            alpha[:, 2 if number >= epoch else 3] = 9.0 + number
        return plain(self, batches, number)  # type: ignore[arg-type]

    monkeypatch.setattr(bilevel.Bilevel, "epoch", collapsing)


LONG = {"epochs": 12, "batch_size": 12, "channels": 2}


def test_the_genotype_of_every_epoch_is_kept(tmp_path: Path, hurried: None) -> None:
    found = loop.search(task(tmp_path), plan(**LONG | {"epochs": 3}), pictures())
    kept = [Genotype.load(path) for path in sorted((tmp_path / "genotypes").iterdir())]
    assert [path.name for path in sorted((tmp_path / "genotypes").iterdir())] == [
        f"epoch_00{i}.json" for i in (1, 2, 3)
    ]
    assert kept[-1] == found


def test_a_collapsed_search_is_stopped_and_the_last_good_cells_are_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hurried: None
) -> None:
    skips_from(2, monkeypatch)
    found = loop.search(task(tmp_path / "guarded"), plan(**LONG, stop_skips=2), pictures())
    kept = sorted((tmp_path / "guarded" / "genotypes").iterdir())
    # Two good epochs, and the patience of three.
    assert [Genotype.load(path).normal.skips for path in kept] == [0, 0, 4, 4, 4]
    assert found == Genotype.load(kept[1])
    said = " ".join(capsys.readouterr().out.split())
    assert "stopped after epoch 5: more than 2 skip connections" in said and "the cells are those of epoch 2" in said
    free = loop.search(task(tmp_path / "free"), plan(**LONG | {"epochs": 5}), pictures())
    assert free.normal.skips == 4


def test_a_sharper_loss_stops_the_search_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurried: None) -> None:
    values = iter([1.0, 1.0, 1.0, 1.0, 1.0, 4.0])
    monkeypatch.setattr(loop, "dominant_eigenvalue", lambda *arguments: next(values))
    found = loop.search(task(tmp_path), plan(**LONG, hessian_every=1, stop_eigenvalue=1.5), pictures())
    assert len(list((tmp_path / "genotypes").iterdir())) == 6
    assert found == Genotype.load(tmp_path / "genotypes" / "epoch_003.json")


@pytest.mark.parametrize("number", [3, 5])
def test_a_stop_survives_a_kill(
    number: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], hurried: None
) -> None:
    """Killed while early stopping still waits, or after the epoch in which it decided and before anything else."""
    skips_from(2, monkeypatch)

    def run() -> Genotype:
        return loop.search(task(tmp_path), plan(**LONG, stop_skips=2), pictures())

    def run_and_die() -> None:
        kill_at_save(number, before=False)
        run()

    killed_while(run_and_die)
    capsys.readouterr()
    assert run() == Genotype.load(tmp_path / "genotypes" / "epoch_002.json")
    assert len(list((tmp_path / "genotypes").iterdir())) == 5
    assert "stopped after epoch 5" in " ".join(capsys.readouterr().out.split())


@pytest.mark.parametrize("budget", [0, 2])
def test_a_skip_budget_holds_in_every_epoch_and_at_the_end(
    budget: int, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    skips_from(0, monkeypatch)
    found = loop.search(task(tmp_path), plan(**LONG | {"epochs": 2}, skip_budget=budget), pictures())
    for genotype in (found, *map(Genotype.load, (tmp_path / "genotypes").iterdir())):
        assert genotype.normal.skips == budget and genotype.reduction.skips <= budget


def test_the_skip_budget_that_does_best_is_taken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    skips_from(0, monkeypatch)

    def judge(found: Architecture, *rest: object) -> tuple[Ranked, EpochScore]:
        return Ranked(1.0 if found.normal.skips == 3 else 0.1, 0), EpochScore(0.0, 0.0)

    monkeypatch.setattr(ranking, "short_training", judge)
    found = loop.search(task(tmp_path), plan(**LONG | {"epochs": 1}, skip_budget="auto"), pictures())
    assert found.normal.skips == 3
    table = json.loads((tmp_path / "skip_budgets.json").read_text())
    assert max(table, key=lambda name: table[name]["uar"]) == "at most 3 skips"
    assert Genotype.load(tmp_path / "genotypes" / "epoch_001.json").normal.skips == 4


@pytest.mark.parametrize(("depth", "where"), [(3, (1,)), (4, (1, 3)), (5, (1, 3))])
def test_a_searched_number_of_cells_is_written_down_with_its_reductions(
    depth: int, where: tuple[int, ...], tmp_path: Path, monkeypatch: pytest.MonkeyPatch, hurried: None
) -> None:
    """Of five cells the second and the fourth reduce, and do so still where the stack ends before the fifth."""
    monkeypatch.setattr(bilevel.Controller, "chosen_depth", lambda self: depth)
    options = {"cells": 5, "search_cells": True, "channels": 2, "epochs": 1, "batch_size": 12}
    found = loop.search(task(tmp_path), plan(**options), pictures())
    assert (found.cells, found.reductions) == (depth, where)
    network = Network(Genotype.load(tmp_path / "genotype.json"), 3, 8, auxiliary=False)
    assert tuple(i for i, cell in enumerate(network.cells) if cell.cell is network.cells[where[0]].cell) == where
    assert len(network.cells) == depth and network.classifier.in_features == 2 * 2 * 2 ** len(where)


def test_a_given_number_of_cells_leaves_the_reductions_to_the_network(tmp_path: Path, hurried: None) -> None:
    assert loop.search(task(tmp_path), plan(**LONG | {"epochs": 1}), pictures()).reductions == ()


@pytest.mark.parametrize("name", sorted(STRATEGIES))
@pytest.mark.parametrize(
    "claim",
    [float("inf"), 10**12, -5, True, 1.0, EPOCHS * 3 + 1, "all", None],
)
def test_a_search_does_not_go_on_from_epochs_that_nobody_searched(
    name: str, claim: object, tmp_path: Path, hurried: None
) -> None:
    options = plan(strategy=name, epochs=1, candidates=1)
    begun = loop._begin(task(tmp_path / "run", name), options, batches())
    checkpoint.save(begun.checkpoint, begun.state_dict())
    assert loop._begin(task(tmp_path / "run", name), options, batches()).strategy.epochs_done == 0
    state = begun.state_dict()
    state["strategy"]["epochs_done"] = claim
    checkpoint.save(begun.checkpoint, state)
    with pytest.raises(UserError, match=r"checkpoint\.pt: belongs to another run .*; delete it to start anew$"):
        loop.search(task(tmp_path / "run", name), options, pictures())
    assert not (tmp_path / "run" / "genotype.json").exists()


def test_a_search_that_claims_to_be_finished_must_have_seen_its_epochs(tmp_path: Path, hurried: None) -> None:
    begun = loop._begin(task(tmp_path / "run"), plan(epochs=2), batches())
    state = begun.state_dict()
    state["strategy"]["epochs_done"] = 2
    checkpoint.save(begun.checkpoint, state)
    with pytest.raises(UserError, match="it has seen 0 epochs, not 2"):
        loop.search(task(tmp_path / "run"), plan(epochs=2), pictures())


def test_a_checkpoint_damaged_at_random_is_taken_whole_or_refused(tmp_path: Path, hurried: None) -> None:
    options = plan(epochs=2, cells=3)
    loop.search(task(tmp_path / "run"), options, pictures())
    whole = checkpoint.load(tmp_path / "run" / "checkpoint.pt")
    refused = 0
    for luck in seeds("search", 60):
        state = copy.deepcopy(whole)
        damage_state(luck, state)
        checkpoint.save(tmp_path / "run" / "checkpoint.pt", state)
        try:
            loop._begin(task(tmp_path / "run"), options, batches())
        except UserError as error:
            refused += 1
            assert "delete it to start anew" in str(error) and len(str(error)) < 400
    assert refused > 30


def test_a_network_that_cannot_fit_is_refused_before_it_is_built(tmp_path: Path) -> None:
    for strategy in ("emonas", "random"):
        options = plan(strategy=strategy, cells=200, channels=4096, candidates=1)
        with pytest.raises(UserError, match="200 cells with 4096 channels needs at least"):
            loop.search(task(tmp_path / "run", strategy), options, pictures())


def test_the_checkpoint_keeps_its_keys_so_that_old_runs_go_on(tmp_path: Path, hurried: None) -> None:
    loop.search(task(tmp_path), plan(**LONG | {"epochs": 1}), pictures())
    state = checkpoint.load(tmp_path / "checkpoint.pt")
    assert state.keys() == {"strategy", "guard"} and state["guard"].keys() == {"skips", "eigenvalues"}
    assert state["strategy"].keys() == {"epochs_done", "searcher", "weight_optimiser", "alpha_optimiser"}
