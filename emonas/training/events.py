"""What TensorBoard shows, written so that a full disk is one line as everywhere else."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from torch.utils.tensorboard import SummaryWriter

from emonas.errors import UserError


def open_events(folder: Path, start: int) -> SummaryWriter:
    """A writer of events into a folder; ``start`` hides what a killed run wrote of epochs that are run again.

    Raises UserError where the folder cannot be written.
    """
    with telling(folder):
        writer = SummaryWriter(str(folder), purge_step=start)
    _quieten()
    return writer


@contextmanager
def telling(folder: Path) -> Iterator[None]:
    """Where events are written inside, an error of the disk is a UserError."""
    try:
        yield
    except OSError as error:
        raise UserError(f"cannot write TensorBoard's events in {folder}: {error.strerror or error}") from None


def _quieten() -> None:
    """Keep the writer's own thread from printing the error that it hands on to whoever writes next."""
    usual = threading.excepthook
    if getattr(usual, "of_events", False):
        return

    def tell(args: Any) -> None:
        if not (isinstance(args.exc_value, OSError) and type(args.thread).__module__.startswith("tensorboard.")):
            usual(args)

    tell.of_events = True  # type: ignore[attr-defined]
    threading.excepthook = tell
