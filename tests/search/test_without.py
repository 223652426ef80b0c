"""Operations left out of a search: --without is kept by every strategy, to the last cell."""

from __future__ import annotations

from collections import Counter
from pathlib import Path
from typing import get_args

import numpy as np
import pytest
import torch
from small import QUICK, assert_one_line_and_status_2, call, small_macro
from tiny_search import batches, plan
from uniform import within

from emonas.errors import UserError
from emonas.files import read_json
from emonas.genotype import KINDS, Cell, Genotype
from emonas.operations.table import OPERATION_NAMES
from emonas.options.types import OperationName
from emonas.search.cli import app
from emonas.search.config import SearchConfig, check
from emonas.search.strategies import pdarts
from emonas.search.strategies.random import random_cell
from emonas.search.strategies.registry import STRATEGIES, build

LEFT_OUT = ("skip_connect", "max_pool_3x3")


def operations(cell: Cell) -> set[str]:
    return {edge.operation for edge in cell.edges}


def test_the_names_are_those_of_the_search_space() -> None:
    assert get_args(OperationName) == OPERATION_NAMES


@pytest.mark.parametrize("name", [name for name in STRATEGIES if name != "random"])
def test_what_is_left_out_has_no_weights_and_is_never_chosen(name: str) -> None:
    torch.manual_seed(0)
    strategy = build(plan(strategy=name, without=LEFT_OUT, epochs=3))
    assert strategy.controller is not None
    with torch.no_grad():
        for kind in KINDS:
            strategy.controller.alpha[kind][:, [OPERATION_NAMES.index(name) for name in LEFT_OUT]] = 9.0
    found = strategy.architecture()
    assert not (operations(found.normal) | operations(found.reduction)) & set(LEFT_OUT)
    whole = build(plan(strategy=name)).controller
    assert whole is not None
    sizes = [sum(p.numel() for p in controller.supernet.parameters()) for controller in (strategy.controller, whole)]
    assert sizes[0] < sizes[1]


def test_a_progressive_search_keeps_it_out_in_every_stage() -> None:
    torch.manual_seed(0)
    strategy = pdarts.build(plan(strategy="pdarts", without=OPERATION_NAMES[:3], epochs=3))
    counts = []
    for epoch in range(3):
        strategy.epoch(batches(batch=12), epoch)
        for kind in KINDS:
            assert not strategy.active[kind][:, :3].any()
        counts.append({int(count) for kind in KINDS for count in strategy.active[kind].sum(1)})
    assert counts == [{4}, {4}, {3}], "7, 5 and 3 are kept, of the 4 that there are"


def test_random_cells_are_uniform_over_the_others() -> None:
    generator = np.random.default_rng(0)
    cells = [random_cell(generator, without=LEFT_OUT) for _ in range(1000)]
    drawn = Counter(edge.operation for cell in cells for edge in cell.edges)
    assert not set(drawn) & set(LEFT_OUT)
    assert within(drawn, 5, sum(drawn.values()))
    strategy = build(plan(strategy="random", without=OPERATION_NAMES[2:]))
    assert operations(strategy.candidate(0).normal) == set(OPERATION_NAMES[:2])  # type: ignore[attr-defined]


def test_the_command_records_what_is_left_out(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    small_macro(monkeypatch)
    monkeypatch.chdir(tmp_path)
    without = ["--without", *OPERATION_NAMES[:5]]
    done = call(app, ["--dataset", "small", *QUICK, "--epochs", "1", "--out", "run", *without], capsys)
    assert done.returncode == 0, done.stderr
    genotype = Genotype.load(tmp_path / "run" / "genotype.json")
    assert operations(genotype.normal) | operations(genotype.reduction) <= set(OPERATION_NAMES[5:])
    assert read_json(tmp_path / "run" / "config.json")["without"] == list(OPERATION_NAMES[:5])


def test_a_search_without_something_has_a_folder_of_its_own() -> None:
    folder = plan(without=LEFT_OUT).out
    assert str(folder) == "runs/search-synthetic-micro-without-skip_connect-max_pool_3x3"


def test_a_search_must_have_a_choice_left(capsys: pytest.CaptureFixture[str]) -> None:
    check(SearchConfig(without=OPERATION_NAMES[:5]))  # type: ignore[arg-type]
    with pytest.raises(UserError, match="leaves no choice"):
        check(SearchConfig(without=OPERATION_NAMES[:6]))  # type: ignore[arg-type]
    assert_one_line_and_status_2(call(app, ["--without", "conv_9x9"], capsys), "--without", "conv_9x9")
