"""Checkpoints: state dicts only, whole or absent, read without pickled code."""

from __future__ import annotations

import io
import math
import warnings
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from emonas.errors import UserError
from emonas.files import replacing, why_not_a_file
from emonas.records import shorten


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
        _check_finite(state)
        take(state)
    except torch.OutOfMemoryError:
        raise
    except ValueError as error:
        raise UserError(f"{path}: belongs to another run ({error}); delete it to start anew") from None
    except (LookupError, RuntimeError, TypeError, AttributeError, ArithmeticError) as error:
        kind = type(error).__name__
        raise UserError(f"{path}: belongs to another run ({kind}); delete it to start anew") from None


def _check_finite(state: Any) -> None:
    """Refuse NaN and infinity wherever they stand. Raises ValueError."""
    left, seen = [state], set[int]()
    while left:
        value = left.pop()
        # A foreign file may hold a list that holds itself.
        if id(value) in seen:
            continue
        seen.add(id(value))
        if isinstance(value, float) and not math.isfinite(value):
            raise ValueError(f"a number is {value}")
        if isinstance(value, Tensor) and not all_finite(value):
            raise ValueError("a tensor has NaN or infinite values")
        left += value.values() if isinstance(value, dict) else value if isinstance(value, (list, tuple)) else ()


def all_finite(tensor: Tensor) -> bool:
    """Whether no value is NaN or infinite."""
    return not tensor.is_floating_point() or (is_plain(tensor) and bool(tensor.isfinite().all()))


def whole(value: Any, least: int, most: int, what: str) -> int:
    """A whole number of a checkpoint between its limits. Raises ValueError."""
    if type(value) is not int or not least <= value <= most:
        raise ValueError(f"{what} must be a whole number from {least} to {most}")
    return value


def flaw_of_tensors(wanted: Mapping[Any, Tensor], given: Mapping[Any, Any]) -> str:
    """What keeps ``given`` from being the tensors that are wanted: a name, a shape, a kind, NaN; empty if nothing."""
    for key in sorted({*wanted, *given}, key=str):
        if key not in given:
            return f"tensor {key} is missing"
        if key not in wanted:
            return f"tensor {shorten(key) if isinstance(key, str) else key} is of another network"
        if flaw := flaw_of_tensor(wanted[key], given[key]):
            return f"tensor {key} {flaw}"
    return ""


def flaw_of_tensor(wanted: Tensor, given: Any) -> str:
    """What keeps ``given`` from being a tensor of the wanted shape and kind with finite values; empty if nothing."""
    if not is_plain(given):
        return "is no plain tensor"
    if given.shape != wanted.shape or given.dtype != wanted.dtype:
        return f"is {_kind(given)}, where {_kind(wanted)} is needed"
    return "" if all_finite(given) else "has NaN or infinite values"


def is_plain(value: Any) -> bool:
    """Whether it is a tensor that holds all its values, one by one."""
    return isinstance(value, Tensor) and value.layout == torch.strided and not value.is_meta


def _kind(tensor: Tensor) -> str:
    return f"{str(tensor.dtype).removeprefix('torch.')} {tuple(tensor.shape)}"


def load_tensors(module: nn.Module, given: Any) -> None:
    """Give a network the tensors of a checkpoint, exactly its own. Raises ValueError."""
    if not isinstance(given, Mapping):
        raise ValueError("it holds no tensors of a network")
    if flaw := flaw_of_tensors(module.state_dict(), given):
        raise ValueError(flaw)
    module.load_state_dict(given)


#: What an optimiser keeps of a parameter: in its shape, but for the count of its steps.
_KEPT = {
    "SGD": {"momentum_buffer"},
    "Adam": {"step", "exp_avg", "exp_avg_sq"},
    "AdamW": {"step", "exp_avg", "exp_avg_sq"},
}


def load_optimiser(optimiser: torch.optim.Optimizer, given: Any) -> None:
    """Give an optimiser the state of a checkpoint; rates and the like stay as they were planned. Raises ValueError."""
    own = optimiser.state_dict()
    parameters = [parameter for group in optimiser.param_groups for parameter in group["params"]]
    kept = _KEPT[type(optimiser).__name__]
    for i, moments in given["state"].items():
        if moments.keys() != kept:
            raise ValueError("it was made by another optimiser")
        for key, value in moments.items():
            like = torch.zeros(()) if key == "step" else parameters[whole(i, 0, len(parameters) - 1, "a parameter")]
            if value is not None and (flaw := flaw_of_tensor(like, value)):
                raise ValueError(f"{key} of a parameter {flaw}")
    optimiser.load_state_dict({"state": given["state"], "param_groups": own["param_groups"]})
