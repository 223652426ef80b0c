"""What every command shares: one way to speak, one way to show progress, one way to end on an error."""

from __future__ import annotations

import dataclasses
import errno
import io
import json
import logging
import os
import re
import sys
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from cyclopts import App, CycloptsError, Parameter
from rich.console import Console
from rich.markup import escape
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from emonas import __version__
from emonas.errors import UserError, make_legible

EXIT_BAD_INPUT = 2
EXIT_INTERRUPTED = 130

#: What a disk, a quota, missing rights or a name that no file can have refuse, wherever it happens.
_OUT_OF_OUR_HANDS = frozenset(
    {errno.ENOSPC, errno.EDQUOT, errno.EROFS, errno.EACCES, errno.EPERM, errno.EIO, errno.ENAMETOOLONG, errno.ELOOP}
)

#: What JSON allows in a text and a terminal obeys or cannot show.
_BEYOND_JSON = re.compile("[\x7f-\x9f\u2028\u2029\ud800-\udfff]")

_out = Console(highlight=False, soft_wrap=True, emoji=False)
_err = Console(stderr=True, highlight=False, soft_wrap=True, emoji=False)


def command_line(name: str, description: str) -> App:
    """An application whose options come from config dataclasses; ``run`` starts it."""
    return App(
        name=name,
        help=description,
        version=__version__,
        help_format="plaintext",
        suppress_keyboard_interrupt=False,
        default_parameter=Parameter(negative="", consume_multiple=True, show_env_var=False),
    )


def run(app: App, arguments: Sequence[str] | None = None) -> None:
    """Run a command and end the process: status 0, 2 with one line for what the user can put right, 130 on Ctrl-C."""
    # Idle threads that spin make two workers on two busy cores ten times slower; read when torch is first imported.
    os.environ.setdefault("OMP_WAIT_POLICY", "passive")
    # What matplotlib has to say of its cache and its fonts is nobody's concern here.
    logging.getLogger("matplotlib").setLevel(logging.ERROR)
    if isinstance(sys.stdout, io.TextIOWrapper):
        # A terminal or file that cannot hold a character gets its escape instead of ending the command.
        sys.stdout.reconfigure(errors="backslashreplace")
    status = 0
    try:
        app(sys.argv[1:] if arguments is None else arguments, exit_on_error=False, print_error=False)
    except UserError as error:
        status = _fail(app, str(error))
    except CycloptsError as error:
        status = _fail(app, f"{' '.join(str(error).split())} See {app.name[0]} --help.")
    except (MemoryError, RuntimeError) as error:
        if not _out_of_memory(error):
            raise
        status = _fail(app, "out of memory; try a smaller --batch-size, --channels or --cells")
    except BrokenPipeError:
        # The reader, `head` say, has what it wanted; nothing more is to be said, at the interpreter's end neither.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except OSError as error:
        if error.errno not in _OUT_OF_OUR_HANDS:
            raise
        status = _fail(app, f"{error.strerror}: {error.filename}" if error.filename else str(error.strerror))
    except KeyboardInterrupt:
        _err.print("interrupted; the same command continues from what it has saved last", style="yellow")
        status = EXIT_INTERRUPTED
    sys.exit(status)


def _fail(app: App, message: str) -> int:
    _err.print(Text.assemble((f"{app.name[0]}:", "bold red"), " ", make_legible(" ".join(message.splitlines()))))
    return EXIT_BAD_INPUT


def _out_of_memory(error: Exception) -> bool:
    """Whether Python, numpy or torch ran out of memory; torch's own errors are told by name, so as not to import it."""
    return (
        isinstance(error, MemoryError)
        or type(error).__name__ == "OutOfMemoryError"
        or "can't allocate memory" in str(error)
    )


def say(text: str = "") -> None:
    """One line for the user, on standard output: no markup, and nothing that steers a terminal."""
    _out.print(Text(_shown(text)))


def _shown(text: str) -> str:
    return "\n".join(map(make_legible, text.split("\n")))


def warn(text: str) -> None:
    """One calm line on standard error."""
    _err.print(Text.assemble(("note:", "yellow"), " ", make_legible(text)))


def show_json(data: Any) -> None:
    """Plain JSON on standard output, for programs."""
    text = json.dumps(data, indent=2, ensure_ascii=False, allow_nan=False)
    sys.stdout.write(_BEYOND_JSON.sub(lambda found: f"\\u{ord(found[0]):04x}", text) + "\n")


def show_table(
    title: str, columns: Sequence[str], rows: Sequence[Sequence[object]], numbers: Sequence[int] = ()
) -> None:
    """A table at the terminal's width; columns listed in ``numbers`` are set flush right."""
    table = Table(header_style="dim", box=None, pad_edge=False)
    for i, column in enumerate(columns):
        table.add_column(column, justify="right" if i in numbers else "left", overflow="fold")
    for row in rows:
        table.add_row(*(Text(_shown(str(cell))) for cell in row))
    _out.print(Text(make_legible(title), style="bold"))
    _out.print(table, soft_wrap=False)


@contextmanager
def progress(task: str, total: int, done: int = 0, quiet: bool = False) -> Iterator[Callable[[str], None]]:
    """A bar with the time left; call the given function after each step with a short note of how it went.

    Where there is neither a terminal nor a notebook that can show one, some five lines are printed in place of the bar.
    ``quiet`` shows nothing.
    """
    if quiet:
        yield lambda note: None
        return
    if not can_show_bar():
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
        handle = bar.add_task(escape(make_legible(task)), total=total, completed=done, note="")
        yield lambda note: bar.update(handle, advance=1, note=escape(make_legible(note)))
        # In a notebook rich would leave the last step out.
        bar.refresh()


def can_show_bar() -> bool:
    """Whether standard output can show a bar that moves."""
    return _out.is_terminal or _in_notebook()


def _in_notebook() -> bool:
    """Whether a bar can be shown in a notebook; rich needs ipywidgets to draw it anew in the same place."""
    return _out.is_jupyter and find_spec("ipywidgets") is not None


def _lines(task: str, total: int, done: int) -> Callable[[str], None]:
    state = {"done": done}
    every = max(1, -(-total // 5))

    def step(note: str) -> None:
        state["done"] += 1
        if state["done"] % every == 0 or state["done"] == total:
            _out.print(Text(make_legible(f"{task} {state['done']}/{total}  {note}")))

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
