"""Damage at random to each kind of file, and what a command answers to it; seeded, so that a case can be had again."""

from __future__ import annotations

import contextlib
import copy
import io
import random
import struct
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from cyclopts import App

from emonas.console import run

ODD: tuple[Any, ...] = (
    None, True, False, 0, 1, -1, 2, 10**30, 2**63, 10**12, 1.0, 0.5, -0.5, float("nan"), float("inf"), 1e308, "",
    "text", "0", "\ud800", "a\nb", "\x1b[2J", "../../x", "$\\frac{$", "/dev/null", [], [[]], [0], [0, 0], ["a", "a"],
    {}, {"": 0}, {"a": None}, [[0, "a"]], "x" * 999, [None] * 999,
)  # fmt: skip


def places(data: Any) -> list[tuple[Any, Any]]:
    """Every container in the data with each of its keys."""
    keys = list(data) if isinstance(data, dict) else range(len(data)) if isinstance(data, list) else []
    return [(data, key) for key in keys] + [place for key in keys for place in places(data[key])]


def damage(luck: random.Random, data: Any, odd: Sequence[Any] = ODD) -> None:
    """Delete, copy, move or replace one value."""
    holder, key = luck.choice(places(data))
    what = luck.randrange(4)
    if what == 0:
        del holder[key]
    elif what == 1:
        holder[key] = copy.deepcopy(luck.choice(odd))
    elif what == 2:
        other, place = luck.choice(places(data))
        holder[key] = copy.deepcopy(other[place])
    elif isinstance(holder, list):
        holder.insert(key, luck.choice((holder[key], luck.choice(odd))))
    else:
        holder[luck.choice(("later", f"{key} ", "\n"))] = luck.choice(odd)


def damage_state(luck: random.Random, state: Any) -> None:
    """The same for a checkpoint's tensors and numbers."""
    holder, key = luck.choice(places(state))
    value = holder[key]
    if isinstance(value, torch.Tensor) and luck.randrange(3):
        holder[key] = luck.choice(_other_tensors(value))
    else:
        damage(luck, state, (*ODD, torch.zeros(0), torch.zeros(3, dtype=torch.int64), torch.tensor(float("nan"))))


def _other_tensors(value: torch.Tensor) -> list[torch.Tensor]:
    ruined = value.float().clone(memory_format=torch.contiguous_format)
    ruined.view(-1)[:1] = float("nan")
    return [
        ruined, torch.full(value.shape, float("inf")), value.double(), value.to(torch.int64), value.half(),
        value[..., :0] if value.ndim else torch.zeros(0), value.unsqueeze(0), torch.cat([value.reshape(-1)] * 2),
        value.to(torch.complex64), value.to("meta"), value.float().reshape(-1)[:1].to_sparse(),
    ]  # fmt: skip


def damage_bytes(luck: random.Random, content: bytes) -> bytes:
    """Cut, lengthen, flip bits, move, or put something else in place of bytes."""
    what, there = luck.randrange(7), bytearray(content)
    at = luck.randrange(max(1, len(there)))
    if what == 0:
        return bytes(there[:at])
    if what == 1:
        return bytes(there) + luck.randbytes(luck.choice((1, 7, 4096)))
    if what == 2:
        for _ in range(luck.choice((1, 3, 30))):
            there[luck.randrange(len(there))] ^= 1 << luck.randrange(8)
    elif what == 3:
        del there[at : at + luck.choice((1, 4, 64))]
    elif what == 4:
        there[at:at] = there[: luck.choice((1, 16, 128))]
    elif what == 5:
        there[at : at + 8] = struct.pack("<Q", luck.choice((0, 1, 2**31, 2**63, 2**64 - 1)))
    else:
        return luck.choice((b"", b"\0" * 64, b"{}", b"[]\n", b"\xff\xfe", b"PK\x03\x04", b"\x89PNG\r\n\x1a\n", b"text"))
    return bytes(there)


@dataclass(frozen=True)
class Answer:
    """What a command did: its exit status, -1 for an exception that a user would see, and what it said."""

    status: int
    out: str
    err: str

    @property
    def complaints(self) -> list[str]:
        """The lines on standard error that are no notes."""
        return [line for line in self.err.splitlines() if line.strip() and not line.startswith("note:")]

    @property
    def flaw(self) -> str:
        """What is wrong with the reaction; empty where the input was refused in one line or accepted in silence."""
        if any(ord(letter) < 32 and letter not in "\n\r\t" for letter in self.out + self.err):
            return "a control character reached the terminal"
        if self.status == 2:
            return "" if len(self.complaints) == 1 else f"{len(self.complaints)} lines: {self.err[-300:]}"
        if self.status == 0:
            return f"accepted with words: {self.err[-300:]}" if self.complaints else ""
        return f"status {self.status}: {self.err[-600:]}"


def ask(app: App, arguments: Sequence[object]) -> Answer:
    """Run a command in this process."""
    out, err = (io.TextIOWrapper(io.BytesIO(), encoding="utf-8", errors="backslashreplace") for _ in range(2))
    with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
        status, trouble = _status(app, [str(argument) for argument in arguments])
    said = [_text(stream) for stream in (out, err)]
    return Answer(status, said[0], said[1] + trouble)


def _status(app: App, arguments: list[str]) -> tuple[int, str]:
    try:
        run(app, arguments)
    except SystemExit as end:
        return int(str(end.code)), ""
    except Exception as error:
        frame = error.__traceback__
        while frame is not None and frame.tb_next is not None:
            frame = frame.tb_next
        place = f"{frame.tb_frame.f_code.co_filename}:{frame.tb_lineno}" if frame else ""
        return -1, f"{type(error).__name__} at {place}: {str(error)[:300]!r}"
    return 0, ""


def _text(stream: io.TextIOWrapper) -> str:
    with contextlib.suppress(ValueError):
        stream.flush()
        return bytes(stream.buffer.getvalue()).decode()  # type: ignore[attr-defined]
    return ""


def seeds(name: str, count: int, seed: int = 0) -> Iterator[random.Random]:
    """A source of chance for each case."""
    return (random.Random(f"{seed}/{name}/{number}") for number in range(count))
