"""What all pictures share: one look, whatever the user's matplotlib settings, and inches as coordinates."""

from __future__ import annotations

import functools
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Any

import matplotlib
import numpy as np
from matplotlib import style
from matplotlib.axes import Axes
from matplotlib.collections import LineCollection, PathCollection, PolyCollection
from matplotlib.colors import LinearSegmentedColormap
from matplotlib.figure import Figure
from matplotlib.font_manager import FontProperties
from matplotlib.path import Path
from matplotlib.textpath import TextPath, text_to_path

from emonas.operations.table import OPERATIONS
from emonas.plotting.letters import FONT, font_families

DPI = 100
#: The usual size of letters in points, of which an inch has so many.
LETTERS, POINTS = 8.5, 72
DARK, GREY, FAINT, LIGHT, PALE, WHITE = "#1f2937", "#6b7280", "#9ca3af", "#d5dbe5", "#f5f7fa", "#ffffff"
HEAT = LinearSegmentedColormap.from_list("emonas", [PALE, "#b5d3ea", "#5a9fcf", "#0072b2", "#06365c"])
#: From here on the heat is so dark that text on it must be white.
DARK_HEAT = 0.6

#: What people read for each operation, and the colour of its family.
SHORT_NAMES = {name: operation.short_name for name, operation in OPERATIONS.items()}
COLOURS = {name: operation.colour for name, operation in OPERATIONS.items()}


def state_names(nodes: int) -> list[str]:
    """How a cell's states are called: the two cells before, then the intermediate nodes."""
    return ["cₖ₋₂", "cₖ₋₁", *(str(node) for node in range(nodes))]


@contextmanager
def use_own_style() -> Iterator[None]:
    """Matplotlib's default style inside, the user's outside; SVG ids then depend on nothing but the content.

    No text is read as a formula: names may have dollar signs.
    """
    with (
        style.context("default"),
        matplotlib.rc_context({"font.family": FONT, "svg.hashsalt": "emonas", "text.parse_math": False}),
    ):
        yield


def new_figure(width: float, height: float) -> tuple[Figure, Axes]:
    """A white figure of so many inches and axes that cover it: x and y in inches, y downwards."""
    figure = Figure(figsize=(width, height), dpi=DPI, facecolor=WHITE)
    axes = figure.add_axes((0, 0, 1, 1), xlim=(0, width), ylim=(height, 0), autoscale_on=False)
    axes.set_axis_off()
    return figure, axes


def draw_text(axes: Axes, x: float, y: float, text: str, **look: Any) -> None:
    """Write text as it is, without markup, centred on (x, y) unless ``look`` has it otherwise."""
    plain: dict[str, Any] = {
        "ha": "center",
        "va": "center",
        "color": DARK,
        "fontsize": LETTERS,
        "fontfamily": font_families(text),
        "parse_math": False,
    }
    axes.text(x, y, text, **(plain | look))


def text_width(text: str, size: float, weight: str = "normal") -> float:
    """The width of a line of text in inches when written in ``size`` points."""
    font = FontProperties(family=font_families(text), size=size, weight=weight)
    width, _, _ = text_to_path.get_text_width_height_descent(text, font, False)
    return float(width) / POINTS


def draw_numbers(
    axes: Axes,
    places: Sequence[tuple[float, float]],
    texts: Sequence[str],
    size: float,
    colours: Sequence[str],
    bold: Sequence[bool],
) -> None:
    """Write many short texts, each centred on its place: as outlines, many times as fast as ``draw_text``."""
    paths = [
        Path(np.add(outline.vertices, place), outline.codes)
        for outline, place in zip(map(_outline, texts, [size] * len(texts), bold), places, strict=True)
    ]
    axes.add_collection(PathCollection(paths, facecolors=colours, linewidths=0))


@functools.lru_cache(maxsize=1024)
def _outline(text: str, size: float, bold: bool) -> Path:
    """The outline of a number in inches, y downwards, with its middle at (0, 0)."""
    prop = FontProperties(family=FONT, size=size, weight="bold" if bold else "normal")
    path = TextPath((0, 0), text, prop=prop)
    vertices = path.vertices / (POINTS, -POINTS)
    return Path(vertices - (vertices.min(axis=0) + vertices.max(axis=0)) / 2, path.codes)


def draw_rules(
    axes: Axes,
    starts: Sequence[tuple[float, float]],
    length: float,
    colours: str | Sequence[str],
    width: float,
) -> None:
    """Draw level lines, ``length`` inches long and ``width`` points thick, from their left ends."""
    lines = [[(x, y), (x + length, y)] for x, y in starts]
    axes.add_collection(LineCollection(lines, colors=colours, linewidths=width))


def draw_tiles(
    axes: Axes, corners: Sequence[tuple[float, float]], size: tuple[float, float], shares: np.ndarray
) -> list[str]:
    """Fill rectangles of one size (width, height) from their upper left corners with heat from 0 to 1.

    Gives for each the colour in which text on it is legible. NaN is left blank.
    """
    width, height = size
    outline = np.array([(0, 0), (width, 0), (width, height), (0, height)])
    polygons = np.asarray(corners)[:, None] + outline
    axes.add_collection(PolyCollection(polygons, facecolors=HEAT(shares), edgecolors=WHITE, linewidths=1))
    return [WHITE if share > DARK_HEAT else DARK for share in shares]
