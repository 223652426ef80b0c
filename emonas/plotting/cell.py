"""Draws one cell where its layout says."""

from __future__ import annotations

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.collections import PathCollection, PolyCollection
from matplotlib.patches import BoxStyle
from matplotlib.path import Path

from emonas.genotype import INPUTS
from emonas.plotting.cell_layout import Box, Layout, Route
from emonas.plotting.style import COLOURS, DARK, LIGHT, PALE, SHORT_NAMES, WHITE, draw_text, state_names

#: Sizes in inches, line widths in points.
ARROW_LENGTH, ARROW_WIDTH = 0.1, 0.085
NODE_RADIUS, PANEL_RADIUS = 0.09, 0.1
EDGE_LINE, OUTPUT_LINE, CASING = 1.7, 1.0, 2.8
OUTPUT_COLOUR = "#9ca3af"


def draw_panel(axes: Axes, box: Box) -> None:
    """Fill the rounded ground on which a cell is drawn."""
    axes.add_collection(PathCollection([_rounded(box, PANEL_RADIUS)], facecolors=PALE, linewidths=0))


def draw_cell(axes: Axes, layout: Layout) -> None:
    """Draw a cell's lines, labels and nodes onto its panel; the axes count inches, y downwards."""
    routes = sorted(layout.routes, key=lambda route: route.operation is not None)
    _draw_lines(axes, routes)
    _draw_labels(axes, routes)
    _draw_nodes(axes, layout.nodes)


def _draw_lines(axes: Axes, routes: Sequence[Route]) -> None:
    """Each line lies on a casing in the panel's colour, so that the eye can follow it where lines cross."""
    curves, colours, widths, heads = [], [], [], []
    for route in routes:
        x, y = route.points[-1]
        back = x - ARROW_LENGTH
        heads.append([(x, y), (back, y - ARROW_WIDTH / 2), (back, y + ARROW_WIDTH / 2)])
        curves += [_curve([*route.points[:-1], (back, y)])] * 2
        colours += [PALE, COLOURS[route.operation] if route.operation else OUTPUT_COLOUR]
        width = EDGE_LINE if route.operation else OUTPUT_LINE
        widths += [width + CASING, width]
    axes.add_collection(PathCollection(curves, facecolors="none", edgecolors=colours, linewidths=widths))
    axes.add_collection(PolyCollection(heads, facecolors=colours[1::2], linewidths=0))


def _curve(points: Sequence[tuple[float, float]]) -> Path:
    """Bends that start and end level, joined by level lines."""
    corners, codes = [], []
    for i in range(0, len(points), 2):
        (x0, y0), (x1, y1) = points[i : i + 2]
        middle = (x0 + x1) / 2
        corners += [(x0, y0), (middle, y0), (middle, y1), (x1, y1)]
        codes += [Path.LINETO if i else Path.MOVETO, Path.CURVE4, Path.CURVE4, Path.CURVE4]
    return Path(corners, codes)


def _draw_labels(axes: Axes, routes: Sequence[Route]) -> None:
    pills, colours = [], []
    for route in routes:
        if route.operation and route.label:
            pills.append(_rounded(route.label, route.label.height / 2))
            colours.append(COLOURS[route.operation])
            draw_text(axes, route.label.x, route.label.y, SHORT_NAMES[route.operation])
    axes.add_collection(PathCollection(pills, facecolors=WHITE, edgecolors=colours, linewidths=1.3))


def _draw_nodes(axes: Axes, nodes: Sequence[Box]) -> None:
    names = [*state_names(len(nodes) - INPUTS - 1), "cₖ"]
    inner = [name.isdigit() for name in names]
    grounds = [DARK if is_inner else LIGHT for is_inner in inner]
    shapes = [_rounded(box, NODE_RADIUS) for box in nodes]
    axes.add_collection(PathCollection(shapes, facecolors=grounds, linewidths=0))
    for box, name, is_inner in zip(nodes, names, inner, strict=True):
        draw_text(axes, box.x, box.y, name, fontsize=10, color=WHITE if is_inner else DARK)


def _rounded(box: Box, radius: float) -> Path:
    shape = BoxStyle.Round(pad=0, rounding_size=radius)
    return shape(box.x - box.width / 2, box.y - box.height / 2, box.width, box.height, 1)
