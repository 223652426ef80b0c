"""A whole ablation: what is run, that it goes on after a kill, what failed, and what is shown."""

from __future__ import annotations

import csv
import json
import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from matplotlib.image import imread
from small import QUICK, assert_one_line_and_status_2, call, small_macro
from small_results import Answers, made, rows

from emonas.datasets.databases import registry
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.datasets.synthetic.sets import read_micro
from emonas.errors import UserError
from emonas.evaluate.ablate import run as ablate_run
from emonas.evaluate.ablate import runs as ablate_runs
from emonas.evaluate.ablate.cli import app
from emonas.evaluate.ablate.runs import SECONDS, Run
from emonas.files import read_json, write_json
from emonas.genotype import Genotype
from emonas.jobs.job import Engine
from emonas.operations.table import OPERATION_NAMES

#: How often a setup tells a clip, by a word in its name; the others by the base line's share.
SKILL = {"no-": 0.6, "without-skip_connect": 0.2, "random": 0.5, "in-6": 0.8, "apex": 0.4}
BASE_SKILL = 0.65


def answers(skill: float, seed: int) -> Answers:
    luck = np.random.default_rng(seed)
    found = {}
    for person in range(12):
        truth = np.arange(6) % 3
        told = np.where(luck.random(6) < skill, truth, (truth + 1) % 3)
        found[f"casme2/{person:02}"] = (truth.tolist(), told.tolist())
    return found


def option(run: Run, name: str) -> Any:
    """An option of a search or of a training."""
    return run.options[name] if isinstance(run.options, Mapping) else getattr(run.options, name)


class Stub:
    """In place of the searches and trainings: writes what they would, and notes which were run."""

    def __init__(self) -> None:
        self.ran: list[str] = []
        self.before: Callable[[Run], None] = lambda run: None
        self.changes: dict[str, Any] = {}

    def __call__(self, run: Run) -> None:
        self.before(run)
        self.ran.append(run.name)
        write_json(run.folder / "config.json", {run.records: run.fingerprint, "protocol": option(run, "protocol")})
        if run.done != SECONDS:
            seed = option(run, "seed")
            skill = next((share for word, share in SKILL.items() if word in run.name), BASE_SKILL)
            write_json(run.folder / run.done, made(rows(answers(skill, seed), seed), **self.changes))


@pytest.fixture(scope="module")
def store(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A few drawn clips, prepared in three ways."""
    drawn, folder = read_micro(subjects=3, clips=3, size=16), tmp_path_factory.mktemp("store")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMONAS_HOME", str(folder))
        patch.setattr(registry, "read", lambda dataset, source, choices: drawn)
        for name, representation in (("micro", "dynamic"), ("micro-apex", "apex"), ("micro-flow", "flow")):
            config = PrepareConfig(size=16, representation=representation, name=name)  # type: ignore[arg-type]
            prepare("synthetic-micro", None, config, quiet=True)
    return folder


@pytest.fixture
def stub(monkeypatch: pytest.MonkeyPatch, tmp_path: Path, store: Path, home: Path) -> Stub:
    stub = Stub()
    shutil.copytree(store, home, dirs_exist_ok=True)
    monkeypatch.setattr(ablate_runs, "run_quietly", stub)
    # Jobs run here, where the stub stands.
    monkeypatch.setattr(ablate_run, "Engine", lambda *where, **how: Engine())
    monkeypatch.setenv("COLUMNS", "80")
    monkeypatch.chdir(tmp_path)
    return stub


def ablate(capsys: pytest.CaptureFixture[str], *options: str, data: str = "micro") -> Any:
    return call(app, ["--dataset", data, "--out", "out", "--device", "cpu", *options], capsys)


def found(part: str) -> dict[str, Any]:
    return {row["name"]: row for row in read_json(Path("out/ablation.json"))["parts"][part]}


def test_all_parts_are_run_once_and_shown_within_80_columns(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    """19 setups: 5 of the stack, 1 more number of cells, 7 operations, 2 representations, 4 strategies."""
    done = ablate(capsys)
    assert done.returncode == 0, done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80
    assert len(stub.ran) == len(set(stub.ran)) == 3 * (17 + 19)
    assert {name.rpartition(" seed ")[2] for name in stub.ran} == {"0", "1", "2"}
    assert "19 setups, 3 seeds: 51 searches, 57 trainings" in done.stdout
    for words in ("base line", "leave one subject out", "last epoch, fixed beforehand", "12 people", "chance UAR"):
        assert words in done.stdout, words
    data = read_json(Path("out/ablation.json"))
    assert {part: len(rows) for part, rows in data["parts"].items()} == {
        "stack": 5, "cells": 4, "operations": 8, "representation": 3, "strategies": 5,
    }  # fmt: skip
    with Path("out/ablation.csv").open() as file:
        table = list(csv.DictReader(file))
    assert len(table) == 25 and sum(row["base_line"] == "True" for row in table) == 5
    assert float(table[0]["uar_mean"]) == data["parts"]["stack"][0]["uar"]["mean"]
    assert "svg" in Path("out/ablation.svg").read_text() and imread("out/ablation.png").shape[0] > 1000


def test_what_is_left_out_is_worth_what_is_lost_without_it(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    done = ablate(capsys, "--parts", "operations")
    operations = found("operations")
    assert list(operations) == ["all seven", *(f"no {name}" for name in OPERATION_NAMES)]
    skip, pool = operations["no skip_connect"]["difference"], operations["no max_pool_3x3"]["difference"]
    assert skip["high"] < -0.1 and skip["against"] == "all seven"
    assert (pool["uar"], pool["low"], pool["high"]) == (0, 0, 0)
    assert re.search(rf"no skip_connect +0\.\d+ ± 0\.\d+ .* {skip['uar']:+.3f}  -0\.\d\d to -0\.\d\d\n", done.stdout)


def test_a_part_that_is_added_later_runs_nothing_twice(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    ablate(capsys, "--parts", "cells", "--cell-counts", "6", "--seeds", "1")
    assert len(stub.ran) == 4
    ablate(capsys, "--parts", "stack", "cells", "--cell-counts", "6", "--stack-cells", "6", "--seeds", "2")
    assert len(stub.ran) == len(set(stub.ran)) == 2 * (2 + 3)
    ablate(capsys, "--parts", "stack", "cells", "--cell-counts", "6", "--stack-cells", "6", "--seeds", "2")
    assert len(stub.ran) == 10
    assert found("stack")["4, then 6"]["difference"]["against"] == "6 in both"


def test_another_budget_is_another_ablation(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    ablate(capsys, "--parts", "cells", "--cell-counts", "3", "--seeds", "1")
    done = ablate(capsys, "--parts", "cells", "--cell-counts", "3", "--seeds", "1", "--epochs", "9")
    assert_one_line_and_status_2(done, "other options", "epochs")


def test_a_killed_ablation_goes_on_where_it_was(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def interrupt(run: Run) -> None:
        if len(stub.ran) == 7:
            raise KeyboardInterrupt

    stub.before = interrupt
    options = ("--parts", "strategies", "--seeds", "1")
    assert ablate(capsys, *options).returncode == 130
    assert len(stub.ran) == 7 and not Path("out/ablation.json").exists()
    stub.before = lambda run: None
    done = ablate(capsys, *options)
    assert done.returncode == 0 and "7 of them done" in done.stdout
    assert len(stub.ran) == len(set(stub.ran)) == 10


def test_what_fails_is_shown_and_the_others_are_kept(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(run: Run) -> None:
        if run.name in ("search micro-pcdarts-4cells seed 0", "search micro-pcdarts-4cells seed 1"):
            raise UserError("--channels 6: pcdarts needs a multiple of 4")
        if run.name == "training micro-random-4cells-in-4 seed 1":
            raise UserError("the loss became nan")

    stub.before = refuse
    options = ("--parts", "strategies", "--seeds", "2")
    done = ablate(capsys, *options)
    assert done.returncode == 2
    assert re.search(r"pcdarts +failed", done.stdout) and "random (1/2)" in done.stdout
    assert "failed: micro-pcdarts-4cells-in-4, seed 0: --channels 6: pcdarts needs" in done.stderr
    assert "3 of 20 runs failed, and the others are kept" in done.stderr.splitlines()[-1]
    assert "training micro-pcdarts-4cells-in-4 seed 0" not in stub.ran, "there is nothing to train"
    rows = found("strategies")
    assert rows["pcdarts"]["uar"] is None and rows["random"]["seeds"] == [0]
    assert rows["random"]["failures"] == {"1": "the loss became nan"}
    stub.before, stub.ran = (lambda run: None), []
    assert ablate(capsys, *options).returncode == 0
    assert len(stub.ran) == 2 + 2 + 1


def test_where_all_fails_the_reason_is_said(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    def refuse(run: Run) -> None:
        raise UserError("no such luck")

    stub.before = refuse
    done = ablate(capsys, "--parts", "cells", "--cell-counts", "3", "--seeds", "1")
    assert_one_line_and_status_2(done, "every run has failed", "no such luck")


def test_leaks_are_shown_in_the_table(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    stub.changes = {"leaks": ["the search saw the tested part"]}
    done = ablate(capsys, "--parts", "cells", "--cell-counts", "3", "--seeds", "1")
    assert "NOT CLEAN" in done.stdout and "leak: the search saw the tested part" in done.stderr
    assert max(map(len, done.stdout.splitlines())) <= 80


def test_both_commands_are_told_the_data_sets_own_protocol(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    for protocol, told in (("auto", "fixed"), ("loso", "loso")):
        call(app, ["--dataset", "micro", "--out", protocol, "--protocol", protocol, "--parts", "cells",
                   "--cell-counts", "3", "--seeds", "1", "--device", "cpu"], capsys)  # fmt: skip
        for config in Path(protocol).glob("*/*/seed0/config.json"):
            assert read_json(config)["protocol"] == told


def test_json_is_all_that_is_on_standard_output(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    done = ablate(capsys, "--parts", "representation", "--seeds", "1", "--json")
    data = json.loads(done.stdout)
    assert data == read_json(Path("out/ablation.json"))
    assert [row["representation"] for row in data["parts"]["representation"]] == ["dynamic", "apex", "flow"]


def test_a_part_that_the_data_does_not_allow_is_left_out_or_refused(
    stub: Stub, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_macro(monkeypatch, subjects=3)
    done = ablate(capsys, "--parts", "representation", data="small")
    assert_one_line_and_status_2(done, "small holds still images")
    done = call(app, ["--dataset", "small", "--out", "other", "--seeds", "1", "--device", "cpu"], capsys)
    assert done.returncode == 0 and "left out: part representation" in done.stderr
    assert "representation" not in read_json(Path("other/ablation.json"))["parts"]


def test_bad_options_are_refused_in_one_line(stub: Stub, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line_and_status_2(ablate(capsys, "--address", "host:1"), "--engine ray")
    assert_one_line_and_status_2(ablate(capsys, "--parts", "batch"), "--parts")
    assert_one_line_and_status_2(ablate(capsys, data="nowhere"), "no data set 'nowhere'")
    assert stub.ran == []


def test_an_ablation_searches_and_trains_for_real(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_macro(monkeypatch)
    monkeypatch.chdir(tmp_path)
    options = [
        *QUICK[2:],
        "--parts",
        "cells",
        "--cell-counts",
        "4",
        "--seeds",
        "1",
        "--epochs",
        "1",
        "--train-epochs",
        "1",
    ]
    done = ablate(capsys, *options, data="small")
    assert done.returncode == 0, done.stderr
    rows = found("cells")
    assert [(row["search_cells"], row["cells"], row["leaks"]) for row in rows.values()] == [(3, 3, []), (4, 4, [])]
    assert rows["4 cells"]["parameters"] > rows["3 cells"]["parameters"]
    assert rows["3 cells"]["search_seconds"] > 0 and rows["4 cells"]["difference"]["low"] is not None
    for name, count in (("small-emonas-3cells", 3), ("small-emonas-4cells", 4)):
        assert Genotype.load(Path("out/searches") / name / "seed0" / "genotype.json").cells == count
        results = read_json(Path("out/trainings") / f"{name}-in-{count}" / "seed0" / "results.json")
        assert results["command"].startswith("emonas-train ") and results["search_saw_test_subjects"] is False
    monkeypatch.setattr(ablate_runs, "run_quietly", lambda run: pytest.fail("it was run again"))
    again = ablate(capsys, *options, data="small")
    assert again.returncode == 0 and again.stdout.partition("Cells:")[2] == done.stdout.partition("Cells:")[2]
