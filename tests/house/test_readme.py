"""The README's first command does what it promises, as a newcomer would type it (its installation left out)."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from readme import commands


@pytest.mark.slow
def test_the_first_command_searches_trains_and_judges(tmp_path: Path) -> None:
    lines = [line for line in commands(1).splitlines() if line.startswith("emonas-")]
    assert len(lines) == 2
    scripts = Path(sys.executable).parent
    # The conftest's single thread is for the short tests; a newcomer has all cores.
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
    said = ""
    for line in lines:
        done = subprocess.run(line.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False)
        assert done.returncode == 0, done.stderr
        said += done.stdout
    print(said)
    results = json.loads((tmp_path / "runs" / "train-synthetic-micro" / "results.json").read_text())
    assert results["uar"] >= 0.80
    assert results["search_saw_test_subjects"] is False
    assert "cells.png" in said and "tensorboard --logdir" in said
    assert (tmp_path / "runs" / "search-synthetic-micro" / "cells.png").exists()
    assert list((tmp_path / "runs").rglob("events.out.tfevents.*"))
