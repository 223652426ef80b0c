"""Which row and which column of a weight matrix (edges x operations) belongs to what."""

from __future__ import annotations

from collections.abc import Iterator

from .genotype import INPUTS, OPERATION_NAMES

MAX_POOL, AVG_POOL, SKIP, SEP_3X3, SEP_5X5, DIL_3X3, DIL_5X5 = range(len(OPERATION_NAMES))


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
