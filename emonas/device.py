"""Where to compute, how long it takes there, and how to make it repeatable."""

from __future__ import annotations

import contextlib
import platform
import sys
import time
from collections.abc import Callable, Iterator

import torch

from emonas.console import duration, say
from emonas.errors import UserError
from emonas.options.types import DeviceName


def pick_device(name: DeviceName) -> torch.device:
    """The device to compute on; "auto" takes a GPU where there is one. Raises UserError for a GPU that is not there."""
    available = torch.cuda.is_available()
    if name == "cuda" and not available:
        raise UserError("--device cuda: no usable GPU was found; use --device cpu or auto")
    return torch.device("cuda" if available and name != "cpu" else "cpu")


def describe_device(device: torch.device) -> str:
    """The device in words."""
    if device.type == "cuda":
        return torch.cuda.get_device_name(device)
    return f"CPU, {torch.get_num_threads()} threads"


def seconds_per_call(call: Callable[[], object], device: torch.device, calls: int) -> float:
    """Seconds of the last of some calls, to the end of what it started on the device; the others warm up."""
    seconds = 0.0
    for _ in range(calls):
        start = time.perf_counter()
        call()
        if device.type == "cuda":
            torch.cuda.synchronize(device)
        seconds = time.perf_counter() - start
    return seconds


def announce(what: str, seconds: float, device: torch.device) -> None:
    """Say beforehand what will run and how long it should take."""
    say(f"{what}; about {duration(seconds)} on {describe_device(device)}")


def seed_everything(seed: int) -> None:
    """Seed torch on all devices.

    Called at the start of each epoch with a number made of seed and epoch, so that a resumed run draws the same numbers
    as one never stopped, without any generator's state in the checkpoint.
    """
    torch.manual_seed(seed)


def epoch_seed(seed: int, epoch: int) -> int:
    """A seed for one epoch, with room for a thousand numbered streams before the next epoch's."""
    return seed * 10_000_019 + (epoch + 1) * 1_000


@contextlib.contextmanager
def mixed_precision(device: torch.device) -> Iterator[None]:
    """bfloat16 autocast on a GPU that has it; plain float32 elsewhere. bfloat16 needs no loss scaling."""
    usable = device.type == "cuda" and torch.cuda.is_bf16_supported()
    # Without its cache, since what it keeps from one call would not be computed anew in a recorded graph.
    with torch.autocast(device.type, dtype=torch.bfloat16, enabled=usable, cache_enabled=False):
        yield


def versions() -> dict[str, str]:
    """What a result depends on."""
    from emonas import __version__

    return {
        "emonas": __version__,
        "torch": str(torch.__version__),
        "python": platform.python_version(),
        "platform": f"{sys.platform} {platform.machine()}",
    }
