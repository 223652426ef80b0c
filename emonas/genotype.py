"""The genotype: what a search found, as one small value that becomes a JSON file.

A cell is a DAG with two input nodes (the outputs of the two cells before) and ``nodes`` intermediate nodes.
States are numbered 0 and 1 for the inputs, 2, 3, ... for the intermediate nodes. Each intermediate node sums
two edges; ``concat`` names the states that make the cell's output. (Liu, Simonyan, Yang: DARTS, ICLR 2019.)
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Annotated, Any, NamedTuple

from msgspec import Meta

from emonas.operations.table import OPERATION_NAMES
from emonas.records import Count, Format, SetName, parse_record, plain_record, read_record, shorten, write_record

INPUTS = 2
EDGES_PER_NODE = 2
MOST_NODES = 16
MOST_CELLS = 200
MOST_CHANNELS = 4096


class Edge(NamedTuple):
    """One operation applied to one earlier state; [operation, from] in a file."""

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
    when the data set names nobody: then only its owner's split tells what was seen. ``pictures`` are fingerprints of
    some of the source files that were seen, by which they are known again where names cannot be compared.
    """

    dataset: SetName
    database: str = field(default="", kw_only=True)
    strategy: str
    seed: Count
    protocol: str = field(default="", kw_only=True)
    fingerprint: str = field(default="", kw_only=True)
    subjects_known: bool = field(default=True, kw_only=True)
    subjects: tuple[str, ...] = field(kw_only=True)
    pictures: tuple[str, ...] = field(default=(), kw_only=True)
    versions: Mapping[str, str] = field(default_factory=dict, kw_only=True)


@dataclass(frozen=True)
class Genotype:
    """A normal and a reduction cell, how they are stacked, and where they come from.

    ``cells`` and ``channels`` are those of the search: the final network has the same number of cells.
    ``reductions`` are the reduction cells' positions where the search learned the number of cells; else they are empty
    and stand at one and two thirds.
    """

    normal: Cell
    reduction: Cell
    cells: Annotated[int, Meta(ge=1, le=MOST_CELLS)]
    channels: Annotated[int, Meta(ge=1, le=MOST_CHANNELS)]
    # Missing in files from before they could be searched.
    reductions: tuple[int, ...] = field(default=(), kw_only=True)
    classes: tuple[str, ...]
    provenance: Provenance

    def save(self, path: Path) -> None:
        """Write the genotype as JSON, whole or not at all."""
        write_record(path, self, FORMAT)

    def as_json(self) -> dict[str, Any]:
        """The documented file content as plain data."""
        return plain_record(self, FORMAT)

    @staticmethod
    def load(path: Path) -> Genotype:
        """Read and validate a genotype file; every flaw is a UserError that names the file and the place."""
        return read_record(path, FORMAT)


def from_json(data: Any, name: str = "genotype") -> Genotype:
    """Build a Genotype from parsed JSON; ``name`` is how messages call the file. Raises UserError."""
    return parse_record(data, FORMAT, name)


def check_genotype(genotype: Genotype) -> None:
    """What a genotype's types do not say of it. Raises ValueError."""
    _check_cell(genotype.normal, '"normal"')
    _check_cell(genotype.reduction, '"reduction"')
    places, cells, names = genotype.reductions, genotype.cells, genotype.classes
    if list(places) != sorted(set(places) & set(range(cells))):
        raise ValueError(f'"reductions" must list different positions from 0 to {cells - 1} in order')
    if len(names) < 2 or len(set(names)) != len(names):
        raise ValueError(f'"classes" must name at least two different classes, not {shorten(list(names))}')


def _check_cell(cell: Cell, place: str) -> None:
    """Two edges a node from different earlier states, and at least one state that is concatenated."""
    edges, concat = cell.edges, cell.concat
    if not edges or len(edges) % EDGES_PER_NODE or len(edges) > EDGES_PER_NODE * MOST_NODES:
        raise ValueError(f'{place}: "edges" must list {EDGES_PER_NODE} edges for each of 1 to {MOST_NODES} nodes')
    for i, edge in enumerate(edges):
        _check_edge(edge, INPUTS + i // EDGES_PER_NODE, f"{place} edge {i}")
    for i in range(0, len(edges), EDGES_PER_NODE):
        if edges[i].source == edges[i + 1].source:
            raise ValueError(f"{place} edges {i} and {i + 1} both come from state {edges[i].source}; they must differ")
    states = range(INPUTS, INPUTS + cell.nodes)
    if not concat or len(set(concat)) != len(concat) or not set(concat) <= set(states):
        raise ValueError(f'{place}: "concat" must list different states from {states[0]} to {states[-1]}')


def _check_edge(edge: Edge, states: int, place: str) -> None:
    """An edge into a node that has ``states`` states before it."""
    if edge.operation not in OPERATION_NAMES:
        known = ", ".join(OPERATION_NAMES)
        raise ValueError(f"{place}: unknown operation {shorten(edge.operation)}; known: {known}")
    if not 0 <= edge.source < states:
        raise ValueError(f"{place}: comes from {shorten(edge.source)}, but only states 0 to {states - 1} lie before it")


FORMAT = Format(
    Genotype,
    "emonas-genotype",
    foreign="is this a genotype file?",
    head={"operations": list(OPERATION_NAMES)},
    check=check_genotype,
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
