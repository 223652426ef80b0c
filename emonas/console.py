"""What every command shares: one way to speak, one way to show progress, one way to end on an error."""

from __future__ import annotations

import dataclasses
import json
import os
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table

from . import __version__
from .errors import UserError

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

_out = Console(highlight=False, soft_wrap=True)
_err = Console(stderr=True, highlight=False, soft_wrap=True)


def command_line(name: str, description: str) -> App:
    """An application whose options come from config dataclasses; ``run`` starts it."""
    return App(
        name=name,
        help=description,
        version=__version__,
        help_format="plaintext",
        default_parameter=Parameter(negative="", consume_multiple=True, show_env_var=False),
    )


def run(app: App, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process: status 0, 2 with one line for what the user can put right, 130 on Ctrl-C."""
    # Idle threads that spin make two workers on two busy cores ten times slower; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    status = 0
    try:
        app(sys.argv[1:] if arguments is None else arguments, exit_on_error=False, print_error=False)
    except UserError as error:
        status = _fail(app, str(error))
    except CycloptsError as error:
        status = _fail(app, f"{' '.join(str(error).split())} See {app.name[0]} --help.")
    except MemoryError:
        status = _fail(app, "out of memory; try a smaller --batch-size, --channels or --cells")
    except KeyboardInterrupt:
        _err.print("interrupted; the same command continues from the last whole epoch", style="yellow")
        status = EXIT_INTERRUPTED
    sys.exit(status)


def _fail(app: App, message: str) -> int:
    _err.print(f"[bold red]{app.name[0]}:[/] {escape(message)}")
    return EXIT_BAD_INPUT


def say(text: str = "") -> None:
    """One line for the user, on standard output. Rich markup is understood; escape what comes from outside."""
    _out.print(text)


def warn(text: str) -> None:
    """One calm line on standard error."""
    _err.print(f"[yellow]note:[/] {escape(text)}")


def show_json(data: Any) -> None:
    """Plain JSON on standard output, for programs."""
    sys.stdout.write(json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False) + "\n")


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[int] = ()
) -> None:
    """A table at the terminal's width; columns listed in ``numbers`` are set flush right."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in numbers else "left")
    for row in rows:
        table.add_row(*(escape(str(cell)) for cell in row))
    _out.print(f"[bold]{escape(title)}[/]")
    _out.print(table, soft_wrap=False)


@contextmanager
def progress(task: str, total: int, done: int = 0) -> Iterator[Callable[[str], None]]:
    """A bar with the time left; call the given function after each step with a short note of how it went.

    Where there is no terminal, some five lines are printed in place of the bar.
    """
    if not _out.is_terminal:
        yield _lines(task, total, done)
        return
    columns = (
        TextColumn("{task.description}"),
        BarColumn(bar_width=None),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TimeRemainingColumn(elapsed_when_finished=False),
        TextColumn("[dim]{task.fields[note]}"),
    )
    with Progress(*columns, console=_out) as bar:
        handle = bar.add_task(escape(task), total=total, completed=done, note="")
        yield lambda note: bar.update(handle, advance=1, note=escape(note))


def _lines(task: str, total: int, done: int) -> Callable[[str], None]:
    state = {"done": done}
    every = max(1, -(-total // 5))

    def step(note: str) -> None:
        state["done"] += 1
        if state["done"] % every == 0 or state["done"] == total:
            _out.print(f"{escape(task)} {state['done']}/{total}  {escape(note)}")

    return step


def duration(seconds: float) -> str:
    """Seconds as a person says them: 40 s, 12 min, 3.5 h."""
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def plain(value: Any) -> Any:
    """Config dataclasses, paths and tuples as data that JSON can hold."""
    if dataclasses.is_dataclass(value) and not isinstance(value, type):
        return {f.name: plain(getattr(value, f.name)) for f in dataclasses.fields(value)}
    if isinstance(value, Mapping):
        return {str(key): plain(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item) for item in value]
    return str(value) if isinstance(value, Path) else value
