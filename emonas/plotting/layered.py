"""Layered drawing of a graph: the order of the items in each column and the level on which each one lies.

Items are numbered from 0. Every segment (a, b) joins an item to one of the next column; a long edge is a
chain of segments through one slot in each column that it crosses. (Gansner, Koutsofios, North, Vo: A
Technique for Drawing Directed Graphs, IEEE TSE 1993, has the plan; the steps here are simpler.)
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from itertools import combinations

Pair = tuple[int, int]
Columns = list[list[int]]

STARTS = 6
SWEEPS = 8
ROUNDS = 24
#: The distance in inches below which a pull gets no harder.
SOFTENING = 0.05


def neighbours(segments: Sequence[Pair], items: int) -> tuple[Columns, Columns]:
    """For each item those it is joined to in the column before, and those in the column after."""
    before: Columns = [[] for _ in range(items)]
    after: Columns = [[] for _ in range(items)]
    for a, b in segments:
        before[b].append(a)
        after[a].append(b)
    return before, after


def order_columns(columns: Columns, segments: Sequence[Pair], nodes: int) -> Columns:
    """Order each column but the first from top to bottom so that few segments cross.

    Of equally good orders the one is taken that most has the first ``nodes`` items ascending. The same graph
    always gets the same order.
    """
    tries = []
    for start in range(STARTS):
        order = _sweep(columns, segments, random.Random(start) if start else None)
        later = sum(b < a < nodes for column in order for a, b in combinations(column, 2))
        tries.append((_crossings(order, segments), later, start, order))
    *_, best = min(tries)
    return best


def _sweep(columns: Columns, segments: Sequence[Pair], luck: random.Random | None) -> Columns:
    """Untangle from the given order or, with luck, from a random one.

    Items move to the mean rank of their neighbours, to and fro; then neighbours swap where that still helps.
    """
    order = [luck.sample(column, len(column)) if luck and i else list(column) for i, column in enumerate(columns)]
    rank = _ranks(order)
    before, after = neighbours(segments, len(rank))
    for _ in range(SWEEPS):
        for sweep, sides in ((order[1:], before), (order[-2:0:-1], after)):
            for column in sweep:
                wish = {i: sum(rank[j] for j in sides[i]) / len(sides[i]) if sides[i] else rank[i] for i in column}
                column.sort(key=wish.__getitem__)
                rank |= {item: place for place, item in enumerate(column)}
    while sum(_swap(column, rank, (before, after)) for column in order[1:]):
        pass
    return order


def _swap(column: list[int], rank: dict[int, int], sides: Sequence[Columns]) -> bool:
    """Swap neighbours in a column wherever that undoes more crossings than it makes; tell if any was."""
    swapped = False
    for place in range(len(column) - 1):
        upper, lower = column[place], column[place + 1]
        steps = [rank[a] - rank[b] for side in sides for a in side[upper] for b in side[lower]]
        if sum((step > 0) - (step < 0) for step in steps) > 0:
            column[place], column[place + 1] = lower, upper
            rank[upper], rank[lower] = place + 1, place
            swapped = True
    return swapped


def _ranks(columns: Columns) -> dict[int, int]:
    return {item: place for column in columns for place, item in enumerate(column)}


def _crossings(columns: Columns, segments: Sequence[Pair]) -> int:
    rank = _ranks(columns)
    gap = {item: i for i, column in enumerate(columns) for item in column}
    gaps: list[list[Pair]] = [[] for _ in columns]
    for a, b in segments:
        gaps[gap[a]].append((rank[a], rank[b]))
    return sum((a - c) * (b - d) < 0 for pairs in gaps for (a, b), (c, d) in combinations(pairs, 2))


def assign_coordinates(
    columns: Columns,
    rooms: Sequence[float],
    pulls: Sequence[Sequence[tuple[int, float, float]]],
    height: float,
) -> list[float]:
    """Each item's level y, within 0 to ``height``: segments as flat as the order and the rooms allow.

    ``rooms`` are the items' heights, gaps included. ``pulls`` hold (neighbour, offset, strength) for each
    item: it is drawn to the neighbour's level plus the offset.
    """
    ys = [height / 2] * len(rooms)
    for _ in range(ROUNDS):
        for column in (*columns, *columns[-2::-1]):
            wanted = [_wish(ys[i], [(ys[other] + offset, pull) for other, offset, pull in pulls[i]]) for i in column]
            for item, y in zip(column, _spread(wanted, [rooms[i] for i in column], height), strict=True):
                ys[item] = y
    return ys


def _wish(y: float, aims: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Where an item at ``y`` wants to go, and how much, given (place, pull) of its neighbours.

    Dividing a pull by its distance makes the sum of distances small, not that of squares: a line then bends
    once, where squares would have it climb in many small steps.
    """
    pulls = [pull / (SOFTENING + abs(place - y)) for place, pull in aims]
    if not pulls:
        return y, 1.0
    return sum(place * pull for (place, _), pull in zip(aims, pulls, strict=True)) / sum(pulls), sum(pulls)


def _spread(wanted: Sequence[tuple[float, float]], rooms: Sequence[float], height: float) -> list[float]:
    """The places nearest to the wanted ones, (y, weight), that keep the order and everyone's room.

    Less the room of all items above, the places need only not decrease: pool neighbours that do, then clip.
    """
    above = [sum(rooms[:i]) + rooms[i] / 2 for i in range(len(rooms))]
    pools: list[tuple[float, float, int]] = []
    for (want, weight), offset in zip(wanted, above, strict=True):
        mean, mass, size = want - offset, weight, 1
        while pools and pools[-1][0] >= mean:
            other, more, count = pools.pop()
            mean, mass, size = (mean * mass + other * more) / (mass + more), mass + more, size + count
        pools.append((mean, mass, size))
    slack = max(0.0, height - sum(rooms))
    means = [min(max(mean, 0.0), slack) for mean, _, size in pools for _ in range(size)]
    return [mean + offset for mean, offset in zip(means, above, strict=True)]


def straighten(
    columns: Columns,
    rooms: Sequence[float],
    chains: Sequence[Sequence[int]],
    ys: Sequence[float],
    height: float,
) -> list[float]:
    """Levels like ``ys``, but with runs of each chain's items on one level, as long as their surroundings allow."""
    levels = list(ys)
    column_of = {item: column for column in columns for item in column}
    for chain in chains:
        run: list[int] = []
        low, high = 0.0, height
        for item in chain:
            least, most = _scope(item, column_of[item], rooms, levels, height)
            if max(low, least) > min(high, most):
                run, low, high = [], 0.0, height
            run.append(item)
            low, high = max(low, least), min(high, most)
            level = min(max(sum(levels[i] for i in run) / len(run), low), high)
            for i in run:
                levels[i] = level
    return levels


def _scope(
    item: int, column: Sequence[int], rooms: Sequence[float], ys: Sequence[float], height: float
) -> tuple[float, float]:
    """The smallest and the largest y that an item may take while all others stay where they are."""
    place = column.index(item)
    upper, lower = column[:place][-1:], column[place + 1 :][:1]
    low = ys[upper[0]] + rooms[upper[0]] / 2 if upper else 0.0
    high = ys[lower[0]] - rooms[lower[0]] / 2 if lower else height
    return low + rooms[item] / 2, high - rooms[item] / 2
