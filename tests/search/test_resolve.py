"""From what is typed to a plan: what a search may see, and what fits the data, the strategy and the device."""

from __future__ import annotations

import dataclasses
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from small import small_macro
from tiny_search import CPU, plan, prepared

from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.search.config import SearchConfig
from emonas.search.plan import SearchPlan
from emonas.search.resolve import record, resolve, resolve_protocol, visible_parts

GPU = torch.device("cuda")
#: What may be None in a plan, where it means never.
NEVER = {"stop_skips", "stop_eigenvalue"}


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> Prepared:
    return small_macro(monkeypatch)


def halves(samples: int) -> Prepared:
    """A prepared set of so many samples in each half of its people."""
    made = prepared(samples=40)
    made.samples[:] = [made.samples[i // (samples // 20)] for i in range(2 * samples)]
    return made


def test_weights_and_alphas_learn_from_different_people(small: Prepared) -> None:
    (task,) = resolve(SearchConfig(), small, CPU).tasks
    sides = [{small.samples[i].person for i in side} for side in (task.weight_positions, task.alpha_positions)]
    assert sides[0] and sides[1] and not sides[0] & sides[1]
    assert sides[0] | sides[1] == {sample.person for sample in small.samples if sample.part == "train"}


def test_auto_is_everybody_where_there_is_no_fixed_split(small: Prepared) -> None:
    assert resolve_protocol("auto", small) == "fixed"
    object.__setattr__(small, "protocol", "loso")
    assert resolve_protocol("auto", small) == "all"
    assert len(visible_parts(SearchConfig(), small, "all", 5)[""]) == len(small.samples)


def test_an_unknown_excluded_person_is_named(small: Prepared) -> None:
    with pytest.raises(UserError, match="nobody called s99"):
        visible_parts(SearchConfig(exclude_subjects=("s99",)), small, "all", 5)


@pytest.mark.parametrize("device", [CPU, GPU], ids=str)
@pytest.mark.parametrize("samples", [20, 80, 20000])
def test_a_plan_leaves_nothing_open_and_fits_the_data_and_the_device(samples: int, device: torch.device) -> None:
    made = resolve(SearchConfig(), halves(samples), device)
    open_ones = {field.name for field in dataclasses.fields(SearchPlan) if getattr(made, field.name) is None}
    assert open_ones == NEVER
    assert made.batch_size in (8, 16, 32, 64) and 5 <= made.epochs <= 50 and 3 <= made.rank_epochs <= 10
    assert (made.cells, made.channels) == ((8, 16) if device == GPU else (4, 8))
    typed = resolve(SearchConfig(epochs=7, cells=5), halves(samples), device)
    assert (typed.epochs, typed.cells) == (7, 5)


def test_the_folder_of_a_run_tells_one_search_from_another() -> None:
    others = [plan(strategy="darts"), plan(protocol="loso"), plan(seed=1), plan(dataset="casme2")]
    assert plan().out == Path("runs/search-synthetic-micro")
    assert len({plan().out, *(other.out for other in others)}) == 5


@pytest.mark.parametrize(
    ("strategy", "small_rate", "large_rate"), [("emonas", 3e-3, 3e-4), ("pdarts", 6e-3, 6e-4), ("pcdarts", 6e-3, 6e-4)]
)
def test_alphas_move_as_published_on_a_gpu_and_faster_in_a_cpus_shorter_search(
    strategy: Any, small_rate: float, large_rate: float
) -> None:
    for rate, device in ((small_rate, CPU), (large_rate, GPU)):
        made = resolve(SearchConfig(strategy=strategy), prepared(), device)
        assert made.alpha_rate == pytest.approx(rate)


@pytest.mark.parametrize(("budget", "limits"), [(None, {}), (0, {"normal": 0, "reduction": 0}), ("auto", {})])
def test_a_typed_skip_budget_binds_both_cells_and_auto_is_decided_by_short_trainings(
    budget: Any, limits: dict[str, int]
) -> None:
    made = plan(skip_budget=budget)
    assert (made.skip_budgets, made.rank_skip_budgets) == (limits, budget == "auto")
    published = plan(strategy="pdarts", skip_budget=budget).skip_budgets
    assert published == (limits or {"normal": 2})


def test_what_is_recorded_keeps_its_keys_so_that_old_runs_go_on() -> None:
    config = SearchConfig(strategy="darts", out=Path("run"))
    made = resolve(config, prepared(), CPU)
    recorded = record(config, made, "f00d")
    assert set(recorded) == {field.name for field in dataclasses.fields(SearchConfig)} | {"fingerprint"}
    assert (recorded["order"], recorded["warm_up"], recorded["skip_budget"]) == (None, None, None), "as it was typed"
    assert (recorded["out"], recorded["protocol"], recorded["epochs"]) == ("run", "all", made.epochs)
    assert recorded["fingerprint"] == "f00d"


def test_a_fold_is_searched_without_its_people_and_in_a_folder_of_its_own() -> None:
    made = resolve(SearchConfig(protocol="kfold", folds=3, out=Path("run")), prepared(), CPU)
    assert [task.folder for task in made.tasks] == [Path(f"run/fold{i}") for i in (1, 2, 3)]
    unseen = [
        set(range(24)) - set(np.concatenate([task.weight_positions, task.alpha_positions]).tolist())
        for task in made.tasks
    ]
    assert set.union(*unseen) == set(range(24)) and sum(map(len, unseen)) == 24


def test_another_seed_is_the_same_search_in_a_folder_of_its_own() -> None:
    made = plan(seed=3, seeds=2, out=Path("run"))
    (task,) = made.tasks
    assert (task.with_seed(4).folder, task.with_seed(4).provenance.seed) == (Path("run/seed4"), 4)
    assert (made.with_seed(4).seed, made.with_seed(4).seeds, made.with_seed(4).epochs) == (4, 1, made.epochs)
