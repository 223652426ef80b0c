"""A report that is made again has the cells of every fold."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from made_models import GENOTYPE

from emonas.evaluate.report import remake


@dataclass
class Row:
    """A fold of results."""

    seed: int
    fold: str


@dataclass
class Ran:
    """As much of results as tells where the cells are."""

    per_fold: tuple[Row, ...]
    model: Any


def test_cells_of_folds_are_taken_from_the_folds(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    other = replace(GENOTYPE, cells=4)
    for seed in (0, 1):
        for fold, cells in (("1", GENOTYPE), ("2", other)):
            cells.save(tmp_path / f"seed{seed}" / fold / "genotype.json")
    rows = tuple(Row(seed, fold) for seed in (0, 1) for fold in ("1", "2"))
    (tmp_path / "config.json").write_text('{"genotype": "0123456789abcdef"}')
    assert remake._genotypes(tmp_path, Ran(rows, SimpleNamespace(arch="genotype"))) == [GENOTYPE, other]  # type: ignore[arg-type]
    assert not capsys.readouterr().err
    (tmp_path / "seed1" / "2" / "genotype.json").unlink()
    assert remake._genotypes(tmp_path, Ran(rows, SimpleNamespace(arch="genotype"))) == []  # type: ignore[arg-type]
    assert "no cells in the report" in capsys.readouterr().err
