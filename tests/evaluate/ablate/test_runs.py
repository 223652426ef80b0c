"""The processes of an ablation: what they are told, how they fail, and that none outlives the one that started it."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from emonas.errors import UserError
from emonas.evaluate.ablate import runs as ablate_runs
from emonas.evaluate.ablate.config import AblateConfig
from emonas.evaluate.ablate.runs import Run, carry_out, run_process, search_run, search_seconds, training_run
from emonas.evaluate.ablate.variants import Data, SearchSpec, Setup
from emonas.files import write_json
from emonas.search import cli as search_cli

SEARCH = SearchSpec(Data("micro", "micro", "dynamic", "f00"), "pdarts", 4, ("skip_connect",))
CONFIG = AblateConfig(epochs=2, train_epochs=3, channels=8, batch_size=16, folds=3, device="cpu")


def value(run: Run, option: str) -> str:
    return run.arguments[run.arguments.index(option) + 1]


def test_a_search_and_its_training_are_told_the_same_data_protocol_and_seed(tmp_path: Path) -> None:
    search = search_run(tmp_path, SEARCH, 5, "kfold", CONFIG)
    training = training_run(tmp_path, Setup(SEARCH, 6), 5, "kfold", CONFIG)
    for run in (search, training):
        told = [value(run, f"--{key}") for key in ("dataset", "protocol", "folds", "seed", "batch-size", "device")]
        assert told == ["micro", "kfold", "3", "5", "16", "cpu"]
        assert value(run, "--out") == str(run.folder)
    assert value(training, "--genotype") == str(search.folder)
    assert [value(run, "--cells") for run in (search, training)] == ["4", "6"]
    assert [value(run, "--epochs") for run in (search, training)] == ["2", "3"]
    assert search.arguments[-2:] == ("--without", "skip_connect") and value(search, "--strategy") == "pdarts"
    assert "--channels" not in training.arguments, "the final network's follow from the search's"


def test_what_is_left_open_is_left_to_the_commands(tmp_path: Path) -> None:
    run = search_run(tmp_path, SEARCH, 0, "fixed", AblateConfig())
    assert not {"--epochs", "--batch-size", "--channels", "--folds", "--candidates"} & set(run.arguments)


def test_the_commands_know_all_these_options(tmp_path: Path) -> None:
    full = AblateConfig(epochs=1, channels=4, batch_size=8, candidates=1, rank_epochs=1, folds=2, train_epochs=1)
    search = search_run(tmp_path, SEARCH, 0, "fixed", full)
    _, bound, _ = search_cli.app.parse_args(list(search.arguments), exit_on_error=False, print_error=False)
    assert bound.arguments["config"].without == ("skip_connect",)
    from emonas.evaluate.train import cli as train_cli

    training = training_run(tmp_path, Setup(SEARCH, 6), 0, "fixed", full)
    _, bound, _ = train_cli.app.parse_args(list(training.arguments), exit_on_error=False, print_error=False)
    assert bound.arguments["config"].no_pictures


def finishing(run: Run) -> None:
    write_json(run.folder / "config.json", {run.records: run.fingerprint})


def test_the_time_of_a_search_is_known_only_where_it_ran_in_one_go(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(ablate_runs, "run_process", finishing)
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
    monkeypatch.setattr(ablate_runs, "run_process", lambda run: pytest.fail("it was run again"))
    carry_out(run)
    write_json(run.folder / "config.json", {run.records: "f99"})
    with pytest.raises(UserError, match="delete it"):
        carry_out(run)


def program(folder: Path, code: str) -> Run:
    """A run of a module with this code."""
    (folder / "drawn_module.py").write_text(code)
    return Run("drawn", "drawn_module", ("--one", "1"), folder / "run" / "seed0", "done", "key", "f00")


@pytest.fixture
def importable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("PYTHONPATH", str(tmp_path))
    monkeypatch.chdir(tmp_path)
    return tmp_path


def test_a_process_gets_its_arguments_and_is_quiet(importable: Path, capfd: pytest.CaptureFixture[str]) -> None:
    code = "import pathlib, sys; print('noise'); pathlib.Path('told').write_text(' '.join(sys.argv[1:]) + __name__)"
    run_process(program(importable, code))
    assert (importable / "told").read_text() == "--one 1__main__"
    assert capfd.readouterr() == ("", "")


@pytest.mark.parametrize(
    ("code", "why"),
    [
        ("import sys; print('note: x', file=sys.stderr); sys.exit('emonas-search: no such cells')", "no such cells"),
        ("raise ValueError('odd')", "ValueError: odd"),
        ("import sys; sys.exit(7)", "exit status 7"),
        ("import os; os.kill(os.getpid(), 9)", "ended by SIGKILL, perhaps for lack of memory: try fewer --jobs"),
    ],
)
def test_a_failure_is_the_last_line_that_the_command_says(importable: Path, code: str, why: str) -> None:
    with pytest.raises(UserError) as failed:
        run_process(program(importable, code))
    assert str(failed.value) == why


PARENT = """
import sys
from pathlib import Path
from emonas.evaluate.ablate.runs import Run, run_process
run_process(Run("drawn", "drawn_module", (), Path(sys.argv[1]), "done", "key", "f00"))
"""
SLEEPER = """
import os, pathlib, time
pathlib.Path("child").write_text(str(os.getpid()))
try:
    time.sleep(600)
finally:
    pathlib.Path("cleaned").touch()
"""


def wait_for(path: Path) -> None:
    for _ in range(600):
        if path.exists() and (path.name != "child" or path.read_text()):
            return
        time.sleep(0.05)
    raise AssertionError(f"{path} did not appear")


@pytest.mark.parametrize("by", [signal.SIGKILL, signal.SIGINT])
def test_no_process_outlives_the_one_that_started_it(importable: Path, by: signal.Signals) -> None:
    program(importable, SLEEPER)
    command = [sys.executable, "-c", PARENT, str(importable / "run" / "seed0")]
    # In a session of its own, so that the signal reaches the parent alone.
    with subprocess.Popen(command, cwd=importable, stderr=subprocess.DEVNULL, start_new_session=True) as parent:
        wait_for(importable / "child")
        parent.send_signal(by)
    wait_for(importable / "cleaned")
