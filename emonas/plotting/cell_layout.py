"""Where the parts of a cell's picture lie: a layered drawing with a place of its own for every label.

Columns alternate between nodes, by their depth, and labels. An edge owns a slot in every column that it
crosses and one of those slots holds its label. Lines are level inside a column and bend only between two
columns, so that no line can run through a node or under another edge's label, whatever the cell.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

from emonas.genotype import EDGES_PER_NODE, INPUTS, Cell
from emonas.plotting.layered import Columns, Pair, assign_coordinates, neighbours, order_columns, straighten

#: All sizes are inches.
LABEL_WIDTH, LABEL_HEIGHT = 0.98, 0.235
NODE_WIDTH, NODE_HEIGHT = 0.38, 0.38
END_WIDTH = 0.54
PORT_STEP = 0.13
LINE_ROOM, LABEL_ROOM, NODE_GAP = 0.17, 0.31, 0.16
#: The width of the bends between two columns, and what the last ones get on top: many lines end there.
BEND, LONGEST_BEND, LAST_BEND = 0.3, 2.3, 0.3
#: How much the rooms may grow where the frame has height to spare, and the share of it that they may take:
#: lines need the rest to find straight ways.
LOOSEST, FILLED = 1.5, 0.88
#: How hard a segment pulls its ends level, by the number of slots among its ends: long edges are to be
#: straight before short ones are.
PULL = (1.0, 2.0, 8.0)


@dataclass(frozen=True)
class Box:
    """A rectangle by its centre and size, in inches; y grows downwards."""

    x: float
    y: float
    width: float
    height: float


@dataclass(frozen=True)
class Route:
    """The line of one edge; ``operation`` and ``label`` are None for a line to the cell's output.

    ``points`` are (x, y) in inches, an even number: the line bends from each even point to the next and is
    level from there to the next even point.
    """

    operation: str | None
    points: tuple[tuple[float, float], ...]
    label: Box | None


@dataclass(frozen=True)
class Layout:
    """The boxes of all states in order with the output's box after them, and a route for each line."""

    nodes: tuple[Box, ...]
    routes: tuple[Route, ...]


@dataclass(frozen=True)
class _Web:
    """What is to be placed: items 0 to ``nodes`` - 1 are the states and the output, the rest are slots.

    ``column`` and ``heights`` are those of each item. Each chain leads from node to node with one slot in
    every column between; those of the edges come first and ``labels`` are their slots that hold the label.
    """

    nodes: int
    column: list[int]
    heights: list[float]
    chains: list[list[int]]
    labels: list[int]

    def segments(self) -> list[Pair]:
        return [pair for chain in self.chains for pair in pairwise(chain)]

    def columns(self) -> Columns:
        columns: Columns = [[] for _ in range(max(self.column) + 1)]
        for item, column in enumerate(self.column):
            columns[column].append(item)
        return columns


def cell_size(nodes: int) -> tuple[float, float]:
    """Width and height in inches that hold every cell with this many intermediate nodes."""
    solid = END_WIDTH + nodes * (LABEL_WIDTH + NODE_WIDTH) + END_WIDTH
    return solid + (2 * nodes + 1) * BEND + LAST_BEND, max(2 * nodes * LABEL_ROOM, 3 * NODE_HEIGHT)


def lay_out(cell: Cell, frame: Box) -> Layout:
    """Place a cell in the middle of a frame, whose size is at least ``room(cell.nodes)``.

    The same cell always gets the same layout.
    """
    web = _weave(cell)
    columns = order_columns(web.columns(), web.segments(), web.nodes)
    ports = _ports(web, columns)
    return _assemble(cell, web, _levels(web, columns, ports, frame), ports, frame)


def _weave(cell: Cell) -> _Web:
    """Turn edges into chains: nodes stand in even columns, labels in odd ones, the output after the last."""
    depths = [0] * INPUTS
    for node in range(cell.nodes):
        depths.append(1 + max(depths[edge.source] for edge in cell.incoming(node)))
    output = len(depths)
    columns = [2 * depth for depth in depths] + [2 * max(depths) + 1]
    ends = [(edge.source, INPUTS + i // EDGES_PER_NODE) for i, edge in enumerate(cell.edges)]
    label_columns = _label_columns([(columns[a], columns[b]) for a, b in ends])
    ends += [(state, output) for state in cell.concat]
    heights = _node_heights(ends, output + 1)
    chains, labels = [], []
    for i, (a, b) in enumerate(ends):
        chain = [a]
        for column in range(columns[a] + 1, columns[b]):
            labelled = i < len(label_columns) and column == label_columns[i]
            if labelled:
                labels.append(len(columns))
            chain.append(len(columns))
            columns.append(column)
            heights.append(LABEL_ROOM if labelled else LINE_ROOM)
        chains.append([*chain, b])
    return _Web(output + 1, columns, heights, chains, labels)


def _label_columns(ends: Sequence[Pair]) -> list[int]:
    """For each edge an odd column between its end columns, chosen so that the labels are spread evenly."""
    chosen = [0] * len(ends)
    load: Counter[int] = Counter()
    for i in sorted(range(len(ends)), key=lambda i: ends[i][1] - ends[i][0]):
        first, last = ends[i]
        options = [(load[column], abs(2 * column - first - last), column) for column in range(first + 1, last, 2)]
        *_, chosen[i] = min(options)
        load[chosen[i]] += 1
    return chosen


def _node_heights(ends: Sequence[Pair], nodes: int) -> list[float]:
    """A node is as tall as the lines on its fuller side need."""
    lines = Counter((side, pair[side]) for pair in ends for side in (0, 1))
    most = [max(lines[0, node], lines[1, node]) for node in range(nodes)]
    return [max(NODE_HEIGHT, PORT_STEP * (count + 0.5)) for count in most]


def _ports(web: _Web, columns: Columns) -> dict[Pair, float]:
    """How far below an item's middle the line to a neighbour leaves it, keyed (item, neighbour)."""
    rank = {item: place for column in columns for place, item in enumerate(column)}
    ports = {}
    for side in neighbours(web.segments(), len(rank)):
        for item, joined in enumerate(side):
            for place, other in enumerate(sorted(joined, key=rank.__getitem__)):
                ports[item, other] = PORT_STEP * (place - (len(joined) - 1) / 2)
    return ports


def _levels(web: _Web, columns: Columns, ports: dict[Pair, float], frame: Box) -> list[float]:
    """The y of every item's middle, the whole centred in the frame."""
    rooms = [size + NODE_GAP * (item < web.nodes) for item, size in enumerate(web.heights)]
    fullest = max(sum(rooms[item] for item in column) for column in columns)
    rooms = [size * min(LOOSEST, max(1.0, FILLED * frame.height / fullest)) for size in rooms]
    pulls: list[list[tuple[int, float, float]]] = [[] for _ in rooms]
    for a, b in web.segments():
        pull = PULL[(a >= web.nodes) + (b >= web.nodes)]
        pulls[b].append((a, ports[a, b] - ports[b, a], pull))
        pulls[a].append((b, ports[b, a] - ports[a, b], pull))
    ys = assign_coordinates(columns, rooms, pulls, frame.height)
    ys = straighten(columns, rooms, [chain[1:-1] for chain in web.chains], ys, frame.height)
    top = min(y - size / 2 for y, size in zip(ys, web.heights, strict=True))
    bottom = max(y + size / 2 for y, size in zip(ys, web.heights, strict=True))
    return [y + frame.y - (top + bottom) / 2 for y in ys]


def _assemble(cell: Cell, web: _Web, ys: Sequence[float], ports: dict[Pair, float], frame: Box) -> Layout:
    xs, widths = _column_places(max(web.column) + 1, frame)
    boxes = [
        Box(xs[column], y, widths[column], height)
        for column, y, height in zip(web.column, ys, web.heights, strict=True)
    ]
    routes = []
    for i, chain in enumerate(web.chains):
        points: list[tuple[float, float]] = []
        for a, b in pairwise(chain):
            points.append((boxes[a].x + boxes[a].width / 2, boxes[a].y + ports[a, b]))
            points.append((boxes[b].x - boxes[b].width / 2, boxes[b].y + ports[b, a]))
        if i < len(cell.edges):
            slot = boxes[web.labels[i]]
            label = Box(slot.x, slot.y, LABEL_WIDTH, LABEL_HEIGHT)
            routes.append(Route(cell.edges[i].operation, tuple(points), label))
        else:
            routes.append(Route(None, tuple(points), None))
    return Layout(tuple(boxes[: web.nodes]), tuple(routes))


def _column_places(count: int, frame: Box) -> tuple[list[float], list[float]]:
    """The middle x and the width of every column; bends take the frame's width up to a limit."""
    widths = [END_WIDTH, *(LABEL_WIDTH if i % 2 else NODE_WIDTH for i in range(1, count - 1)), END_WIDTH]
    solid = sum(widths) + LAST_BEND
    bend = min(LONGEST_BEND, (frame.width - solid) / (count - 1))
    left = frame.x - (solid + (count - 1) * bend) / 2
    xs = [left + sum(widths[:i]) + i * bend + widths[i] / 2 for i in range(count)]
    xs[-1] += LAST_BEND
    return xs, widths
