"""What jobs of the tests do: work, refuse, stumble, die. In a module that worker processes can import."""

from __future__ import annotations

import os
import signal
import sys
import time
import warnings
from pathlib import Path
from typing import Any

from emonas.console import say, warn
from emonas.errors import UserError
from emonas.files import replacing
from emonas.jobs.job import Engine, Job
from emonas.jobs.run import run_jobs


def square(number: int) -> dict[str, int]:
    say(f"working on {number}")
    warn("calm seas")
    return {"square": number**2}


def refuse(words: str) -> None:
    raise UserError(words)


def stumble() -> None:
    raise ValueError("no such\nthing")


def leave() -> None:
    sys.exit(3)


def hidden_function() -> Any:
    return lambda: None


def die(times: int, folder: Path) -> str:
    """Be killed in the first ``times`` attempts; say in which one it went well."""
    attempt = len(list(folder.iterdir())) + 1
    (folder / str(attempt)).touch()
    if attempt <= times:
        os.kill(os.getpid(), signal.SIGKILL)
    return f"attempt {attempt}"


def end_at_once(status: int = 7) -> None:
    os._exit(status)


def surroundings() -> dict[str, str | None]:
    return {key: os.environ.get(key) for key in ("OMP_NUM_THREADS", "OMP_WAIT_POLICY")}


def same_process() -> int:
    return os.getpid()


def deprecated() -> None:
    warnings.warn("an old way", UserWarning, stacklevel=1)


def save_for_ever(folder: Path) -> None:
    """Save one thing, then be busy writing a second one that is never whole."""
    (folder / f"{os.getpid()}.saved").touch()
    with replacing(folder / f"{os.getpid()}.never") as temporary:
        temporary.touch()
        time.sleep(600)


def alive(process: int) -> bool:
    try:
        os.kill(process, 0)
    except ProcessLookupError:
        return False
    return True


def started(folder: Path, count: int, patience: float = 60.0) -> list[int]:
    """The processes of so many jobs that have saved something; waits for them."""
    end = time.monotonic() + patience
    while time.monotonic() < end:
        found = [int(path.stem) for path in folder.glob("*.saved")]
        if len(found) == count and len(list(folder.glob("*.tmp"))) == count:
            return found
        time.sleep(0.02)
    raise AssertionError(f"fewer than {count} jobs have started")


def drive(folder: str) -> None:
    """Two jobs without end, as a program of its own."""
    run_jobs([Job(name, save_for_ever, (Path(folder),)) for name in ("a", "b")], Engine(jobs=2))


def gone(processes: list[int], patience: float = 30.0) -> bool:
    end = time.monotonic() + patience
    while time.monotonic() < end and any(map(alive, processes)):
        time.sleep(0.02)
    return not any(map(alive, processes))
