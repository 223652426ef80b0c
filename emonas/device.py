"""Where to compute, how long it takes there, and how to make it repeatable."""

from __future__ import annotations

import contextlib
import os
import platform
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

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


def free_bytes(device: torch.device) -> int | None:
    """Memory that is free for a new array on the device; of the main memory what the system or a container's limit
    leaves. None where the system does not say."""
    if device.type == "cuda":
        return int(torch.cuda.mem_get_info(device)[0])
    found = [left for left in (_free_of_system(), *map(_free_of_group, _GROUPS)) if left is not None]
    return min(found, default=None)


#: Limit and use of a container's memory: of control groups of version 2 and of version 1.
_GROUPS = (
    ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory.current"),
    ("/sys/fs/cgroup/memory/memory.limit_in_bytes", "/sys/fs/cgroup/memory/memory.usage_in_bytes"),
)


def _free_of_system() -> int | None:
    with contextlib.suppress(OSError, StopIteration, ValueError):
        lines = Path("/proc/meminfo").read_text(encoding="utf-8").splitlines()
        return 1024 * int(next(line.split()[1] for line in lines if line.startswith("MemAvailable:")))
    with contextlib.suppress(AttributeError, ValueError, OSError):
        return os.sysconf("SC_PHYS_PAGES") * os.sysconf("SC_PAGE_SIZE")
    return None


def _free_of_group(files: tuple[str, str]) -> int | None:
    """What a limit leaves; files that are held in memory count as used there, though they could be dropped."""
    try:
        limit, used = (int(Path(name).read_text(encoding="ascii")) for name in files)
        dropped = Path(files[0]).with_name("memory.stat").read_text(encoding="ascii").splitlines()
    except (OSError, ValueError):
        return None
    cached = sum(int(line.split()[1]) for line in dropped if line.split()[0] in ("inactive_file", "active_file"))
    return max(0, limit - used + cached)


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
