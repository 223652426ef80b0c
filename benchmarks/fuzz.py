"""Damaged files of ours and malformed input of users, by the hundred: each refused in one line, or accepted and right.

    python benchmarks/fuzz.py --cases 1200 --json fuzz.json

Every case is a command that runs in this process on a damaged copy of something small and whole. Wrong are: a
traceback, more than one line, a control character on the terminal, something written by a command that refuses, a
result with impossible numbers, and an answer that does not come. A case's number and --seed give the same case again.
"""

from __future__ import annotations

import contextlib
import json
import os
import random
import shutil
import signal
import sys
import tempfile
from collections import Counter
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))

from cyclopts import Parameter
from damage import Answer, ask, seeds
from damaged_inputs import KINDS, make_base
from rich.console import Console
from rich.table import Table

from emonas.console import command_line, run
from emonas.errors import UserError
from emonas.evaluate.results.file import read_results


@dataclass(frozen=True, kw_only=True)
class Settings:
    """What is tried."""

    cases: int = 1200
    seed: int = 0
    only: tuple[str, ...] = ()
    """Kinds of input; all without it."""
    patience: int = 120
    """Seconds after which an answer does not come."""
    json: Path | None = None
    """Write the counts, and what was wrong, to this file."""


#: These go on in a folder that is there, or write where they may.
_GOES_ON = {"results", "compared", "predictions", "config", "trained", "searched", "profiled", "options", "folders"}


class TooLateError(Exception):
    """No answer came."""


def _too_late(*_: object) -> None:
    raise TooLateError


def try_case(kind: str, luck: random.Random, base: Path, patience: int) -> tuple[str, str]:
    """Refused, accepted or wrong; and what is wrong."""
    with tempfile.TemporaryDirectory() as name, contextlib.chdir(Path(name)):
        shutil.copytree(base, name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("home", "genotypes", "*.html"))
        os.environ["EMONAS_HOME"] = str(Path(name, "home"))
        app, arguments = KINDS[kind](luck)
        before = _files()
        signal.alarm(patience)
        try:
            answer = ask(app, arguments)
        except TooLateError:
            return "wrong", "no answer"
        finally:
            signal.alarm(0)
        flaw = answer.flaw or _impossible(answer)
        if not flaw and answer.status == 2 and kind not in _GOES_ON and _files() != before:
            flaw = f"refused, and wrote {sorted(_files() ^ before)[:4]}: {answer.err}"
        return ("wrong" if flaw else "refused" if answer.status else "accepted"), flaw


def _files() -> set[str]:
    return {str(path) for path in Path().rglob("*") if path.is_file()}


def _impossible(answer: Answer) -> str:
    """What is no number in an accepted answer."""
    if answer.status:
        return ""
    if "NaN" in answer.out or "Infinity" in answer.out:
        return "NaN in the answer"
    with contextlib.suppress(UserError):
        if Path("run/results.json").exists():
            read_results(Path("run"))
        return ""
    return "its own results cannot be read"


app = command_line("fuzz", "Damaged files and malformed input, each refused in one line or accepted and right.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """Try all kinds in turn and count. Ends with status 1 where something was wrong."""
    signal.signal(signal.SIGALRM, _too_late)
    counts: dict[str, Counter[str]] = {kind: Counter() for kind in settings.only or KINDS}
    wrong = []
    with tempfile.TemporaryDirectory() as name:
        base = Path(name) / "base"
        make_base(base)
        each = -(-settings.cases // len(counts))
        for kind, count in counts.items():
            for number, luck in enumerate(seeds(kind, each, settings.seed)):
                outcome, flaw = try_case(kind, luck, base, settings.patience)
                count[outcome] += 1
                if flaw:
                    wrong.append({"kind": kind, "number": number, "flaw": flaw})
                    sys.stderr.write(f"{kind} {number}: {flaw}\n")
            sys.stderr.write(f"{kind}: {dict(count)}\n")
    _show(counts)
    if settings.json:
        figures = {"cases": sum(map(Counter.total, counts.values())), "counts": counts, "wrong": wrong}
        settings.json.write_text(json.dumps({"seed": settings.seed, **figures}, indent=2) + "\n")
    sys.exit(1 if wrong else 0)


def _show(counts: dict[str, Counter[str]]) -> None:
    shown = Table("input", "refused", "accepted", "wrong", box=None)
    for kind, count in counts.items():
        shown.add_row(kind, *(str(count[outcome]) for outcome in ("refused", "accepted", "wrong")))
    Console().print(shown)


if __name__ == "__main__":
    run(app)
