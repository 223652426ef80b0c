"""How commands speak: exit statuses, one line for an error, and text from outside that is shown as it is."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from dataclasses import dataclass
from importlib.machinery import ModuleSpec
from pathlib import Path
from types import ModuleType

import numpy as np
import pytest
import torch
from rich.console import Console

from emonas.console import command_line, duration, plain, progress, run, say, show_json, show_table, warn
from emonas.errors import UserError

ODD = r"/data/[bold]a[/bold]/[/red]/:bomb:/[x]\file [1].csv"


def outcome(
    action: BaseException | None, arguments: list[str], capsys: pytest.CaptureFixture[str]
) -> tuple[int, str, str]:
    """Exit status, standard output and error of a command that says "done" or raises ``action``."""
    app = command_line("emonas-test", "A command.")

    @app.default
    def command(*, epochs: int = 1) -> None:
        if action is not None:
            raise action
        say(f"done {epochs}")

    with pytest.raises(SystemExit) as raised:
        run(app, arguments)
    return int(raised.value.code or 0), *capsys.readouterr()


def test_success_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(None, ["--epochs", "3"], capsys) == (0, "done 3\n", "")


def test_help_is_status_0(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = outcome(None, ["--help"], capsys)
    assert (status, err) == (0, "")
    assert "A command." in out
    assert "--epochs" in out


@pytest.mark.parametrize("message", ["no such file", ODD, "ends with a backslash\\", "x" * 300, "[/]"])
def test_bad_input_is_status_2_and_one_line_as_it_is(message: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(UserError(message), [], capsys) == (2, "", f"emonas-test: {message}\n")


def test_a_message_of_several_lines_becomes_one(capsys: pytest.CaptureFixture[str]) -> None:
    assert outcome(UserError("one\ntwo"), [], capsys) == (2, "", "emonas-test: one two\n")


@pytest.mark.parametrize("arguments", [["--epochs", "many"], ["--epoch", "3"], ["--epochs"], ["more"], ["--[x]", "1"]])
def test_wrong_options_are_status_2_and_one_line(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = outcome(None, arguments, capsys)
    assert (status, out, len(err.splitlines())) == (2, "", 1)
    assert err.startswith("emonas-test: ")
    assert err.endswith("See emonas-test --help.\n")
    assert arguments[0] in err


def test_ctrl_c_is_status_130_and_one_line(capsys: pytest.CaptureFixture[str]) -> None:
    status, out, err = outcome(KeyboardInterrupt(), [], capsys)
    assert (status, out, len(err.splitlines())) == (130, "", 1)
    assert "the same command continues" in err


@pytest.mark.parametrize(
    "error",
    [
        MemoryError(),
        torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB."),
        RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 40000000000 bytes."),
    ],
)
def test_too_little_memory_is_status_2_and_advice(error: Exception, capsys: pytest.CaptureFixture[str]) -> None:
    status, _, err = outcome(error, [], capsys)
    assert (status, len(err.splitlines())) == (2, 1)
    assert "out of memory; try a smaller --batch-size" in err


def test_an_array_that_is_too_large_for_torch_or_numpy_is_too_little_memory() -> None:
    app = command_line("emonas-test", "A command.")

    @app.default
    def command(*, library: str) -> None:
        torch.empty(10**15) if library == "torch" else np.empty(10**17)

    for library in ("torch", "numpy"):
        with pytest.raises(SystemExit) as raised:
            run(app, ["--library", library])
        assert raised.value.code == 2


def test_a_mistake_in_the_program_keeps_its_traceback() -> None:
    app = command_line("emonas-test", "A command.")

    @app.default
    def command() -> None:
        raise RuntimeError("shapes do not match")

    with pytest.raises(RuntimeError, match="shapes"):
        run(app, [])


def test_a_terminal_without_the_character_gets_its_escape() -> None:
    code = (
        "from emonas.console import *\n"
        "app = command_line('x', '')\n"
        "app.default(lambda: say('loss \\u2192 0'))\n"
        "run(app, [])"
    )
    environment = os.environ | {"PYTHONIOENCODING": "ascii"}
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, env=environment, timeout=60)
    assert (done.returncode, done.stdout, done.stderr) == (0, "loss \\u2192 0\n", "")


def test_a_warning_is_one_line_on_standard_error(capsys: pytest.CaptureFixture[str]) -> None:
    warn(ODD)
    assert capsys.readouterr() == ("", f"note: {ODD}\n")


def test_long_lines_are_not_broken(capsys: pytest.CaptureFixture[str]) -> None:
    say("word " * 100)
    assert capsys.readouterr().out == "word " * 100 + "\n"


@pytest.mark.parametrize("total", [1, 2, 5, 6, 7, 40, 1000, 1001])
def test_progress_without_a_terminal_is_a_few_lines(total: int, capsys: pytest.CaptureFixture[str]) -> None:
    with progress("[training]", total) as step:
        for i in range(total):
            step(f"loss [{i}]")
    lines = capsys.readouterr().out.splitlines()
    assert 1 <= len(lines) <= 6
    assert lines[-1] == f"[training] {total}/{total}  loss [{total - 1}]"


def test_progress_goes_on_where_it_stopped(capsys: pytest.CaptureFixture[str]) -> None:
    with progress("training", 10, done=9) as step:
        step("loss 1")
    assert capsys.readouterr().out == "training 10/10  loss 1\n"


@pytest.mark.parametrize("total", [0, 3])
def test_progress_on_a_terminal_is_a_bar(
    total: int, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("emonas.console._out._force_terminal", True)
    with progress("[training]", total) as step:
        for _ in range(total):
            step("loss [1]")
    out = capsys.readouterr().out
    assert "[training]" in out
    assert f"{total}/{total}" in out


class Cell:
    """Stands for ipywidgets' output of a notebook's cell."""

    cleared = 0

    def __enter__(self) -> None:
        pass

    def __exit__(self, *_: object) -> None:
        pass

    def clear_output(self, wait: bool) -> None:
        Cell.cleared += 1


def notebook(monkeypatch: pytest.MonkeyPatch, widgets: bool) -> list[str]:
    """Make this process one behind a notebook; what it shows grows in the list that is returned."""
    shown: list[str] = []
    display, package = ModuleType("IPython.display"), ModuleType("ipywidgets")
    display.display = lambda one: shown.append(getattr(one, "text", ""))  # type: ignore[attr-defined]
    package.Output, package.__spec__ = Cell, ModuleSpec("ipywidgets", None)  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, "IPython", ModuleType("IPython"))
    monkeypatch.setitem(sys.modules, "IPython.display", display)
    monkeypatch.setitem(sys.modules, "ipywidgets", package if widgets else None)
    monkeypatch.setattr("emonas.console._out", Console(force_jupyter=True, highlight=False))
    return shown


def test_progress_in_a_notebook_is_a_bar_that_is_drawn_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = notebook(monkeypatch, widgets=True)
    before = Cell.cleared
    with progress("[training]", 3) as step:
        for _ in range(3):
            step("loss [1]")
    assert Cell.cleared > before + 1
    last = [text for text in shown if text.strip()][-1]
    assert "[training]" in last and "3/3" in last and "loss [1]" in last


def test_progress_in_a_notebook_that_draws_no_bars_is_a_few_lines(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = notebook(monkeypatch, widgets=False)
    with progress("training", 2) as step:
        step("loss 2")
        step("loss 1")
    assert [line.strip() for line in shown] == ["training 1/2  loss 2", "training 2/2  loss 1"]


def test_tables_fit_80_columns_and_lose_nothing(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("COLUMNS", raising=False)
    path = "/data/" + "very-long-folder-name/" * 9
    rows = [["[red]", 12, path], [":bomb:", 3456, "words " * 30]]
    show_table("data [sets]", ["name", "samples", "where"], rows, numbers=[1])
    title, head, *lines = capsys.readouterr().out.splitlines()
    assert title == "data [sets]"
    assert max(len(line) for line in lines) <= 80
    left = head.index("where")
    # Names flush left, numbers flush right, and the long texts broken but whole.
    assert [line[:left].rstrip() for line in lines if line[:left].strip()] == ["[red]        12", ":bomb:     3456"]
    assert "".join(line[left:].strip() for line in lines).replace(" ", "") == path + "words" * 30


def test_json_for_programs_is_plain(capsys: pytest.CaptureFixture[str]) -> None:
    show_json({"path": ODD, "name": "Łódź", "scores": [0.5, None]})
    out = capsys.readouterr().out
    assert json.loads(out) == {"path": ODD, "name": "Łódź", "scores": [0.5, None]}
    assert "Łódź" in out


@pytest.mark.parametrize(
    ("seconds", "words"),
    [(0, "0 s"), (40.4, "40 s"), (89, "89 s"), (90, "2 min"), (720, "12 min"), (5399, "90 min"), (12600, "3.5 h")],
)
def test_durations_as_people_say_them(seconds: float, words: str) -> None:
    assert duration(seconds) == words


@dataclass(frozen=True)
class Inner:
    """A part of a config."""

    sizes: tuple[int, ...] = (1, 2)


@dataclass(frozen=True)
class Outer:
    """A config."""

    out: Path = Path("runs") / "x"
    inner: Inner = Inner()
    names: tuple[Path, ...] = (Path("a"),)
    rate: float | None = None


def test_configs_as_plain_data() -> None:
    expected = {"out": str(Path("runs/x")), "inner": {"sizes": [1, 2]}, "names": ["a"], "rate": None}
    assert plain(Outer()) == expected
    assert plain({1: Outer(), "b": [Path("c")]}) == {"1": expected, "b": ["c"]}
