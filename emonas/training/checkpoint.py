"""Checkpoints: state dicts only, whole or absent, read without pickled code."""

from __future__ import annotations

import io
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import torch

from emonas.errors import UserError
from emonas.files import replacing, why_not_a_file


def save(path: Path, state: dict[str, Any]) -> None:
    """Write tensors and plain data. Goes through memory, so that a full disk is an OSError with a name."""
    buffer = io.BytesIO()
    torch.save(state, buffer)
    with replacing(path) as temporary:
        temporary.write_bytes(buffer.getbuffer())


def load(path: Path, device: torch.device | str = "cpu") -> dict[str, Any]:
    """Read what `save` wrote. Raises UserError for a missing, cut-off or foreign file."""
    if reason := why_not_a_file(path):
        raise UserError(f"{path}: {reason}")
    try:
        content = io.BytesIO(path.read_bytes())
    except OSError as error:
        raise UserError(f"{path}: cannot be read: {error.strerror}") from None
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # what torch has to say about a foreign file's pickle protocol
            state = torch.load(content, map_location=device, weights_only=True)
    except torch.OutOfMemoryError:
        raise
    except Exception as error:  # reading a damaged file may raise anything: KeyError, IndexError, struct.error
        kind = type(error).__name__
        raise UserError(f"{path}: not a checkpoint of emonas ({kind}); delete it to start anew") from None
    if not isinstance(state, dict):
        raise UserError(f"{path}: not a checkpoint of emonas; delete it to start anew")
    return state


def resume(path: Path, device: torch.device | str, take: Callable[[dict[str, Any]], None]) -> None:
    """Read a checkpoint and let ``take`` restore itself from it. Raises UserError where the two do not fit."""
    state = load(path, device)
    try:
        take(state)
    except (KeyError, RuntimeError, ValueError, TypeError, AttributeError) as error:
        kind = type(error).__name__
        raise UserError(f"{path}: belongs to another run ({kind}); delete it to start anew") from None
