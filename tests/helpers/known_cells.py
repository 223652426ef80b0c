"""Genotypes to build networks from: a published one and random ones."""

from __future__ import annotations

import random

from emonas.genotype import Cell, Edge, Genotype, Provenance
from emonas.operations.table import OPERATION_NAMES

PROVENANCE = Provenance("synthetic-macro", "random", 0, subjects=())

#: The cells that DARTS found in its second order (Liu, Simonyan, Yang: ICLR 2019).
DARTS_V2 = Genotype(
    normal=Cell(
        (
            Edge("sep_conv_3x3", 0),
            Edge("sep_conv_3x3", 1),
            Edge("sep_conv_3x3", 0),
            Edge("sep_conv_3x3", 1),
            Edge("sep_conv_3x3", 1),
            Edge("skip_connect", 0),
            Edge("skip_connect", 0),
            Edge("dil_conv_3x3", 2),
        ),
        (2, 3, 4, 5),
    ),
    reduction=Cell(
        (
            Edge("max_pool_3x3", 0),
            Edge("max_pool_3x3", 1),
            Edge("skip_connect", 2),
            Edge("max_pool_3x3", 1),
            Edge("max_pool_3x3", 0),
            Edge("skip_connect", 2),
            Edge("skip_connect", 2),
            Edge("max_pool_3x3", 1),
        ),
        (2, 3, 4, 5),
    ),
    cells=20,
    channels=36,
    classes=tuple("0123456789"),
    provenance=PROVENANCE,
)


def random_cell(luck: random.Random, nodes: int = 4) -> Cell:
    """A cell whose nodes see two different earlier states each; all nodes are concatenated."""
    pairs = [luck.sample(range(node + 2), 2) for node in range(nodes)]
    edges = tuple(Edge(luck.choice(OPERATION_NAMES), source) for pair in pairs for source in pair)
    return Cell(edges, tuple(range(2, nodes + 2)))


def random_genotype(luck: random.Random, nodes: int = 4, cells: int = 8, channels: int = 24) -> Genotype:
    """Two random cells, to be stacked for the classes "0" to "6"."""
    return Genotype(random_cell(luck, nodes), random_cell(luck, nodes), cells, channels, tuple("0123456"), PROVENANCE)


def cell_of(operation: str, nodes: int = 1) -> Cell:
    """A cell in which every edge has the same operation and comes from one of the two inputs."""
    edges = tuple(Edge(operation, source) for _ in range(nodes) for source in (0, 1))
    return Cell(edges, tuple(range(2, nodes + 2)))
