"""What jobs on a Ray cluster do in the tests, in a module that the workers can import."""

from __future__ import annotations

import json
import os
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from job_functions import die

from emonas.errors import UserError
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs

ENVIRONMENT = ("EMONAS_HOME", "OMP_NUM_THREADS", "OMP_WAIT_POLICY")


def where(number: int) -> dict[str, Any]:
    """On which node a job runs, half a second long, so that no node is left out."""
    import ray

    print("quiet, please")
    time.sleep(0.5)
    node = ray.get_runtime_context().get_node_id()
    return {"square": number**2, "node": node, "environment": [os.environ[key] for key in ENVIRONMENT]}


def refuse() -> None:
    raise UserError("too dark;\nuse a lamp")


def stumble() -> None:
    raise ValueError("no such thing")


def wait_for_go(folder: Path, name: str) -> str:
    """Write down where it has begun, as name, node and process, then wait for a file ``go``; gives the node."""
    import ray

    node = ray.get_runtime_context().get_node_id()
    (folder / f"{name}.{node}.{os.getpid()}").touch()
    while not (folder / "go").exists():
        time.sleep(0.05)
    return node


def until(condition: Callable[[], bool], seconds: float = 60.0) -> None:
    end = time.monotonic() + seconds
    while not condition() and time.monotonic() < end:
        time.sleep(0.05)


def drive(address: str, folder: str) -> None:
    """Jobs of all kinds, as a program of its own; the outcome as JSON on standard output."""
    for name in ("once", "always"):
        (Path(folder) / name).mkdir()
    jobs = [
        Job("once", die, (1, Path(folder) / "once")),
        Job("always", die, (9, Path(folder) / "always")),
        *(Job(f"where {i}", where, (i,)) for i in range(4)),
        Job("refused", refuse),
        Job("stumbled", stumble),
    ]
    outcome = run_jobs(jobs, Engine("ray", address=address, shared=(Path(folder),)))
    print(json.dumps([outcome.results, outcome.failures, outcome.tracebacks]))
