"""The searches and trainings of an ablation: what they are told, how they fail, and where their words go."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest

import emonas
from emonas.console import say, warn
from emonas.errors import UserError
from emonas.evaluate.ablate import runs as ablate_runs
from emonas.evaluate.ablate.config import AblateConfig
from emonas.evaluate.ablate.runs import Run, carry_out, run_quietly, search_run, search_seconds, training_run
from emonas.evaluate.ablate.variants import Data, SearchSpec, Setup
from emonas.evaluate.train.config import TrainConfig
from emonas.files import write_json
from emonas.search.config import SearchConfig

SEARCH = SearchSpec(Data("micro", "micro", "dynamic", "f00"), "pdarts", 4, ("skip_connect",))
CONFIG = AblateConfig(epochs=2, train_epochs=3, channels=8, batch_size=16, folds=3, device="cpu")


def searched(run: Run) -> SearchConfig:
    """The config that a search's options make; there is none with an option that it does not know."""
    assert isinstance(run.options, Mapping)
    return SearchConfig(**run.options)


def trained(run: Run) -> TrainConfig:
    """The config of a training."""
    assert isinstance(run.options, TrainConfig)
    return run.options


def test_a_search_and_its_training_are_told_the_same_data_protocol_and_seed(tmp_path: Path) -> None:
    search_of = search_run(tmp_path, SEARCH, 5, "kfold", CONFIG)
    training_of = training_run(tmp_path, Setup(SEARCH, 6), 5, "kfold", CONFIG)
    search, training = searched(search_of), trained(training_of)
    for told, run in ((search, search_of), (training, training_of)):
        assert (told.dataset, told.protocol, told.folds) == ("micro", "kfold", 3)
        assert (told.seed, told.batch_size, told.device, told.out) == (5, 16, "cpu", run.folder)
    assert training.genotype == search.out
    assert (search.cells, training.cells, search.epochs, training.epochs) == (4, 6, 2, 3)
    assert (search.without, search.strategy, search.channels) == (("skip_connect",), "pdarts", 8)
    assert training.channels is None, "the final network's follow from the search's"
    assert training.no_pictures


def test_what_is_left_open_is_left_to_the_search_and_the_training(tmp_path: Path) -> None:
    search = search_run(tmp_path, SEARCH, 0, "fixed", AblateConfig()).options
    assert isinstance(search, Mapping)
    assert not {"epochs", "batch_size", "channels", "folds", "rank_epochs"} & set(search)
    training = trained(training_run(tmp_path, Setup(SEARCH, 4), 0, "fixed", AblateConfig()))
    assert (training.epochs, training.batch_size, training.channels, training.folds) == (None, None, None, None)


def finishing(run: Run) -> None:
    write_json(run.folder / "config.json", {run.records: run.fingerprint})


def test_the_time_of_a_search_is_known_only_where_it_ran_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate_runs, "run_quietly", finishing)
    run = search_run(tmp_path, SEARCH, 0, "fixed", CONFIG)
    carry_out(run)
    assert run.is_done and search_seconds(tmp_path, SEARCH, 0) == pytest.approx(0, abs=60)
    interrupted = search_run(tmp_path, SEARCH, 1, "fixed", CONFIG)
    finishing(interrupted)
    carry_out(interrupted)
    assert interrupted.is_done and search_seconds(tmp_path, SEARCH, 1) is None
    assert search_seconds(tmp_path, SEARCH, 2) is None


def test_what_is_done_is_not_run_again_unless_its_data_has_changed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    run = search_run(tmp_path, SEARCH, 0, "fixed", CONFIG)
    finishing(run)
    write_json(run.folder / run.done, 1.0)
    monkeypatch.setattr(ablate_runs, "run_quietly", lambda run: pytest.fail("it was run again"))
    carry_out(run)
    write_json(run.folder / "config.json", {run.records: "f99"})
    with pytest.raises(UserError, match="delete it"):
        carry_out(run)


def drawn(folder: Path, monkeypatch: pytest.MonkeyPatch, work: Any, of: str) -> Run:
    """A search or a training that does this work instead."""
    monkeypatch.setattr(*((emonas, "search") if of == "search" else (ablate_runs, "run_training")), work)
    if of == "search":
        return search_run(folder, SEARCH, 5, "fixed", CONFIG)
    return training_run(folder, Setup(SEARCH, 6), 5, "fixed", CONFIG)


@pytest.mark.parametrize("of", ["search", "training"])
def test_a_run_gets_its_options_and_what_it_says_stands_in_its_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str], of: str
) -> None:
    told: list[object] = []

    def work(*given: object, **options: object) -> None:
        told.extend([*given, options])
        say("noise")
        warn("calm \udcff seas")
        print("an old way", file=sys.stderr)

    run = drawn(tmp_path, monkeypatch, work, of)
    run_quietly(run)
    assert told == ([run.options] if of == "search" else [run.options, {}])
    assert capfd.readouterr() == ("", "")
    log = (run.folder.parent / "seed5.log").read_text()
    assert log == "note: calm \\udcff seas\nan old way\n"


@pytest.mark.parametrize("of", ["search", "training"])
@pytest.mark.parametrize("error", [UserError("no such cells"), ValueError("odd")])
def test_a_failure_is_the_runs_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, of: str, error: Exception) -> None:
    def work(*given: object, **options: object) -> None:
        raise error

    out = sys.stdout
    with pytest.raises(type(error)) as failed:
        carry_out(drawn(tmp_path, monkeypatch, work, of))
    assert failed.value is error and sys.stdout is out
