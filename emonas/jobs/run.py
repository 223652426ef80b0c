"""Independent, resumable jobs: run in this process, on several, or on a Ray cluster, always to the same outcome.

A fold, a seed, a search or a training of an ablation, a batch of prepared pictures: all are jobs. Each writes its own
files and, run again, goes on or returns at once; that is why a job whose process was lost may simply be run again.

What is equal, bit for bit: the order of an outcome, and each job's result for one number of threads a job, whatever the
engine and however many jobs run at once. What is not: training on one thread against two, since torch splits its sums
on the CPU among its threads. The only job at a time has all cores, each of N has ``cores() // N``, a Ray task as many
as its CPUs; with OMP_NUM_THREADS set beforehand they all have so many, and all results are equal.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Generator, Sequence
from contextlib import closing
from functools import partial

from emonas.jobs.job import Ended, Engine, Job, Outcome, _attempt


def run_jobs(jobs: Sequence[Job], engine: Engine, step: Callable[[str], None] | None = None) -> Outcome:
    """Run every job; ``step`` is called with a short note as each one ends. No failure stops another job.

    In processes and on a cluster, jobs are quiet: what they print is dropped, and a warning appears once however many
    of them give it. A job whose process dies, killed or for lack of memory, is begun anew up to twice. Ctrl-C ends
    all jobs; what they have saved stays. Raises UserError for a cluster that cannot be used.
    """
    ends: dict[str, Ended] = {}
    with closing(run_each(jobs, engine)) as running:
        for job, ended in running:
            ends[job.name] = ended
            if step:
                step(f"{job.name} failed" if ended.failure else job.name)
    in_order = {job.name: ends[job.name] for job in jobs}
    return Outcome(
        {name: ended.result for name, ended in in_order.items() if ended.failure is None},
        {name: ended.failure for name, ended in in_order.items() if ended.failure is not None},
        {name: ended.traceback for name, ended in in_order.items() if ended.traceback},
    )


def run_each(jobs: Sequence[Job], engine: Engine) -> Generator[tuple[Job, Ended]]:
    """The same, as it happens: each job with its end, in the order of the ends.

    For a caller who may want no more of it: closing the iterator ends all that runs.
    """
    if len({job.name for job in jobs}) < len(jobs):
        raise ValueError("jobs that run together need names of their own")
    said: set[str] = set()
    with closing(_engine(engine)(jobs, engine)) as running:
        for job, ended in running:
            for line in ended.said:
                if line not in said:
                    print(line, file=sys.stderr)
                said.add(line)
            yield job, ended


def _engine(engine: Engine) -> Callable[[Sequence[Job], Engine], Generator[tuple[Job, Ended]]]:
    if engine.engine == "ray":
        from emonas.jobs.ray import run_on_ray

        return run_on_ray
    if engine.jobs > 1 or engine.apart:
        from emonas.jobs.local import run_in_processes

        return run_in_processes
    return _one_by_one


def _one_by_one(jobs: Sequence[Job], engine: Engine) -> Generator[tuple[Job, Ended]]:
    for job in jobs:
        yield job, _attempt(partial(job.work, *job.arguments))
