"""One process at a time for each prepared data set: a folder of its own that is held while it works."""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from filelock import FileLock, Timeout

_FILE = "lock"
#: What a network disk without locks answers.
_NO_LOCKS = frozenset({errno.ENOLCK, errno.ENOSYS, errno.EOPNOTSUPP})


@contextmanager
def lock(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold ``folder``, which is made where it is missing, against other processes; the system lets go of it on a kill.

    ``wait`` is called once where another process holds it. The holder may remove the folder (Windows leaves it there,
    with an empty file). Where a network disk knows no locks, nothing is held. Raises OSError when the folder cannot be
    made.
    """
    held = _acquire(folder, wait)
    try:
        yield
    finally:
        held.release()


def _acquire(folder: Path, wait: Callable[[], None]) -> FileLock:
    held = FileLock(folder / _FILE)
    waits = False
    while True:
        folder.mkdir(parents=True, exist_ok=True)
        # Whoever held the folder may remove it, and the file that the others wait for with it.
        with suppress(FileNotFoundError), (folder / _FILE).open("a") as file:
            try:
                held.acquire(timeout=-1 if waits else 0)
            except Timeout:
                wait()
                waits = True
                continue
            except (NotImplementedError, OSError) as error:
                if isinstance(error, OSError) and error.errno not in _NO_LOCKS:
                    raise
                return held
            # What is open cannot be replaced by another of the same number.
            if _is_there(file.fileno(), folder / _FILE):
                return held
        held.release()


def _is_there(handle: int, path: Path) -> bool:
    return path.exists() and os.path.samestat(os.fstat(handle), path.stat())
