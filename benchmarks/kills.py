"""kill -9 at random moments: the same command again must end like a run that nobody killed, and leave nothing behind.

    python benchmarks/kills.py --kills 100 --json kills.json

Every command runs in a process of its own on a tiny drawn set; once in peace, then again and again in a fresh folder,
killed after a random part of the time that the peaceful run took, and run to its end. All files are compared bit for
bit, but for what they say of the time they took. With --steady it is looked instead whether memory grows over 200
epochs, and whether files stay open over 100 folds.
"""

from __future__ import annotations

import contextlib
import csv
import json
import os
import random
import re
import shutil
import signal
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

os.environ.setdefault("OMP_NUM_THREADS", "1")
sys.path.insert(0, str(Path(__file__).resolve().parent.parent / "tests" / "helpers"))

import cv2
import numpy as np
import torch
from cyclopts import App, Parameter
from damage import ask
from damaged_inputs import make_base
from killing import same_tensors
from rich.console import Console
from rich.table import Table

from emonas.console import command_line, run
from emonas.datasets.cli import app as data
from emonas.evaluate.ablate.cli import app as ablate
from emonas.evaluate.export.cli import app as export
from emonas.evaluate.predict.cli import app as predict
from emonas.evaluate.train.cli import app as train
from emonas.search.cli import app as search

SMALL = ("--device", "cpu", "--channels", 2, "--batch-size", 4)
TRAIN = ("--genotype", "g.json", "--dataset", "./set", *SMALL, "--epochs", 2, "--out", "new")
SEARCH = ("--dataset", "./set", *SMALL, "--cells", 3, "--out", "new")
ABLATE = (*SEARCH, "--parts", "stack", "--stack-cells", 4, "--seeds", 1, "--epochs", 1, "--train-epochs", 1)
#: What is killed, by name.
COMMANDS: dict[str, tuple[App, list[object]]] = {
    "search": (search, [*SEARCH, "--epochs", 2]),
    "search, ranked": (search, [*SEARCH, "--epochs", 2, "--skip-budget", "auto", "--rank-epochs", 1]),
    "prepare": (data, ["prepare", "folder", "table.csv", "--name", "other", "--size", 16, "--jobs", 1]),
    "train, loso": (train, [*TRAIN, "--protocol", "loso"]),
    "train, kfold": (train, [*TRAIN, "--protocol", "kfold", "--folds", 2, "--final"]),
    "train, together": (train, [*TRAIN, "--protocol", "kfold", "--folds", 3, "--together", 3]),
    "export": (export, ["run", "new/model.onnx", "--check", 9]),
    "ablate": (ablate, [*ABLATE]),
    "predict": (predict, ["run", "pics", "--csv", "--jsonl", "--draw", "--plot", "--out", "new"]),
}


@dataclass(frozen=True, kw_only=True)
class Settings:
    """How often what is killed."""

    kills: int = 100
    seed: int = 0
    only: tuple[str, ...] = ()
    """Commands; all without it."""
    steady: bool = False
    """Measure memory and open files instead."""
    json: Path | None = None
    """Write the counts, and what differed, to this file."""


def start(action: Callable[[], int]) -> int:
    """Do something in a process group of its own; gives its number."""
    child = os.fork()
    if child == 0:
        status = 99
        try:
            os.setpgid(0, 0)
            status = action()
        finally:
            os._exit(status)
    return child


def command(app: App, arguments: list[object], place: Path) -> Callable[[], int]:
    """A command in a folder, as an action; what it says on an error is left in that folder's name with .err."""

    def act() -> int:
        os.chdir(place)
        os.environ["EMONAS_HOME"] = str(place / "home")
        answer = ask(app, arguments)
        if answer.status:
            place.with_name(f"{place.name}.err").write_text(answer.err)
        return abs(answer.status)

    return act


def finish(child: int) -> int:
    """Wait for the end; the exit status, or -9 for a killed one."""
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def kill_and_run_again(name: str, base: Path, place: Path, delay: float) -> tuple[bool, str]:
    """Whether the run was killed before its end, and what went wrong when it was run again."""
    shutil.copytree(base, place)
    action = command(*COMMANDS[name], place)
    child = start(action)
    time.sleep(delay)
    with contextlib.suppress(ProcessLookupError, PermissionError):
        os.killpg(child, signal.SIGKILL)
    killed = finish(child) == -signal.SIGKILL
    if status := finish(start(action)):
        return killed, f"status {status}: {place.with_name(f'{place.name}.err').read_text()[-400:]}"
    return killed, ""


def differences(whole: Path, again: Path) -> list[str]:
    """Files that are in one of two folders only, and files whose content is not the same."""
    ours, theirs = _files(whole), _files(again)
    found = [f"left behind: {name}" for name in sorted(theirs.keys() - ours.keys())]
    found += [f"missing: {name}" for name in sorted(ours.keys() - theirs.keys())]
    both = ours.keys() & theirs.keys()
    return found + [f"differs: {name}" for name in sorted(both) if not _same(ours[name], theirs[name])]


def _files(folder: Path) -> dict[str, Path]:
    """All files, without TensorBoard's, whose names tell the time, and folders with a stroke behind their names."""
    found = {}
    for path in folder.rglob("*"):
        if not path.name.startswith("events.out."):
            found[str(path.relative_to(folder)) + ("/" if path.is_dir() else "")] = path
    return found


#: What says how long something took, or where it lies.
_TIMES = ("seconds", "search_seconds", "out", "source")


def _same(one: Path, other: Path) -> bool:
    if one.is_dir():
        return True
    if one.suffix == ".log" or one.name == "seconds.json":
        return True
    if one.suffix == ".json":
        return bool(_timeless(json.loads(one.read_text())) == _timeless(json.loads(other.read_text())))
    if one.suffix == ".csv":
        first, second = (list(csv.DictReader(path.read_text().splitlines())) for path in (one, other))
        return bool(_timeless(first) == _timeless(second))
    if one.suffix == ".pt":
        return same_tensors(*(torch.load(path, weights_only=True) for path in (one, other)))
    if one.suffix == ".html":
        first, second = (re.sub(r" It took [^.]*\.(\d \w+\.)?", "", path.read_text()) for path in (one, other))
        return first == second
    return one.read_bytes() == other.read_bytes()


def _timeless(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _timeless(item) for key, item in value.items() if key not in _TIMES}
    return [_timeless(item) for item in value] if isinstance(value, list) else value


def memory_over_epochs(folder: Path) -> dict[str, int]:
    """Resident memory in kB after 20 and after 200 epochs of a search, and of a training."""

    def act() -> int:
        os.chdir(folder)
        from emonas.evaluate.train import fold
        from emonas.search import loop

        for module, name in ((loop, "_run_epoch"), (fold.FoldTraining, "save")):
            _note_memory(module, name, folder / f"memory-{name.strip('_')}.json")
        longer = ["--dataset", "./set", *SMALL, "--epochs", 200]
        ask(search, [*longer, "--cells", 3, "--out", "long"])
        ask(train, [*longer, "--genotype", "g.json", "--no-pictures", "--out", "longer"])
        return 0

    finish(start(act))
    found = {}
    for path in folder.glob("memory-*.json"):
        numbers = json.loads(path.read_text())
        found |= {f"{path.stem}, epoch {epoch}": numbers[epoch - 1] for epoch in (20, 110, 200)}
    return found


def _note_memory(holder: Any, name: str, path: Path) -> None:
    plain, numbers = getattr(holder, name), list[int]()

    def measured(*arguments: Any) -> Any:
        result = plain(*arguments)
        numbers.append(int(re.search(r"VmRSS:\s+(\d+)", Path("/proc/self/status").read_text())[1]))  # type: ignore[index]
        path.write_text(json.dumps(numbers))
        return result

    setattr(holder, name, measured)


def descriptors_over_folds(folder: Path, people: int = 100) -> dict[str, int]:
    """Open files after each fold of a training that leaves one of a hundred people out: the first, middle and last."""
    rng = np.random.default_rng(0)
    rows = [("path", "subject", "label")]
    for person in range(people):
        name = f"pics/many{person}.png"
        cv2.imwrite(str(folder / name), rng.integers(0, 256, (16, 16, 3), np.uint8))
        rows.append((name, f"m{person}", ("happy", "sad")[person % 2]))
    with (folder / "many.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)

    def act() -> int:
        os.chdir(folder)
        os.environ["EMONAS_HOME"] = str(folder / "home")
        from emonas.evaluate.train import fold

        plain, counts = fold.FoldTraining.judge, list[int]()

        def judged(self: Any) -> None:
            plain(self)
            counts.append(len(list(Path("/proc/self/fd").iterdir())))
            Path("descriptors.json").write_text(json.dumps(counts))

        fold.FoldTraining.judge = judged  # type: ignore[method-assign]
        ask(data, ["prepare", "folder", "many.csv", "--name", "many", "--size", 16, "--jobs", 1])
        line = ["--genotype", "g.json", "--dataset", "many", *SMALL, "--batch-size", 64, "--epochs", 1]
        return ask(train, [*line, "--protocol", "loso", "--no-pictures", "--out", "folds"]).status

    finish(start(act))
    counts = json.loads((folder / "descriptors.json").read_text())
    return {f"open files, fold {number}": counts[number - 1] for number in (1, people // 2, people)}


_COLUMNS = ("killed", "ended before", "wrong")

app = command_line("kills", "kill -9 at random moments, and the same command again.")


@app.default
def main(settings: Annotated[Settings, Parameter(name="*")] = Settings()) -> None:
    """Kill and run again; ends with status 1 where a result differs or something is left behind."""
    with tempfile.TemporaryDirectory() as name:
        top = Path(name)
        finish(start(lambda: make_base(top / "base") or 0))  # type: ignore[func-returns-value]
        if settings.steady:
            figures = {**memory_over_epochs(top / "base"), **descriptors_over_folds(top / "base")}
            _end(settings, {"steady": figures}, [[name, str(value)] for name, value in figures.items()], False)
        outcome, wrong = _kill_all(settings, top)
    rows = [
        [name, str(count["killed"]), str(count["ended before"]), str(count["wrong"])] for name, count in outcome.items()
    ]
    _end(settings, {"seed": settings.seed, "counts": outcome, "wrong": wrong}, rows, bool(wrong))


def _kill_all(settings: Settings, top: Path) -> tuple[dict[str, Counter[str]], list[dict[str, object]]]:
    names = settings.only or tuple(COMMANDS)
    outcome: dict[str, Counter[str]] = {name: Counter() for name in names}
    wrong: list[dict[str, object]] = []
    # Every run in a folder of one name, which stands in what it writes.
    place = top / "work"
    for name in names:
        luck = random.Random(f"{settings.seed}/{name}")
        shutil.copytree(top / "base", place)
        began = time.monotonic()
        if finish(start(command(*COMMANDS[name], place))):
            raise SystemExit(f"{name}: {place.with_name('work.err').read_text()}")
        took = time.monotonic() - began
        place.rename(top / "whole")
        for number in range(-(-settings.kills // len(names))):
            delay = luck.uniform(0, took)
            killed, flaw = kill_and_run_again(name, top / "base", place, delay)
            flaws = [flaw] if flaw else differences(top / "whole", place)
            outcome[name]["killed" if killed else "ended before"] += 1
            outcome[name]["wrong"] += bool(flaws)
            if flaws:
                wrong.append({"command": name, "number": number, "after": round(delay, 2), "flaws": flaws[:9]})
                sys.stderr.write(f"{wrong[-1]}\n")
            shutil.rmtree(place)
        shutil.rmtree(top / "whole")
        sys.stderr.write(f"{name} ({took:.1f} s): {dict(outcome[name])}\n")
        _write(settings, {"seed": settings.seed, "counts": outcome, "wrong": wrong})
    return outcome, wrong


def _end(settings: Settings, figures: dict[str, Any], rows: list[list[str]], failed: bool) -> None:
    columns = ("measured", "value") if settings.steady else ("command", *_COLUMNS)
    shown = Table(*columns, box=None)
    for row in rows:
        shown.add_row(*row)
    Console().print(shown)
    _write(settings, figures)
    sys.exit(1 if failed else 0)


def _write(settings: Settings, figures: dict[str, Any]) -> None:
    if settings.json:
        settings.json.write_text(json.dumps(figures, indent=2) + "\n")


if __name__ == "__main__":
    run(app)
