"""The table of operations: its lines make sense, and one more line is all that a further size takes."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any, get_args

import pytest

from emonas.operations import table
from emonas.operations.table import OPERATION_NAMES, OPERATIONS, SKIP, select_family
from emonas.options.types import OperationName

#: Run with a table that has a few lines more: what the larger search space then does everywhere, as JSON.
LARGER = """
import importlib.util, json, random, sys
from typing import get_args
from dataclasses import replace
spec = importlib.util.spec_from_file_location("emonas.operations.table", sys.argv[1])
table = sys.modules[spec.name] = importlib.util.module_from_spec(spec)
spec.loader.exec_module(table)

import torch
from edge_by_edge import PlainSupernet, copy_parameters, gradient, parameters
from known_cells import cell_of, random_genotype
from emonas.genotype import count_edges, from_json
from emonas.network import Network
from emonas.options.types import OperationName
from emonas.plotting.figures import draw_genotype
from emonas.supernet.grouped import grouped_cell
from emonas.supernet.supernet import Supernet

torch.manual_seed(0)
fast = Supernet(3, 3, 2, 8, nodes=2).double().train()
plain = PlainSupernet(3, 3, 2, 8, nodes=2).double().train()
copy_parameters(fast, plain)
images = torch.randn(4, 3, 8, 8, dtype=torch.float64)
normal, reduction = (torch.randn(count_edges(2), len(table.OPERATIONS)).double().softmax(1) for _ in range(2))
outputs = [form(images, normal, reduction) for form in (fast, plain)]
for output in outputs:
    output.square().sum().backward()
gradients = [(ours - theirs).abs().max() for ours, theirs in parameters(fast, plain, gradient)]
cell, state = fast.cells[0].eval(), fast.stem(images)
drawn = []
for name in sys.argv[2:]:
    random_one = random_genotype(random.Random(0), cells=3, channels=4)
    genotype = from_json(json.loads(json.dumps(replace(random_one, normal=cell_of(name)).as_json())))
    network = Network(genotype, 3, 8).train()
    network(torch.randn(2, 3, 8, 8)).sum().backward()
    texts = [text.get_text() for text in draw_genotype(genotype).axes[0].texts]
    kernels = {m.kernel_size if isinstance(m.kernel_size, int) else m.kernel_size[0]
               for m in network.cells[0].edges.modules() if hasattr(m, "kernel_size")}
    drawn.append([texts.count(table.OPERATIONS[name].short_name) >= 2, max(kernels)])
print(json.dumps({
    "choices": get_args(OperationName),
    "output": float((outputs[0] - outputs[1]).abs().max()),
    "gradient": float(max(gradients)),
    "grouped": float((grouped_cell(cell, state, state, normal) - cell(state, state, normal)).abs().max()),
    "drawn": drawn,
}))
"""
NEW = {
    "sep_conv_7x7": 'Operation("sep_conv_7x7", "sep conv 7×7", BLUE, "sep_conv", kernel=7)',
    "dil_conv_7x7": 'Operation("dil_conv_7x7", "dil conv 7×7", VERMILION, "dil_conv", kernel=7, dilation=2)',
    "max_pool_5x5": 'Operation("max_pool_5x5", "max pool 5×5", ORANGE, "max_pool", kernel=5)',
}


@pytest.fixture(scope="module")
def larger(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """What the search space does once the lines of NEW stand in the table, in a process of its own."""
    lines = Path(table.__file__).read_text(encoding="utf-8").splitlines()
    end = lines.index(")", lines.index("_LINES = ("))
    path = tmp_path_factory.mktemp("larger") / "table.py"
    path.write_text(
        "\n".join([*lines[:end], *(f"    {line}," for line in NEW.values()), *lines[end:]]), encoding="utf-8"
    )
    helpers = str(Path(__file__).parents[2] / "helpers")
    done = subprocess.run(
        [sys.executable, "-c", LARGER, str(path), *NEW],
        env={**os.environ, "PYTHONPATH": helpers, "PYTHONUTF8": "1"},
        capture_output=True,
        text=True,
        encoding="utf-8",
        check=False,
    )
    assert done.returncode == 0, done.stderr
    result: dict[str, Any] = json.loads(done.stdout)
    return result


def test_every_line_can_be_computed() -> None:
    assert len(OPERATIONS) == len({operation.short_name for operation in OPERATIONS.values()}) == len(table._LINES)
    for operation in OPERATIONS.values():
        assert operation.kernel % 2 == 1, "the resolution is kept"
        assert operation.dilation % 2 == (operation.family != "dil_conv"), "dilations are even, as phases need them"


def test_the_columns_are_those_that_genotypes_and_alphas_have_had_from_the_first() -> None:
    assert (
        *("max_pool_3x3", "avg_pool_3x3", "skip_connect"),
        *("sep_conv_3x3", "sep_conv_5x5", "dil_conv_3x3", "dil_conv_5x5"),
    ) == OPERATION_NAMES
    assert SKIP == 2
    assert [*select_family("max_pool", "avg_pool")] == [0, 1] and [*select_family("dil_conv")] == [5, 6]
    assert get_args(OperationName) == OPERATION_NAMES


def test_one_more_line_is_a_choice_on_the_command_line(larger: dict[str, Any]) -> None:
    assert larger["choices"] == [*OPERATION_NAMES, *NEW]


def test_one_more_line_is_in_the_supernet_as_the_definition_has_it(larger: dict[str, Any]) -> None:
    assert larger["output"] < 1e-12 and larger["gradient"] < 1e-9


def test_one_more_line_is_in_the_form_for_gpus(larger: dict[str, Any]) -> None:
    assert larger["grouped"] < 1e-12


def test_one_more_line_is_stacked_and_drawn(larger: dict[str, Any]) -> None:
    assert larger["drawn"] == [[True, 7], [True, 7], [True, 5]]
