"""Independent, resumable jobs: run in this process, on several, or on a Ray cluster, always to the same outcome.

A fold, a seed, a cell of an ablation and the search of one fold are all jobs. Each writes its own files and, run again,
goes on or returns at once; that is why a job whose process was lost may simply be run again.

What is equal, bit for bit: the order of an outcome, and each job's result for one number of threads a job, whatever the
engine and however many jobs run at once. What is not: training on one thread against two, since torch splits its sums
on the CPU among its threads. The only job at a time has all cores, each of N has ``cores() // N``, a Ray task as many
as its CPUs; with OMP_NUM_THREADS set beforehand they all have so many, and all results are equal.
"""

from __future__ import annotations

import io
import os
import pickle
import sys
import traceback
from collections.abc import Callable, Generator, Sequence
from contextlib import closing, redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any

from .errors import UserError
from .options import EngineName

#: A job is begun so many times, where its process dies, before it counts as failed.
ATTEMPTS = 3


@dataclass(frozen=True)
class Job:
    """One piece of work. ``work`` is a function of a module and, like its arguments, can be pickled; what it returns
    is small and is no file's only copy. ``name`` is unique among the jobs that run together."""

    name: str
    work: Callable[..., Any]
    arguments: tuple[Any, ...] = ()


@dataclass(frozen=True)
class Engine:
    """Where jobs run."""

    engine: EngineName = "local"
    #: local: how many at once; 1 is this process, more are processes of their own. A cluster runs all that it has
    #: room for.
    jobs: int = 1
    #: ray: host:port of the existing cluster, or "auto" for the one that this machine belongs to.
    address: str | None = None
    #: ray: what a job takes of its node, in CPUs and GPUs; without GPUs it sees none.
    cpus: int = 1
    gpus: float = 0.0
    #: ray: absolute folders that jobs read and write; every node must see the same files there.
    shared: tuple[Path, ...] = ()


@dataclass(frozen=True)
class Outcome:
    """Results and failures (one line each) by the jobs' names, both in the order of the jobs."""

    results: dict[str, Any]
    failures: dict[str, str]
    #: Of the failures that a developer should look at, where they were raised.
    tracebacks: dict[str, str]


@dataclass(frozen=True)
class Ended:
    """How one job ended: with a result, or with a failure of one line."""

    result: Any = None
    failure: str | None = None
    traceback: str = ""
    #: What it wrote to standard error, where that was not the terminal's.
    said: tuple[str, ...] = ()


def run_jobs(jobs: Sequence[Job], engine: Engine, step: Callable[[str], None] | None = None) -> Outcome:
    """Run every job; ``step`` is called with a short note as each one ends. No failure stops another job.

    In processes and on a cluster, jobs are quiet: what they print is dropped, and a warning appears once however many
    of them give it. A job whose process dies, killed or for lack of memory, is begun anew up to twice. Ctrl-C ends
    all jobs; what they have saved stays. Raises UserError for a cluster that cannot be used.
    """
    if len({job.name for job in jobs}) < len(jobs):
        raise ValueError("jobs that run together need names of their own")
    ends: dict[str, Ended] = {}
    said: set[str] = set()
    with closing(_engine(engine)(jobs, engine)) as running:
        for job, ended in running:
            ends[job.name] = ended
            for line in ended.said:
                if line not in said:
                    print(line, file=sys.stderr)
                said.add(line)
            if step:
                step(f"{job.name} failed" if ended.failure else job.name)
    in_order = {job.name: ends[job.name] for job in jobs}
    return Outcome(
        {name: ended.result for name, ended in in_order.items() if ended.failure is None},
        {name: ended.failure for name, ended in in_order.items() if ended.failure is not None},
        {name: ended.traceback for name, ended in in_order.items() if ended.traceback},
    )


def _engine(engine: Engine) -> Callable[[Sequence[Job], Engine], Generator[tuple[Job, Ended]]]:
    if engine.engine == "ray":
        from .jobs_ray import on_ray

        return on_ray
    if engine.jobs > 1:
        from .jobs_local import in_processes

        return in_processes
    return _one_by_one


def _one_by_one(jobs: Sequence[Job], engine: Engine) -> Generator[tuple[Job, Ended]]:
    for job in jobs:
        yield job, _attempt(partial(job.work, *job.arguments))


def _attempt(work: Callable[[], Any]) -> Ended:
    try:
        return Ended(work())
    except UserError as error:
        return Ended(failure=" ".join(str(error).split()))
    except (Exception, SystemExit) as error:
        # The first line says it; torch adds stack traces of its own after it.
        lines = str(error).strip().splitlines()
        failure = f"{type(error).__name__}: {lines[0]}" if lines else type(error).__name__
        return Ended(failure=failure, traceback=traceback.format_exc())


def attempt_quietly(pickled: bytes) -> Ended:
    """Run a pickled job in a worker; its result comes back pickled, so that one that cannot be is a failure, too."""

    def work() -> bytes:
        job: Job = pickle.loads(pickled)
        return pickle.dumps(job.work(*job.arguments))

    said = io.StringIO()
    with Path(os.devnull).open("w", encoding="utf-8") as nowhere, redirect_stdout(nowhere), redirect_stderr(said):
        ended = _attempt(work)
    return replace(ended, said=tuple(said.getvalue().splitlines()))


def opened(ended: Ended) -> Ended:
    """What came back from a worker, with the result unpickled."""
    return ended if ended.failure is not None else replace(ended, result=pickle.loads(ended.result))


def lost(cause: str) -> Ended:
    """The end of a job whose process was lost in every attempt; ``cause`` is that of the last one."""
    return Ended(failure=f"its process was lost {ATTEMPTS} times, at last {cause}")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
