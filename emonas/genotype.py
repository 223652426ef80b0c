"""The genotype: what a search found, as one small value that becomes a JSON file.

A cell is a DAG with two input nodes (the outputs of the two cells before) and ``nodes`` intermediate nodes.
States are numbered 0 and 1 for the inputs, 2, 3, ... for the intermediate nodes. Each intermediate node sums
two edges; ``concat`` names the states that make the cell's output. (Liu, Simonyan, Yang: DARTS, ICLR 2019.)
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NoReturn

from emonas.errors import UserError
from emonas.files import read_json, write_json
from emonas.operations.table import OPERATION_NAMES

FORMAT = "emonas-genotype"
VERSION = 1

INPUTS = 2
EDGES_PER_NODE = 2
MOST_NODES = 16
MOST_CELLS = 200
MOST_CHANNELS = 4096


@dataclass(frozen=True)
class Edge:
    """One operation applied to one earlier state."""

    operation: str
    source: int


@dataclass(frozen=True)
class Cell:
    """The edges of a cell, two for each intermediate node in order, and the states that are concatenated."""

    edges: tuple[Edge, ...]
    concat: tuple[int, ...]

    @property
    def nodes(self) -> int:
        """Number of intermediate nodes."""
        return len(self.edges) // EDGES_PER_NODE

    def incoming(self, node: int) -> tuple[Edge, ...]:
        """The edges into intermediate node ``node`` (0-based)."""
        return self.edges[EDGES_PER_NODE * node : EDGES_PER_NODE * (node + 1)]

    @property
    def skips(self) -> int:
        """Number of skip connections, the sign of a collapsed search."""
        return sum(edge.operation == "skip_connect" for edge in self.edges)


@dataclass(frozen=True)
class Provenance:
    """Where a genotype comes from; ``subjects`` are the people whose samples the search has seen.

    ``dataset`` is the prepared set's name, ``database`` the registry's name of its source. ``subjects_known`` is False
    when the data set names nobody: then only its owner's split tells what was seen.
    """

    dataset: str
    strategy: str
    seed: int
    database: str = ""
    subjects: tuple[str, ...] = ()
    subjects_known: bool = True
    protocol: str = ""
    fingerprint: str = ""
    versions: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell, how they are stacked, and where they come from.

    ``cells`` and ``channels`` are those of the search: the final network has the same number of cells.
    ``reductions`` are the reduction cells' positions where the search learned the number of cells; else they are empty
    and stand at one and two thirds.
    """

    normal: Cell
    reduction: Cell
    cells: int
    channels: int
    classes: tuple[str, ...]
    provenance: Provenance
    reductions: tuple[int, ...] = ()

    def save(self, path: Path) -> None:
        """Write the genotype as JSON, whole or not at all."""
        write_json(path, self.as_json())

    def as_json(self) -> dict[str, Any]:
        """The documented file content as plain data."""
        origin = self.provenance
        return {
            "format": FORMAT,
            "version": VERSION,
            "operations": list(OPERATION_NAMES),
            "normal": _cell_json(self.normal),
            "reduction": _cell_json(self.reduction),
            "cells": self.cells,
            "channels": self.channels,
            "reductions": list(self.reductions),
            "classes": list(self.classes),
            "provenance": {
                "dataset": origin.dataset,
                "database": origin.database,
                "strategy": origin.strategy,
                "seed": origin.seed,
                "protocol": origin.protocol,
                "fingerprint": origin.fingerprint,
                "subjects_known": origin.subjects_known,
                "subjects": list(origin.subjects),
                "versions": dict(origin.versions),
            },
        }

    @staticmethod
    def load(path: Path) -> Genotype:
        """Read and validate a genotype file; every flaw is a UserError that names the file and the place."""
        return from_json(read_json(path), str(path))


def _cell_json(cell: Cell) -> dict[str, Any]:
    return {"edges": [[edge.operation, edge.source] for edge in cell.edges], "concat": list(cell.concat)}


def from_json(data: Any, name: str = "genotype") -> Genotype:
    """Build a Genotype from parsed JSON; ``name`` is how messages call the file. Raises UserError."""
    read = _Reader(name)
    top = read.mapping(data, "the file")
    if top.get("format") != FORMAT:
        read.fail(f'"format" is {_short(top.get("format"))}, expected "{FORMAT}"; is this a genotype file?')
    if top.get("version") != VERSION:
        read.fail(f'"version" is {_short(top.get("version"))}, this emonas reads version {VERSION}')
    return Genotype(
        normal=read.cell(top, "normal"),
        reduction=read.cell(top, "reduction"),
        cells=read.integer(top, "cells", 1, MOST_CELLS),
        channels=read.integer(top, "channels", 1, MOST_CHANNELS),
        classes=read.classes(top),
        provenance=read.provenance(top),
        reductions=read.reductions(top),
    )


def _short(value: Any) -> str:
    text = json.dumps(value)
    return text if len(text) <= 40 else text[:37] + "..."


class _Reader:
    """Typed look-ups in parsed JSON that fail with the file's name and the place."""

    def __init__(self, name: str) -> None:
        self.name = name

    def fail(self, flaw: str) -> NoReturn:
        raise UserError(f"{self.name}: {flaw}")

    def mapping(self, value: Any, place: str) -> dict[str, Any]:
        if not isinstance(value, dict):
            self.fail(f"{place} must be a JSON object, not {_short(value)}")
        return value

    def item(self, data: dict[str, Any], key: str) -> Any:
        if key not in data:
            self.fail(f'"{key}" is missing')
        return data[key]

    def integer(self, data: dict[str, Any], key: str, low: int, high: int) -> int:
        value = self.item(data, key)
        if type(value) is not int or not low <= value <= high:
            self.fail(f'"{key}" must be a whole number from {low} to {high}, not {_short(value)}')
        return value

    def string(self, data: dict[str, Any], key: str, default: str | None = None) -> str:
        value = data.get(key, default) if default is not None else self.item(data, key)
        if not isinstance(value, str):
            self.fail(f'"{key}" must be text, not {_short(value)}')
        return value

    def strings(self, data: dict[str, Any], key: str) -> tuple[str, ...]:
        value = self.item(data, key)
        if not isinstance(value, list) or not all(isinstance(item, str) for item in value):
            self.fail(f'"{key}" must be a list of texts, not {_short(value)}')
        return tuple(value)

    def reductions(self, data: dict[str, Any]) -> tuple[int, ...]:
        """Positions of the reduction cells; missing in files from before they could be searched."""
        places, cells = data.get("reductions", []), self.integer(data, "cells", 1, MOST_CELLS)
        fits = isinstance(places, list) and all(type(place) is int and 0 <= place < cells for place in places)
        if not fits or places != sorted(set(places)):
            self.fail(f'"reductions" must list different positions from 0 to {cells - 1} in order')
        return tuple(places)

    def classes(self, data: dict[str, Any]) -> tuple[str, ...]:
        names = self.strings(data, "classes")
        if len(names) < 2 or len(set(names)) != len(names):
            self.fail(f'"classes" must name at least two different classes, not {_short(list(names))}')
        return names

    def cell(self, data: dict[str, Any], key: str) -> Cell:
        """A cell: two edges a node from different earlier states, and which states are concatenated."""
        cell = self.mapping(self.item(data, key), f'"{key}"')
        rows = self.item(cell, "edges")
        if not isinstance(rows, list) or not rows or len(rows) % EDGES_PER_NODE or len(rows) > 2 * MOST_NODES:
            self.fail(f'"{key}": "edges" must list {EDGES_PER_NODE} edges for each of 1 to {MOST_NODES} nodes')
        edges = tuple(self.edge(row, INPUTS + i // EDGES_PER_NODE, f'"{key}" edge {i}') for i, row in enumerate(rows))
        for i in range(0, len(edges), EDGES_PER_NODE):
            if edges[i].source == edges[i + 1].source:
                self.fail(f'"{key}" edges {i} and {i + 1} both come from state {edges[i].source}; they must differ')
        concat = self.item(cell, "concat")
        states = range(INPUTS, INPUTS + len(edges) // EDGES_PER_NODE)
        valid = isinstance(concat, list) and concat and all(type(c) is int and c in states for c in concat)
        if not valid or len(set(concat)) != len(concat):
            self.fail(f'"{key}": "concat" must list different states from {states[0]} to {states[-1]}')
        return Cell(edges, tuple(concat))

    def edge(self, row: Any, states: int, place: str) -> Edge:
        """An edge [operation, from] into a node that has ``states`` states before it."""
        if not isinstance(row, list) or len(row) != 2:
            self.fail(f"{place} must be [operation, from], not {_short(row)}")
        operation, source = row
        if operation not in OPERATION_NAMES:
            self.fail(f"{place}: unknown operation {_short(operation)}; known: {', '.join(OPERATION_NAMES)}")
        if type(source) is not int or not 0 <= source < states:
            self.fail(f"{place}: comes from {_short(source)}, but only states 0 to {states - 1} lie before it")
        return Edge(operation, source)

    def provenance(self, data: dict[str, Any]) -> Provenance:
        """Where the genotype comes from; keys that came later may be missing in older files."""
        origin = self.mapping(self.item(data, "provenance"), '"provenance"')
        versions = self.mapping(origin.get("versions", {}), '"versions"')
        known = origin.get("subjects_known", True)
        if not isinstance(known, bool):
            self.fail(f'"subjects_known" must be true or false, not {_short(known)}')
        return Provenance(
            dataset=self.string(origin, "dataset"),
            strategy=self.string(origin, "strategy"),
            seed=self.integer(origin, "seed", 0, 2**63 - 1),
            database=self.string(origin, "database", ""),
            subjects=self.strings(origin, "subjects"),
            subjects_known=known,
            protocol=self.string(origin, "protocol", ""),
            fingerprint=self.string(origin, "fingerprint", ""),
            versions={str(key): str(value) for key, value in versions.items()},
        )


def count_edges(nodes: int) -> int:
    """Edges of a cell in which every node sees all earlier states: 14 for 4 nodes."""
    return sum(INPUTS + node for node in range(nodes))


def node_rows(nodes: int) -> Iterator[slice]:
    """For each node, the rows of the weight matrix that belong to its incoming edges, in the order of the states."""
    start = 0
    for node in range(nodes):
        yield slice(start, start + INPUTS + node)
        start += INPUTS + node


def source_rows(nodes: int, source: int) -> list[int]:
    """The rows of the edges that leave state ``source``, one for each node after it."""
    return [rows.start + source for node, rows in enumerate(node_rows(nodes)) if source < INPUTS + node]


NODES = 4
#: The two kinds of cell, as they are called everywhere.
KINDS = ("normal", "reduction")
