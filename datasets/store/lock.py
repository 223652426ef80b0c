"""One process at a time for each prepared data set: a folder of its own that is held while it works."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

_FILE = "lock"


@contextmanager
def lock(folder: Path, wait: Callable[[], None]) -> Iterator[None]:
    """Hold ``folder``, which is made where it is missing, against other processes; the system lets go of it on a kill.

    ``wait`` is called once where another process holds it. The holder may remove the folder. Where the system or a
    network disk knows no locks, nothing is held. Raises OSError when the folder cannot be made.
    """
    if sys.platform == "win32":
        folder.mkdir(parents=True, exist_ok=True)
        yield
        return
    handle = _locked(folder, wait)
    try:
        yield
    finally:
        os.close(handle)


if sys.platform != "win32":
    import fcntl

    def _locked(folder: Path, wait: Callable[[], None]) -> int:
        while True:
            folder.mkdir(parents=True, exist_ok=True)
            # Whoever held the folder may remove it, and the file that the others wait for with it.
            with suppress(FileNotFoundError):
                handle = os.open(folder / _FILE, os.O_RDWR | os.O_CREAT)
                _lock(handle, wait)
                if _is_there(handle, folder / _FILE):
                    return handle
                os.close(handle)

    def _lock(handle: int, wait: Callable[[], None]) -> None:
        try:
            fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            wait()
            fcntl.flock(handle, fcntl.LOCK_EX)
        except OSError:
            pass  # a disk without locks

    def _is_there(handle: int, path: Path) -> bool:
        return path.exists() and os.path.samestat(os.fstat(handle), path.stat())
