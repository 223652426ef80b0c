"""How large a picture may be: a file of a few kilobytes may claim pixels by the gigabyte."""

from __future__ import annotations

import functools
import os
from contextlib import suppress
from pathlib import Path

from emonas.errors import UserError

#: Decoding one picture may take so many bytes, and at most this share of the memory. A JPEG may then have 178 million
#: pixels, where Pillow's own limit lies, too, and another picture of 8 bits 134 million.
MOST_BYTES, SHARE = 2**30, 0.25
#: OpenCV, which turns and shrinks pictures, counts their sides in 16 bits.
MOST_SIDE = 2**15 - 2
_LIMITS = ("/sys/fs/cgroup/memory.max", "/sys/fs/cgroup/memory/memory.limit_in_bytes")


def check_size(width: int, height: int, bytes_each: int) -> None:
    """Refuse a picture by the size that its header claims. Raises UserError."""
    if width < 1 or height < 1:
        raise UserError(f"damaged: a picture of {width}x{height} pixels")
    most = min(MOST_BYTES, SHARE * memory())
    if width * height * bytes_each > most:
        room = int(most / bytes_each / 1e6)
        raise UserError(f"too large: {width}x{height}, and {room} million pixels fit into the memory: shrink it")
    if max(width, height) > MOST_SIDE:
        raise UserError(f"too long: {width}x{height}, and no side may have more than {MOST_SIDE} pixels: shrink it")


def check_file(size: int) -> None:
    """Refuse a file that is too large to be a picture, before it is read. Raises UserError."""
    if size > MOST_BYTES:
        raise UserError(f"too large: a file of {size / 2**30:.1f} GiB, and a picture may have {MOST_BYTES / 2**30:g}")


@functools.cache
def memory() -> int:
    """The bytes of memory that this process may use: the machine's, or less where a container or a limit says so."""
    found = [2**40]
    with suppress(AttributeError, ValueError, OSError):
        found.append(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES"))
    for path in map(Path, _LIMITS):
        # "max" where there is no limit.
        with suppress(OSError, ValueError):
            found.append(int(path.read_text(encoding="ascii")))
    with suppress(ImportError):
        import resource

        limit, _ = resource.getrlimit(resource.RLIMIT_AS)
        found += [limit] if limit > 0 else []
    return min(found)
