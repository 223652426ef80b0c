"""Jobs in this process and on several: the same outcome, whatever raises, dies or is interrupted."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from contextlib import closing, suppress
from pathlib import Path
from typing import Any

import job_functions
import pytest
from job_functions import (
    alive,
    deprecated,
    die,
    end_at_once,
    gone,
    hidden_function,
    leave,
    refuse,
    same_process,
    save_for_ever,
    square,
    started,
    stumble,
    surroundings,
)

from emonas.jobs.job import Engine, Job, cores
from emonas.jobs.run import run_each, run_jobs

HERE, TWO = Engine(), Engine(jobs=2)


@pytest.fixture
def program(tmp_path: Path) -> Any:
    """``drive`` in a session of its own, as soon as both jobs have saved something."""
    code = "import sys; sys.path.insert(0, sys.argv[1]); import job_functions; job_functions.drive(sys.argv[2])"
    process = subprocess.Popen(
        [sys.executable, "-c", code, str(Path(job_functions.__file__).parent), str(tmp_path)],
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    yield process
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def test_several_processes_give_what_one_gives_in_the_order_of_the_jobs(tmp_path: Path) -> None:
    late = tmp_path / "late"
    late.mkdir()
    jobs = [
        # This one ends last where two run at once, since its process has to be started again.
        Job("killed once", die, (1, late)),
        *(Job(f"square {i}", square, (i,)) for i in (3, 1, 2)),
        Job("refused", refuse, ("too dark;\nuse a lamp",)),
        Job("stumbled", stumble),
        Job("left", leave),
    ]
    steps: list[str] = []
    several = run_jobs(jobs, TWO, steps.append)
    assert next(iter(several.results.items())) == ("killed once", "attempt 2")
    del several.results["killed once"]
    alone = run_jobs(jobs[1:], HERE)
    assert alone.results == {"square 3": {"square": 9}, "square 1": {"square": 1}, "square 2": {"square": 4}}
    assert list(several.results) == list(alone.results) == ["square 3", "square 1", "square 2"]
    assert several.results == alone.results
    assert several.failures == alone.failures
    assert list(several.failures.items()) == [
        ("refused", "too dark; use a lamp"),
        ("stumbled", "ValueError: no such"),
        ("left", "SystemExit: 3"),
    ]
    assert sorted(steps) == sorted(f"{job.name} failed" if job.name in alone.failures else job.name for job in jobs)
    # What a user can put right needs no traceback; what a developer must look at has one.
    for outcome in (several, alone):
        assert list(outcome.tracebacks) == ["stumbled", "left"]
        assert "in stumble" in outcome.tracebacks["stumbled"]


def test_workers_are_quiet_but_for_each_warning_once_and_answer_with_what_can_be_sent(
    capfd: pytest.CaptureFixture[str],
) -> None:
    jobs = [Job(f"square {i}", square, (i,)) for i in range(4)] + [Job("old", deprecated), Job("sent", hidden_function)]
    outcome = run_jobs(jobs, TWO)
    said = capfd.readouterr()
    assert said.out == ""
    assert said.err.count("note: calm seas\n") == 1
    assert "UserWarning: an old way" in said.err
    # A result that cannot be sent costs its job only.
    assert list(outcome.failures) == ["sent"]
    run_jobs(jobs[:2], HERE)
    said = capfd.readouterr()
    assert said.out == "working on 0\nworking on 1\n"
    assert said.err.count("calm seas") == 2


def test_a_job_that_always_dies_is_a_failure_that_names_the_signal_and_the_others_finish(tmp_path: Path) -> None:
    jobs = [
        Job("killed", die, (9, tmp_path)),
        Job("ended", end_at_once),
        *(Job(f"square {i}", square, (i,)) for i in range(3)),
    ]
    outcome = run_jobs(jobs, TWO)
    assert outcome.failures == {
        "killed": "its process was lost 3 times, at last by SIGKILL, perhaps for lack of memory: try fewer --jobs",
        "ended": "its process was lost 3 times, at last with exit status 7",
    }
    assert len(list(tmp_path.iterdir())) == 3
    assert len(outcome.results) == 3


def test_a_worker_serves_many_jobs_and_this_process_none_of_them() -> None:
    outcome = run_jobs([Job(str(i), same_process) for i in range(6)], TWO)
    processes = set(outcome.results.values())
    assert 1 <= len(processes) <= 2
    assert os.getpid() not in processes
    assert gone(list(processes))


def test_the_only_job_at_a_time_can_have_a_process_of_its_own(tmp_path: Path) -> None:
    jobs = [Job("killed", die, (9, tmp_path)), Job("square", square, (2,)), Job("where", same_process)]
    outcome = run_jobs(jobs, Engine(apart=True))
    assert list(outcome.failures) == ["killed"]
    assert outcome.results["square"] == {"square": 4} and outcome.results["where"] != os.getpid()


def test_a_job_that_ends_its_process_as_if_all_were_well_is_a_failure() -> None:
    outcome = run_jobs([Job("ended", end_at_once, (0,)), Job("square", square, (2,))], TWO)
    assert outcome.failures == {"ended": "its process was lost 3 times, at last with exit status 0"}
    assert outcome.results == {"square": {"square": 4}}


def test_ends_come_as_they_happen_and_who_wants_no_more_ends_the_rest(tmp_path: Path) -> None:
    jobs = [Job("quick", square, (1,)), Job("endless", save_for_ever, (tmp_path,))]
    with closing(run_each(jobs, TWO)) as running:
        job, ended = next(running)
        assert (job.name, ended.result) == ("quick", {"square": 1})
        children = started(tmp_path, 1)
    assert gone(children)


def test_workers_share_the_cores_unless_the_user_has_said_how_many_threads(monkeypatch: pytest.MonkeyPatch) -> None:
    jobs = [Job(str(i), surroundings) for i in range(2)]
    monkeypatch.setenv("OMP_NUM_THREADS", "5")
    assert run_jobs(jobs, TWO).results["0"]["OMP_NUM_THREADS"] == "5"
    monkeypatch.delenv("OMP_NUM_THREADS")
    monkeypatch.delenv("OMP_WAIT_POLICY")
    monkeypatch.setattr("emonas.jobs.local.cores", lambda: 7)
    found = run_jobs(jobs, TWO).results
    assert found["0"] == found["1"] == {"OMP_NUM_THREADS": "3", "OMP_WAIT_POLICY": "passive"}
    assert "OMP_NUM_THREADS" not in os.environ
    assert "OMP_WAIT_POLICY" not in os.environ
    assert cores() >= 1


def test_jobs_need_names_of_their_own() -> None:
    with pytest.raises(ValueError, match="names of their own"):
        run_jobs([Job("same", square, (1,)), Job("same", square, (2,))], HERE)


def test_no_jobs_are_no_work() -> None:
    assert run_jobs([], TWO).results == run_jobs([], HERE).results == {}


def test_ctrl_c_ends_the_children_and_keeps_what_they_have_saved(
    program: subprocess.Popen[str], tmp_path: Path
) -> None:
    children = started(tmp_path, 2)
    assert all(map(alive, children))
    # As a terminal does it: to the whole group.
    os.killpg(program.pid, signal.SIGINT)
    _, error = program.communicate(timeout=60)
    assert gone(children)
    assert "KeyboardInterrupt" in error
    assert error.count("Traceback") == 1
    # Whole or absent: nothing half-written is left behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{child}.saved" for child in children)


def test_children_end_when_their_parent_is_killed(program: subprocess.Popen[str], tmp_path: Path) -> None:
    children = started(tmp_path, 2)
    program.kill()
    assert gone(children)
    # Nor do they leave anything half-written behind.
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted(f"{child}.saved" for child in children)


def test_an_exception_of_the_caller_ends_the_children(tmp_path: Path) -> None:
    def step(note: str) -> None:
        started(tmp_path, 1)
        raise KeyboardInterrupt

    jobs = [Job("quick", square, (1,)), Job("endless", save_for_ever, (tmp_path,))]
    with pytest.raises(KeyboardInterrupt):
        run_jobs(jobs, TWO, step)
    (child,) = (int(path.stem) for path in tmp_path.glob("*.saved"))
    assert not alive(child)
