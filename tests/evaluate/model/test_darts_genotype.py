"""Cells out of the texts of DARTS, P-DARTS and PC-DARTS: read as they are printed, never run, refused in one line."""

from __future__ import annotations

from pathlib import Path

import pytest

from emonas.errors import UserError
from emonas.evaluate.model.genotypes import load_genotypes
from emonas.genotype import Genotype

EDGES = "[('sep_conv_3x3', 1), ('skip_connect', 0), ('dil_conv_5x5', 2), ('max_pool_3x3', 0)]"
OTHERS = "[('max_pool_3x3', 0), ('avg_pool_3x3', 1), ('sep_conv_5x5', 2), ('dil_conv_3x3', 1)]"
TEXT = f"Genotype(normal={EDGES}, normal_concat=range(2, 4), reduce={OTHERS}, reduce_concat=[2, 3])"


def loaded(folder: Path, text: str, name: str = "genotype.txt") -> Genotype:
    (folder / name).write_text(text, encoding="utf-8")
    return load_genotypes(folder / name).any


def test_a_printed_genotype_has_its_cells(tmp_path: Path) -> None:
    found = loaded(tmp_path, TEXT)
    assert list(found.normal.edges) == [
        ("sep_conv_3x3", 1),
        ("skip_connect", 0),
        ("dil_conv_5x5", 2),
        ("max_pool_3x3", 0),
    ]
    assert found.normal.concat == (2, 3) and found.reduction.edges[1] == ("avg_pool_3x3", 1)
    assert (found.cells, found.channels) == (8, 16)
    assert not found.provenance.subjects_known and not found.provenance.database, "nobody knows what it has seen"
    found.save(tmp_path / "genotype.json")
    assert Genotype.load(tmp_path / "genotype.json") == found


@pytest.mark.parametrize(
    "text",
    [
        f"03/15 10:22:01 AM genotype = {TEXT}\n03/15 10:22:02 AM epoch 2\n",
        f"PC_DARTS_cifar = {TEXT}\n",
        f"from collections import namedtuple\nGenotype = namedtuple('Genotype', 'normal normal_concat')\nX = {TEXT}\n",
        TEXT.replace(", normal_concat", ",\n    normal_concat").replace("[2, 3])", "list(range(2, 4)))\n"),
        f"Genotype({EDGES}, range(2, 4), {OTHERS}, [2, 3])",
        f"\ufeff{TEXT}",
        f"genotype = {TEXT.replace('max_pool', 'avg_pool')}\nepoch 1\ngenotype = {TEXT}",
    ],
)
def test_it_is_found_wherever_it_stands(tmp_path: Path, text: str) -> None:
    assert loaded(tmp_path, text, "log.txt") == loaded(tmp_path, TEXT)


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        (TEXT[:-30], "cannot be read"),
        (TEXT.replace("sep_conv_3x3", "conv_7x1_1x7"), 'unknown operation "conv_7x1_1x7"; known: max_pool_3x3'),
        (TEXT.replace("sep_conv_3x3", "none"), 'unknown operation "none"'),
        (TEXT.replace("3x3', 1)", "3x3', 7)"), "only states 0 to 1 lie before it"),
        (TEXT.replace("range(2, 4)", "__import__('os').getpid()"), "a call of something"),
        (TEXT.replace("range(2, 4)", "range(10**9)"), "cannot be read"),
        (TEXT.replace("range(2, 4)", "range(2, 999999999)"), "a call of range"),
        (TEXT.replace(EDGES, "(" * 5000), "cannot be read"),
        ("Genotype(normal=[])", "without normal_concat"),
        (f"A = {TEXT}\nB = {TEXT.replace('max_pool', 'avg_pool')}\n", r"holds several genotypes \(A, B\)"),
        ("nothing of the kind", "not valid JSON"),
    ],
)
def test_what_cannot_be_taken_is_one_line(tmp_path: Path, text: str, reason: str) -> None:
    with pytest.raises(UserError, match=reason) as raised:
        loaded(tmp_path, text)
    assert len(str(raised.value).splitlines()) == 1
