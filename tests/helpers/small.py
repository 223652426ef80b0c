"""Small prepared sets of drawn faces, quick enough to search and train on in a test."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import pytest
from cyclopts import App

from emonas.console import run
from emonas.datasets.databases import registry
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.datasets.store.prepared import Prepared
from emonas.datasets.synthetic.sets import read_macro, read_micro

#: Options that make any search or training a matter of seconds.
QUICK = ["--device", "cpu", "--cells", "3", "--channels", "2", "--batch-size", "8"]


def small_macro(patch: pytest.MonkeyPatch, subjects: int = 6, size: int = 12, name: str = "small") -> Prepared:
    """Seven classes, one still of each from each subject, under a fixed split."""
    found = read_macro(subjects=subjects, stills=1, size=32)
    with patch.context() as patched:
        patched.setattr(registry, "read", lambda dataset, source, choices: found)
        return prepare("synthetic-macro", None, PrepareConfig(size=size, name=name, jobs=1))


def small_micro(
    patch: pytest.MonkeyPatch, config: PrepareConfig, subjects: int, clips: int, name: str, seed: int = 0
) -> Prepared:
    """Clips under a fixed split."""
    found = read_micro(seed, subjects=subjects, clips=clips, size=config.size or 64)
    with patch.context() as patched:
        # Drawn sets have no choices of their own, but a test may want those of clips that have.
        patched.setattr(registry, "resolve_choices", lambda dataset, choices: choices)
        patched.setattr(registry, "read", lambda dataset, source, choices: found)
        return prepare("synthetic-micro", None, replace(config, name=name, jobs=1))


def command(module: str, *arguments: object, cwd: Path) -> subprocess.CompletedProcess[str]:
    """Run a command as a user would, in a process of its own, 80 columns wide."""
    return subprocess.run(
        [sys.executable, "-m", f"emonas.{module}.cli", *map(str, arguments)],
        cwd=cwd,
        env={**os.environ, "COLUMNS": "80"},
        capture_output=True,
        text=True,
        timeout=300,
    )


def call(app: App, arguments: Sequence[str], capsys: pytest.CaptureFixture[str]) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which is quicker by the import of torch."""
    capsys.readouterr()
    with pytest.raises(SystemExit) as end:
        run(app, arguments)
    said = capsys.readouterr()
    return subprocess.CompletedProcess(list(arguments), int(str(end.value.code)), said.out, said.err)


def assert_one_line_and_status_2(done: subprocess.CompletedProcess[str], *words: str) -> None:
    """The way every command says what the user can put right."""
    assert done.returncode == 2, done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    assert "Traceback" not in done.stderr
    for word in words:
        assert word in done.stderr
