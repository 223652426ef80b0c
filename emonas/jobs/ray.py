"""Jobs on an existing Ray cluster: each is a task of its own, so that a lost worker or node costs its jobs only.

A lost job is submitted anew from here instead of by Ray's ``max_retries``, which would try one that needs too much
memory for ever. This process must run on one of the cluster's nodes, and all nodes need the same emonas and files.
"""

from __future__ import annotations

import logging
import os
import pickle
import re
import secrets
import subprocess
import sys
from collections.abc import Generator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from emonas import __version__
from emonas.errors import UserError
from emonas.files import write_text
from emonas.jobs.job import ATTEMPTS, Ended, Engine, Job, attempt_quietly, lost_job, unpickle_result

#: Seconds in which the cluster must answer.
CONNECT_SECONDS = 30
#: Seconds in which every node must have started a process and answered; a busy one with slow disks takes its time.
NODES_SECONDS = 120


def run_on_ray(jobs: Sequence[Job], engine: Engine) -> Generator[tuple[Job, Ended]]:
    """Run jobs as the cluster has room for them; gives each with its end as it ends.

    Raises UserError when Ray is not installed, when the cluster does not answer, and when a node lacks emonas or does
    not see ``engine.shared``. Closing the iterator, or an exception such as Ctrl-C, ends the tasks.
    """
    ray = _connected(engine.address or "auto")
    try:
        _check_nodes(ray, engine)
        task = ray.remote(num_cpus=engine.cpus, num_gpus=engine.gpus, max_retries=0)(attempt_quietly)
        running = {task.remote(pickle.dumps(job)): (job, 1) for job in jobs}
        while running:
            (reference,), _ = ray.wait(list(running), num_returns=1)
            job, number = running.pop(reference)
            try:
                ended = unpickle_result(ray.get(reference))
            except ray.exceptions.RayError as error:
                if number < ATTEMPTS:
                    running[task.remote(pickle.dumps(job))] = (job, number + 1)
                    continue
                ended = lost_job(_cause(error))
            yield job, ended
    finally:
        ray.shutdown()


def _connected(address: str) -> Any:
    """The module ray, connected. Raises UserError."""
    # Else it tells of every worker lost on standard output; read when Ray is imported.
    os.environ.setdefault("RAY_DEDUP_LOGS_SKIP_REGEX", ".")
    try:
        import ray
    except ImportError:
        raise UserError('--engine ray needs Ray: pip install "emonas[ray]"') from None
    if address != "auto" and not re.fullmatch(r"[^\s/]+:\d+", address):
        raise UserError(f'--address {address}: must be HOST:PORT of a running Ray cluster, or "auto"')
    _rehearse(address)
    ray.init(
        address=address, runtime_env={"env_vars": _environment()}, log_to_driver=False, logging_level=logging.ERROR
    )
    return ray


def _rehearse(address: str) -> None:
    """Connect in a process that can be ended: Ray itself keeps trying for minutes, and then ends its process."""
    code = (
        "import ray, sys\n"
        "try: ray.init(address=sys.argv[1], log_to_driver=False, logging_level='ERROR')\n"
        "except Exception as error: sys.exit(f'emonas: {error}')"
    )
    try:
        done = subprocess.run(
            [sys.executable, "-c", code, address], capture_output=True, text=True, timeout=CONNECT_SECONDS, check=False
        )
    except subprocess.TimeoutExpired:
        raise UserError(
            f"--address {address}: no Ray cluster answers within {CONNECT_SECONDS} s; "
            "is it running, and does this machine belong to it (ray start --address=HOST:PORT)?"
        ) from None
    if done.returncode:
        reason = " ".join(done.stderr.rpartition("emonas: ")[2].split())
        raise UserError(f"--address {address}: the Ray cluster cannot be used: {reason}")


def _environment() -> dict[str, str]:
    """What workers on all nodes must find in their environment."""
    found = {"OMP_WAIT_POLICY": "passive"}
    if threads := os.environ.get("OMP_NUM_THREADS"):
        found["OMP_NUM_THREADS"] = threads
    if home := os.environ.get("EMONAS_HOME"):
        found["EMONAS_HOME"] = str(Path(home).expanduser().absolute())
    return found


def _check_nodes(ray: Any, engine: Engine) -> None:
    """Ask every node that can take a job whether it has this emonas and sees the shared folders. Raises UserError."""
    from ray.util.scheduling_strategies import NodeAffinitySchedulingStrategy

    able = [node for node in ray.nodes() if node["Alive"] and _fits(node["Resources"], engine)]
    if not able:
        raise UserError(f"no node of the Ray cluster has {engine.cpus} CPUs and {engine.gpus:g} GPUs for a job")
    tokens = [folder / f".emonas-{secrets.token_hex(8)}" for folder in engine.shared]
    try:
        for token in tokens:
            write_text(token, "")
        probe = ray.remote(num_cpus=0, max_retries=0)(find_on_node)
        asked = []
        for node in able:
            there = NodeAffinitySchedulingStrategy(node["NodeID"], soft=False)
            answer = probe.options(scheduling_strategy=there).remote([str(token) for token in tokens])
            asked.append((node["NodeManagerHostname"], answer))
        for host, answer in asked:
            _check_node(host, engine, *_answer(ray, host, answer))
    finally:
        for token in tokens:
            with suppress(OSError):
                token.unlink()


def _fits(resources: dict[str, float], engine: Engine) -> bool:
    return resources.get("CPU", 0.0) >= engine.cpus and resources.get("GPU", 0.0) >= engine.gpus


def find_on_node(tokens: list[str]) -> tuple[str, list[bool]]:
    """On a node: its version of emonas, and which of the files it finds."""
    return __version__, [Path(token).exists() for token in tokens]


def _answer(ray: Any, host: str, answer: Any) -> tuple[str, list[bool]]:
    try:
        return ray.get(answer, timeout=NODES_SECONDS)
    except ray.exceptions.RayError as error:
        raise UserError(
            f"node {host} of the Ray cluster cannot run jobs ({type(error).__name__}); is emonas installed there?"
        ) from None


def _check_node(host: str, engine: Engine, version: str, seen: Sequence[bool]) -> None:
    if version != __version__:
        raise UserError(
            f"node {host} of the Ray cluster has emonas {version}, this one {__version__}; install the same"
        )
    hidden = [str(folder) for folder, found in zip(engine.shared, seen, strict=True) if not found]
    if hidden:
        raise UserError(
            f"node {host} of the Ray cluster does not see {' and '.join(hidden)}; "
            "the run folder and EMONAS_HOME must lie on storage that all nodes share"
        )


def _cause(error: Exception) -> str:
    memory = type(error).__name__ == "OutOfMemoryError"
    return f"with Ray's {type(error).__name__}" + (", for lack of memory" if memory else "")
