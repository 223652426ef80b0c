"""Image libraries written in C that talk to standard error by themselves, of what we tell in one line of our own."""

from __future__ import annotations

import os
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager

_lock = threading.Lock()
_inside = 0
_stderr = -1


@contextmanager
def silent_libraries() -> Iterator[None]:
    """Standard error of the process leads nowhere inside; several threads may be inside at once."""
    _enter()
    try:
        yield
    finally:
        _leave()


def _enter() -> None:
    global _inside, _stderr
    with _lock:
        _inside += 1
        if _inside > 1:
            return
        if sys.stderr is not None:
            sys.stderr.flush()
        try:
            _stderr = os.dup(2)
            nowhere = os.open(os.devnull, os.O_WRONLY)
            os.dup2(nowhere, 2)
            os.close(nowhere)
        except OSError:
            # A program without a standard error, or without a file to spare, hears what the library says.
            _restore()


def _leave() -> None:
    global _inside
    with _lock:
        _inside -= 1
        if not _inside:
            _restore()


def _restore() -> None:
    global _stderr
    if _stderr >= 0:
        os.dup2(_stderr, 2)
        os.close(_stderr)
        _stderr = -1
