"""The genotype file: what is saved comes back, and every flaw is told in one line that names the file."""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from known_cells import DARTS_V2, random_genotype

from emonas.errors import UserError
from emonas.genotype import MOST_NODES, Cell, Edge, Genotype, Provenance, from_json
from emonas.operations.table import OPERATION_NAMES
from emonas.records import SET_NAME

#: One line, as all texts of our files are.
TEXT = st.text(st.characters(exclude_categories=["Cs", "Cc", "Zl", "Zp"]), max_size=20)
SETS = st.just("") | st.from_regex(SET_NAME, fullmatch=True)


@st.composite
def cells(draw: st.DrawFn) -> Cell:
    nodes = draw(st.integers(1, 8))
    edges: list[Edge] = []
    for node in range(nodes):
        sources = draw(st.lists(st.integers(0, node + 1), min_size=2, max_size=2, unique=True))
        edges += [Edge(draw(st.sampled_from(OPERATION_NAMES)), source) for source in sources]
    concat = draw(st.lists(st.integers(2, nodes + 1), min_size=1, unique=True))
    return Cell(tuple(edges), tuple(concat))


provenances = st.builds(
    Provenance,
    dataset=SETS,
    strategy=TEXT,
    seed=st.integers(0, 2**63 - 1),
    database=SETS,
    subjects=st.lists(TEXT, max_size=5).map(tuple),
    subjects_known=st.booleans(),
    protocol=TEXT,
    fingerprint=TEXT,
    versions=st.dictionaries(TEXT, TEXT, max_size=3),
)


@st.composite
def genotypes(draw: st.DrawFn) -> Genotype:
    count = draw(st.integers(1, 200))
    return Genotype(
        normal=draw(cells()),
        reduction=draw(cells()),
        cells=count,
        channels=draw(st.integers(1, 4096)),
        classes=draw(st.lists(TEXT, min_size=2, max_size=8, unique=True).map(tuple)),
        provenance=draw(provenances),
        reductions=tuple(sorted(draw(st.sets(st.integers(0, count - 1), max_size=3)))),
    )


@given(genotype=genotypes())
def test_what_is_saved_comes_back(genotype: Genotype, tmp_path_factory: pytest.TempPathFactory) -> None:
    path = tmp_path_factory.getbasetemp() / "genotype.json"
    genotype.save(path)
    assert Genotype.load(path) == genotype


@given(genotype=genotypes())
def test_plain_data_is_plain(genotype: Genotype) -> None:
    data = genotype.as_json()
    assert json.loads(json.dumps(data)) == data
    assert from_json(data) == genotype


def test_a_cell_knows_its_nodes_edges_and_skips() -> None:
    normal = DARTS_V2.normal
    assert (normal.nodes, normal.skips, DARTS_V2.reduction.skips) == (4, 2, 3)
    assert normal.incoming(3) == (Edge("skip_connect", 0), Edge("dil_conv_3x3", 2))
    assert sum((normal.incoming(node) for node in range(4)), ()) == normal.edges


def test_older_files_without_the_later_keys_are_read() -> None:
    data = DARTS_V2.as_json()
    for key in ("subjects_known", "protocol", "fingerprint", "versions", "database"):
        del data["provenance"][key]
    del data["reductions"]
    assert from_json(data) == DARTS_V2


def write(path: Path, content: bytes | str) -> Path:
    path.write_bytes(content.encode() if isinstance(content, str) else content)
    return path


def refused(path: Path, reason: str) -> None:
    """Loading must fail in one line that names the file and the flaw."""
    with pytest.raises(UserError, match=reason) as raised:
        Genotype.load(path)
    message = str(raised.value)
    assert message.startswith(f"{path}: ")
    assert len(message.splitlines()) == 1
    assert len(message) < len(str(path)) + 200


WHOLE = json.dumps(DARTS_V2.as_json())


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        ("", "not valid JSON"),
        ("{", "not valid JSON.*line 1"),
        ("genotype = Genotype(normal=[])", "not valid JSON"),
        (WHOLE[: len(WHOLE) // 2], "not valid JSON"),
        (WHOLE + WHOLE, "not valid JSON: Extra data"),
        (b"\x89PNG\r\n\x1a\n\x00\xff", "not a text file"),
        (WHOLE.encode("utf-16"), "not a text file"),
        ('{"cells": ' + "1" * 5000 + "}", "a number is too long"),
        ("[" * 100_000, "nested too deeply"),
        ('{"format": ' + "[" * 500 + "]" * 500 + "}", "is this a genotype file"),
        ("[]", "must be a JSON object"),
        ("null", "must be a JSON object"),
        ('"text"', "must be a JSON object"),
        ("{}", '"format" is null'),
    ],
)
def test_what_is_no_genotype_file_is_refused(content: bytes | str, reason: str, tmp_path: Path) -> None:
    refused(write(tmp_path / "genotype.json", content), reason)


Flaw = Callable[[dict[str, Any]], None]


def put(*place: str | int, value: Any) -> Flaw:
    """A flaw: ``value`` at ``place``."""

    def change(data: dict[str, Any]) -> None:
        target: Any = data
        for key in place[:-1]:
            target = target[key]
        target[place[-1]] = value

    return change


def drop(*place: str) -> Flaw:
    """A flaw: nothing at ``place``."""

    def change(data: dict[str, Any]) -> None:
        target: Any = data
        for key in place[:-1]:
            target = target[key]
        del target[place[-1]]

    return change


@pytest.mark.parametrize(
    ("flaw", "reason"),
    [
        (put("format", value="darts"), 'expected "emonas-genotype"'),
        (put("version", value=2), '"version" is 2, this emonas reads version 1'),
        (put("version", value="1"), '"version" is "1"'),
        *((drop(key), f'"{key}" is missing') for key in ("normal", "reduction", "cells", "channels", "classes")),
        (drop("provenance"), '"provenance" is missing'),
        (drop("normal", "edges"), '"edges" is missing'),
        (drop("normal", "concat"), '"concat" is missing'),
        *((drop("provenance", key), f'"{key}" is missing') for key in ("dataset", "strategy", "seed", "subjects")),
        (put("normal", value=[]), '"normal" must be a JSON object'),
        (put("reduction", "edges", value={}), '"reduction": "edges" must be a list, not {}'),
        (put("reduction", "edges", value=[]), '"reduction": "edges" must list'),
        (put("normal", "edges", value=[["skip_connect", 0]] * 3), "2 edges for each of 1 to 16 nodes"),
        (put("normal", "edges", value=[["skip_connect", 0], ["skip_connect", 1]] * (MOST_NODES + 1)), "1 to 16"),
        (put("normal", "edges", 0, value="skip_connect"), '"normal": "edges" item 1 must be a list, not "skip'),
        (put("normal", "edges", 0, value=["skip_connect", 0, 1]), '"edges" item 1 must be a list of 2, not'),
        (put("normal", "edges", 3, 0, value="conv_7x7"), '"normal" edge 3: unknown operation "conv_7x7"; known: max'),
        (put("normal", "edges", 3, 0, value="none"), 'unknown operation "none"'),
        (put("normal", "edges", 3, 0, value=["skip_connect"]), r'"edges" item 4 item 1 must be text, not \["skip'),
        (put("normal", "edges", 3, 0, value="x" * 9999), "unknown operation"),
        (put("normal", "edges", 1, 1, value=2), '"normal" edge 1: comes from 2, but only states 0 to 1 lie before it'),
        (put("reduction", "edges", 7, 1, value=99), '"reduction" edge 7: comes from 99'),
        (put("normal", "edges", 1, 1, value=-1), "comes from -1"),
        (put("normal", "edges", 1, 1, value=True), '"normal": "edges" item 2 item 2 must be a whole number, not true'),
        (put("normal", "edges", 1, 1, value=1.0), "must be a whole number, not 1.0"),
        (put("normal", "edges", 1, 1, value="1"), 'must be a whole number, not "1"'),
        (put("normal", "edges", 1, 1, value=0), "edges 0 and 1 both come from state 0"),
        (put("normal", "concat", value=[]), '"concat" must list different states from 2 to 5'),
        (put("normal", "concat", value=[2, 2]), '"concat" must list'),
        (put("normal", "concat", value=[1, 2]), '"concat" must list'),
        (put("normal", "concat", value=[6]), '"concat" must list'),
        (put("normal", "concat", value=[[2]]), r'"normal": "concat" item 1 must be a whole number, not \[2\]'),
        (put("normal", "concat", value="2345"), '"concat" must be a list, not "2345"'),
        *((put("cells", value=value), '"cells" must be') for value in (0, -1, 10**9, 1e9, 8.0, "8", True, None)),
        *((put("channels", value=value), '"channels" must be') for value in (0, 10**9, [16])),
        *(
            (put("reductions", value=value), '"reductions" must list different positions from 0 to 19 in order')
            for value in ([20], [-1], [5, 5], [6, 5])
        ),
        *(
            (put("reductions", value=value), '"reductions" item 1 must be a whole number, not')
            for value in ([True], [1.0], ["5"])
        ),
        *((put("reductions", value=value), '"reductions" must be a list, not') for value in ("5", 5, None, {})),
        (put("classes", value=[1, 2]), '"classes" item 1 must be text, not 1'),
        (put("classes", value="happy"), '"classes" must be a list, not "happy"'),
        (put("classes", value=["happy"]), "at least two different classes"),
        (put("classes", value=["happy", "happy"]), "at least two different classes"),
        (put("provenance", value=[]), '"provenance" must be a JSON object'),
        (put("provenance", value="FER2013"), '"provenance" must be a JSON object'),
        (put("provenance", "seed", value=-1), '"seed" must be'),
        (put("provenance", "seed", value=float("nan")), '"seed" must be'),
        (put("provenance", "dataset", value=None), '"dataset" must be text'),
        (put("provenance", "subjects", value="s01"), '"provenance": "subjects" must be a list, not "s01"'),
        (put("provenance", "subjects_known", value=1), '"subjects_known" must be true or false'),
        (put("provenance", "versions", value=[]), '"versions" must be a JSON object'),
    ],
)
def test_a_flaw_is_named_with_its_place(flaw: Flaw, reason: str, tmp_path: Path) -> None:
    data = copy.deepcopy(DARTS_V2.as_json())
    flaw(data)
    refused(write(tmp_path / "genotype.json", json.dumps(data)), reason)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    refused(tmp_path / "genotype.json", "no such file")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be read: Is a directory")


@pytest.mark.skipif(not hasattr(os, "geteuid") or os.geteuid() == 0, reason="root may read everything")
def test_a_file_without_rights_is_refused(tmp_path: Path) -> None:
    path = write(tmp_path / "genotype.json", WHOLE)
    path.chmod(0)
    refused(path, "cannot be read: Permission denied")


def test_the_helpers_make_valid_genotypes() -> None:
    luck = random.Random(0)
    for nodes in range(1, 9):
        genotype = random_genotype(luck, nodes)
        assert from_json(genotype.as_json()) == genotype
