"""emonas-data run inside a test, and the width that what it says must fit into."""

from __future__ import annotations

import json
from typing import Any

import pytest

from emonas.console import run
from emonas.datasets.cli import app


class Command:
    """Runs emonas-data inside the test; gives the exit status, standard output and standard error."""

    def __init__(self, capsys: pytest.CaptureFixture[str]) -> None:
        self.capsys = capsys

    def __call__(self, *arguments: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as ended:
            run(app, [str(argument) for argument in arguments])
        return (int(ended.value.code or 0), *self.capsys.readouterr())

    def succeed(self, *arguments: object) -> str:
        """The output of a command that has to work."""
        status, out, err = self(*arguments)
        assert status == 0, err
        return out

    def refuse(self, *arguments: object) -> str:
        """The one line that a command with bad input says, and nothing else."""
        status, out, err = self(*arguments)
        assert (status, out, err.count("\n")) == (2, "", 1), err
        return err

    def json(self, *arguments: object) -> Any:
        """What a command says with --json, which must be all it says."""
        return json.loads(self.succeed(*arguments, "--json"))


def fits(text: str) -> None:
    """At most 80 columns, but for lines that end on a folder's name."""
    assert text
    assert all(len(line.rstrip()) <= 80 for line in text.splitlines() if not line.startswith("in  ")), text
