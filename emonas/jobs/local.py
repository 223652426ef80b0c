"""Jobs on several processes of this machine; a process that dies costs its own job only.

This is the one pool: folds, ablations and the preparing of pictures run on it. A worker serves many jobs, since
importing torch takes seconds, and is replaced only when it has died.

It is our own, since those of the standard library and of joblib break as a whole when one worker dies, and pebble's
(tried: 5.2, two workers) keeps less of what is promised here. Its workers share one queue and a lock on it: one that is
killed while it answers leaves the others waiting for ever; one that is killed while it starts, or while it takes its
job, fails every job; and a job that ends its process with status 0 is never answered. Busy workers outlive a killed
parent, and one that is stopped leaves its half-written files. Here each worker has a pipe of its own.
"""

from __future__ import annotations

import os
import pickle
import signal
import threading
import time
from collections import deque
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, replace
from multiprocessing import get_context, parent_process, resource_tracker
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess

from emonas.jobs.job import ATTEMPTS, Ended, Engine, Job, attempt_quietly, cores, lost_job, unpickle_result

#: Seconds that a worker has, once told, to end by itself.
_GRACE = 5.0


@dataclass(frozen=True)
class _Try:
    job: Job
    number: int = 1


@dataclass
class _Worker:
    process: SpawnProcess
    pipe: Connection
    task: _Try | None = None

    def give(self, task: _Try) -> None:
        self.task = task
        # One that died while it was idle is found out like one that dies at work.
        with suppress(OSError):
            self.pipe.send_bytes(pickle.dumps(task.job))

    def ended(self) -> Ended | None:
        """How its job ended; None when the process has died first."""
        try:
            return unpickle_result(self.pipe.recv()) if self.pipe.poll() else None
        except (EOFError, OSError):
            return None


def run_in_processes(jobs: Sequence[Job], engine: Engine) -> Generator[tuple[Job, Ended]]:
    """Run jobs on up to ``engine.jobs`` processes at once; gives each with its end as it ends.

    Jobs wait here until a process is free, so that those which were not begun cost nothing when it all ends. Closing
    the iterator, or an exception such as Ctrl-C, ends the processes.
    """
    waiting = deque(_Try(job) for job in jobs)
    idle: list[_Worker] = []
    busy: list[_Worker] = []
    try:
        while waiting or busy:
            while waiting and len(busy) < engine.jobs:
                worker = idle.pop() if idle else _start(max(1, cores() // engine.jobs))
                busy.append(worker)
                worker.give(waiting.popleft())
            ready = wait([worker.pipe for worker in busy])
            for worker in [worker for worker in busy if worker.pipe in ready]:
                task, ended = worker.task, worker.ended()
                assert task
                busy.remove(worker)
                if ended is not None:
                    idle.append(worker)
                    yield task.job, ended
                    continue
                cause = _cause_of_death(worker)
                if task.number < ATTEMPTS:
                    # Last in the queue: fewer jobs at once leave more memory.
                    waiting.append(replace(task, number=task.number + 1))
                else:
                    yield task.job, lost_job(cause)
    finally:
        _end(idle, busy)


def _cause_of_death(worker: _Worker) -> str:
    worker.process.join()
    status = worker.process.exitcode
    worker.pipe.close()
    if status is None or status >= 0:
        return f"with exit status {status}"
    name = next((one.name for one in signal.Signals if one == -status), f"signal {-status}")
    return f"by {name}" + (", perhaps for lack of memory: try fewer --jobs" if name == "SIGKILL" else "")


def _end(idle: Sequence[_Worker], busy: Sequence[_Worker]) -> None:
    for worker in busy:
        worker.process.terminate()
    for worker in (*idle, *busy):
        # The end of its pipe tells an idle worker to go.
        worker.pipe.close()
    deadline = time.monotonic() + _GRACE
    for worker in (*idle, *busy):
        worker.process.join(max(0.0, deadline - time.monotonic()))
        if worker.process.exitcode is None:
            worker.process.kill()
            worker.process.join()


def _start(threads: int) -> _Worker:
    # A forked process would inherit locked threads of libraries; a spawned one starts clean on every system.
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,))
    with _threads_of_a_worker(threads), _interrupts_held():
        process.start()
    theirs.close()
    return _Worker(process, ours)


@contextmanager
def _threads_of_a_worker(threads: int) -> Iterator[None]:
    """Environment that a worker must find before it imports anything; what the user has set goes first."""
    wanted = {"OMP_NUM_THREADS": str(threads), "OMP_WAIT_POLICY": "passive"}
    added = {key: value for key, value in wanted.items() if key not in os.environ}
    os.environ.update(added)
    try:
        yield
    finally:
        for key in added:
            del os.environ[key]


@contextmanager
def _interrupts_held() -> Iterator[None]:
    """Ctrl-C reaches every process of the terminal: what starts now never takes it, this process takes it later."""
    if not hasattr(signal, "pthread_sigmask"):
        yield
        return
    # Started with the first process otherwise, and some versions of it let the signals through again.
    resource_tracker.ensure_running()
    before = signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})
    try:
        yield
    finally:
        signal.pthread_sigmask(signal.SIG_SETMASK, before)


def _serve(pipe: Connection) -> None:
    """A worker's life: take a job, run it, answer, until the pipe ends."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    # An exception, so that half-written temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_die_with_parent, daemon=True).start()
    try:
        while True:
            pipe.send(attempt_quietly(pipe.recv_bytes()))
    except (EOFError, OSError):
        return
    except KeyboardInterrupt:
        signal.signal(signal.SIGTERM, signal.SIG_DFL)
        signal.raise_signal(signal.SIGTERM)


def _die_with_parent() -> None:
    """A killed process cannot end its workers, which would go on and write where its successor writes."""
    parent = parent_process()
    if parent is not None:
        parent.join()
        # As the parent itself would have ended it; by force where that does not help.
        os.kill(os.getpid(), signal.SIGTERM)
        time.sleep(_GRACE)
        os._exit(1)
