"""The tutorial does what it promises: all that it tells to save and to type, from its top to its end."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from emonas.evaluate.export import onnx as onnx_model

TUTORIAL = Path(__file__).parents[2] / "docs" / "tutorial.md"


def blocks() -> Iterator[tuple[str, str]]:
    """Language and text of the page's blocks; those in ``console`` are for the reader only."""
    text = TUTORIAL.read_text(encoding="utf-8")
    yield from re.findall(r"^```(sh|python)\n(.*?)^```", text, re.DOTALL | re.MULTILINE)


def test_every_program_on_the_page_says_where_to_save_it() -> None:
    for language, text in blocks():
        assert language == "sh" or re.match(r"# [\w/]+\.py\n", text)


@pytest.mark.slow
def test_the_tutorial_works_from_top_to_end(tmp_path: Path) -> None:
    scripts = Path(sys.executable).parent
    # The conftest's single thread is for the short tests; a newcomer has all cores.
    environment = {key: value for key, value in os.environ.items() if key != "OMP_NUM_THREADS"}
    environment["PATH"] = f"{scripts}{os.pathsep}{environment['PATH']}"
    said = ""
    for language, text in blocks():
        if language == "python":
            (tmp_path / text.split()[1]).write_text(text, encoding="utf-8")
            continue
        for line in text.splitlines():
            if line.startswith("emonas-export") and onnx_model.missing_packages():
                continue
            done = subprocess.run(
                line.split(), cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
            )
            assert done.returncode == 0, f"{line}\n{done.stderr}"
            said += f"{line}\n{done.stdout}"
    print(said)
    drawn, own = (
        json.loads((tmp_path / "runs" / run / "results.json").read_text())
        for run in ("train-synthetic-micro", "train-faces")
    )
    for results in (drawn, own):
        assert results["uar"] > results["chance"]["uar"] + 0.1
        assert results["search_saw_test_subjects"] is False and results["leaks"] == []
    assert own["n_samples"] == 72 and own["n_subjects"] == 8
    assert "worth" in said and "p03_happiness_1.png" in said
    assert (tmp_path / "answers" / "predictions.csv").exists()
    for run in ("train-synthetic-micro", "train-faces"):
        assert (tmp_path / "runs" / run / "report.html").exists()
