"""A job, the engine that runs it, and how it ended."""

from __future__ import annotations

import io
import os
import pickle
import traceback
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from emonas.errors import UserError
from emonas.options.types import EngineName

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
    #: local: a process of its own even for the only job at a time, which keeps it quiet and its death to itself.
    apart: bool = False
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


def unpickle_result(ended: Ended) -> Ended:
    """What came back from a worker, with the result unpickled."""
    return ended if ended.failure is not None else replace(ended, result=pickle.loads(ended.result))


def lost_job(cause: str) -> Ended:
    """The end of a job whose process was lost in every attempt; ``cause`` is that of the last one."""
    return Ended(failure=f"its process was lost {ATTEMPTS} times, at last {cause}")


def cores() -> int:
    """How many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
