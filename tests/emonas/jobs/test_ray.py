"""Jobs on a Ray cluster of real nodes on this machine: nothing that dies there costs another job."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import ray_jobs
from ray_jobs import refuse, until, wait_for_go

from emonas.errors import UserError
from emonas.jobs import ray as jobs_ray
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs

#: Where Ray tells its workers where this module is.
_FOLDER = str(Path(ray_jobs.__file__).parent)


@pytest.fixture(scope="module")
def cluster() -> Iterator[Any]:
    """Two nodes with a CPU each, ended whatever happens."""
    pytest.importorskip("ray", reason='needs Ray: pip install "emonas[ray]"')
    with pytest.MonkeyPatch.context() as patched:
        patched.setenv("RAY_USAGE_STATS_ENABLED", "0")
        patched.delenv("RAY_ADDRESS", raising=False)
        patched.setenv("PYTHONPATH", os.pathsep.join([_FOLDER, *filter(None, [os.environ.get("PYTHONPATH")])]))
        from ray.cluster_utils import Cluster

        made = Cluster()
        try:
            for name in ("first", "second"):
                made.add_node(num_cpus=1, resources={name: 1}, include_dashboard=False, object_store_memory=10**8)
            yield made
        finally:
            made.shutdown()


def test_jobs_run_on_all_nodes_and_one_that_dies_costs_only_itself(cluster: Any, tmp_path: Path) -> None:
    code = "import sys, ray_jobs; ray_jobs.drive(*sys.argv[1:])"
    command = [sys.executable, "-c", code, cluster.address, str(tmp_path)]
    # Relative to the folder that the program runs in.
    surroundings = {**os.environ, "EMONAS_HOME": "home", "OMP_NUM_THREADS": "3"}
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=120, check=False, cwd=tmp_path, env=surroundings
    )
    # Nothing else is said, neither by the jobs nor by Ray.
    assert done.stderr == ""
    assert len(done.stdout.splitlines()) == 1
    results, failures, tracebacks = json.loads(done.stdout)
    assert list(results) == ["once", "where 0", "where 1", "where 2", "where 3"]
    assert results["once"] == "attempt 2"
    assert [results[f"where {i}"]["square"] for i in range(4)] == [0, 1, 4, 9]
    assert len({results[f"where {i}"]["node"] for i in range(4)}) == 2
    assert results["where 0"]["environment"] == [str(tmp_path / "home"), "3", "passive"]
    assert failures == {
        "always": "its process was lost 3 times, at last with Ray's WorkerCrashedError",
        "refused": "too dark; use a lamp",
        "stumbled": "ValueError: no such thing",
    }
    assert list(tracebacks) == ["stumbled"]
    assert len(list((tmp_path / "always").iterdir())) == 3
    # The token by which nodes show that they see the folder is gone.
    assert sorted(path.name for path in tmp_path.iterdir()) == ["always", "once"]


def test_a_node_lost_in_mid_run_loses_no_job(cluster: Any, tmp_path: Path) -> None:
    lost = cluster.list_all_nodes()[1]

    def begun() -> list[tuple[str, int]]:
        """The jobs that have begun on the node that will be lost, and their processes."""
        names = [path.name.split(".") for path in tmp_path.glob(f"*.{lost.node_id}.*")]
        return [(name, int(process)) for name, _, process in names]

    def lose() -> None:
        until(lambda: bool(begun()))
        cluster.remove_node(lost, allow_graceful=False)
        # A whole machine takes its processes along; here they end a moment after their node.
        until(lambda: not any(Path(f"/proc/{process}").exists() for _, process in begun()))
        (tmp_path / "go").touch()

    killer = threading.Thread(target=lose)
    killer.start()
    try:
        jobs = [Job(str(i), wait_for_go, (tmp_path, str(i))) for i in range(4)]
        outcome = run_jobs(jobs, Engine("ray", address=cluster.address))
    finally:
        killer.join()
    assert outcome.failures == {}
    assert list(outcome.results) == ["0", "1", "2", "3"]
    assert begun()
    assert lost.node_id not in outcome.results.values()


def test_a_cluster_without_the_gpus_asked_for_is_refused(cluster: Any) -> None:
    with pytest.raises(UserError, match="no node of the Ray cluster has 1 CPUs and 2 GPUs"):
        run_jobs([Job("a", refuse)], Engine("ray", address=cluster.address, gpus=2))


def test_a_node_that_differs_is_named(tmp_path: Path) -> None:
    engine = Engine("ray", shared=(tmp_path / "runs", tmp_path / "home"))
    jobs_ray._check_node("n1", engine, jobs_ray.__version__, [True, True])
    with pytest.raises(UserError, match=r"node n1 of the Ray cluster does not see .*home; the run folder"):
        jobs_ray._check_node("n1", engine, jobs_ray.__version__, [True, False])
    with pytest.raises(UserError, match=r"node n1 of the Ray cluster has emonas 0\.0\.1"):
        jobs_ray._check_node("n1", engine, "0.0.1", [True, True])


def test_a_node_sees_what_is_there(tmp_path: Path) -> None:
    (tmp_path / "token").touch()
    assert jobs_ray.find_on_node([str(tmp_path / "token"), str(tmp_path / "no")])[1] == [True, False]


def test_ray_missing_is_one_line_that_names_the_extra(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UserError, match=r'pip install "emonas\[ray\]"'):
        run_jobs([Job("a", refuse)], Engine("ray"))


@pytest.mark.parametrize("address", ["local", "ray://127.0.0.1:10001", "127.0.0.1"])
def test_an_address_that_names_no_running_cluster_is_refused(address: str) -> None:
    pytest.importorskip("ray", reason='needs Ray: pip install "emonas[ray]"')
    with pytest.raises(UserError, match="must be HOST:PORT"):
        run_jobs([Job("a", refuse)], Engine("ray", address=address))


def test_a_cluster_that_does_not_answer_is_one_line(monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("ray", reason='needs Ray: pip install "emonas[ray]"')
    monkeypatch.setattr(jobs_ray, "CONNECT_SECONDS", 2)
    with pytest.raises(UserError, match="no Ray cluster answers within 2 s"):
        run_jobs([Job("a", refuse)], Engine("ray", address="127.0.0.1:9"))
