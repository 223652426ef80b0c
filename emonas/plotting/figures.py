"""Pictures for people: the found cells, the operations' weights during a search, the confusion matrix.

Every function gives a new Figure and leaves matplotlib's global state as it was; no screen is needed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from emonas.errors import UserError
from emonas.files import replacing
from emonas.genotype import INPUTS, MOST_NODES, Genotype
from emonas.operations.table import OPERATION_NAMES
from emonas.plotting.cell import draw_cell, draw_panel
from emonas.plotting.cell_layout import Box, cell_size, lay_out
from emonas.plotting.letters import fit_text
from emonas.plotting.style import (
    COLOURS,
    FAINT,
    GREY,
    HEAT,
    LETTERS,
    LIGHT,
    SHORT_NAMES,
    draw_numbers,
    draw_rules,
    draw_text,
    draw_tiles,
    new_figure,
    state_names,
    text_width,
    use_own_style,
)

#: Sizes in inches; those of letters in points.
MARGIN, TITLE, CAPTION, GAP = 0.2, 0.42, 0.3, 0.08
NARROWEST = 6.5
TITLE_LETTERS, NUMBER_LETTERS, SMALL_LETTERS = 11, 10, 7.5
#: The heat maps of the weights.
EDGE_NAME, COLUMN, ROW, NODE_GAP, HEAD = 0.8, 0.58, 0.25, 0.08, 0.42
SCALE_WIDTH, LEAST_SCALE = 1.6, 0.3
#: The confusion matrix: larger tiles for few classes, names at a slant of so many degrees where they are long.
LARGE_TILE, TILE, MOST_LARGE = 0.78, 0.66, 6
SLANT = 40
LONGEST_CLASS, LONGEST_TITLE = 18, 80

#: A picture on paper or on a fine screen is looked at more closely than one in TensorBoard.
FILE_DPI = 200
#: What would make two files of one picture differ, or tell more than the picture does.
METADATA: dict[str, dict[str, None]] = {"png": {"Software": None}, "svg": {"Date": None, "Creator": None}}


def draw_genotype(genotype: Genotype) -> Figure:
    """Draw the normal cell above the reduction cell, with their origin below.

    The figure's size depends on the number of nodes alone, 10.3 × 6.9 inches for four, so that a series of
    them can be leafed through.
    """
    cells = {"Normal cell": genotype.normal, "Reduction cell": genotype.reduction}
    width, height = cell_size(max(cell.nodes for cell in cells.values()))
    width = max(width + 4 * MARGIN, NARROWEST)
    panel = TITLE + height + MARGIN
    with use_own_style():
        figure, axes = new_figure(width, 2 * panel + 1.5 * MARGIN + CAPTION)
        for i, (title, cell) in enumerate(cells.items()):
            top = MARGIN / 2 + i * (panel + MARGIN / 2)
            draw_panel(axes, Box(width / 2, top + panel / 2, width - MARGIN, panel))
            _write_title(axes, 1.5 * MARGIN, top, title)
            draw_cell(axes, lay_out(cell, Box(width / 2, top + TITLE + height / 2, width - 4 * MARGIN, height)))
        bottom = 2 * panel + MARGIN + CAPTION / 2
        draw_text(axes, width - MARGIN, bottom, _origin(genotype), ha="right", color=GREY)
    return figure


def _write_title(axes: Axes, x: float, top: float, title: str) -> None:
    draw_text(axes, x, top + TITLE / 2, title, ha="left", fontsize=TITLE_LETTERS, fontweight="bold")


def _origin(genotype: Genotype) -> str:
    origin = genotype.provenance
    size = f"{genotype.cells} cells × {genotype.channels} channels"
    return " · ".join(filter(None, [fit_text(origin.dataset), fit_text(origin.strategy), size]))


def draw_alphas(alphas: Mapping[str, np.ndarray]) -> Figure:
    """Draw the softmax of the architecture parameters, one heat map for each kind of cell.

    ``alphas`` holds the raw parameters (edges, operations) of each kind, "normal" and "reduction": a row for
    every edge, node by node, in the order of its source. The strongest operation of each edge is in bold. One
    colour scale serves all; it ends at the tenth above the largest weight, at 0.3 at least. Raises ValueError
    for a shape that no cell has.
    """
    weights = {kind: _softmax(np.asarray(alpha, dtype=float)) for kind, alpha in alphas.items()}
    nodes = max(_nodes(weight) for weight in weights.values())
    largest = max(np.max(weight, where=np.isfinite(weight), initial=LEAST_SCALE) for weight in weights.values())
    scale = float(np.ceil(largest * 10 - 1e-9) / 10)
    panel = EDGE_NAME + COLUMN * len(OPERATION_NAMES) + MARGIN
    bottom = TITLE + HEAD + _edge_top(nodes) + MARGIN
    with use_own_style():
        figure, axes = new_figure(panel * len(weights) + MARGIN, bottom + CAPTION + MARGIN)
        for i, (kind, weight) in enumerate(weights.items()):
            _write_title(axes, MARGIN + i * panel, MARGIN / 2, f"{fit_text(kind.capitalize())} cell")
            _draw_weights(axes, MARGIN + i * panel + EDGE_NAME, TITLE + HEAD, weight, scale)
        _draw_scale(axes, len(weights) * panel, bottom + CAPTION / 2, scale)
    return figure


def _softmax(alpha: np.ndarray) -> np.ndarray:
    with np.errstate(invalid="ignore"):
        powers = np.exp(alpha - alpha.max(axis=-1, keepdims=True))
        return powers / powers.sum(axis=-1, keepdims=True)


def _nodes(weight: np.ndarray) -> int:
    for nodes in range(1, MOST_NODES + 1):
        if weight.shape == (_edges(nodes), len(OPERATION_NAMES)):
            return nodes
    raise ValueError(f"no cell has architecture parameters of shape {weight.shape}")


def _edges(nodes: int) -> int:
    return sum(INPUTS + node for node in range(nodes))


def _edge_top(node: int) -> float:
    """How far below the heat map's top the edges of a node begin."""
    return _edges(node) * ROW + node * NODE_GAP


def _draw_weights(axes: Axes, left: float, top: float, weight: np.ndarray, scale: float) -> None:
    """Draw a heat map with its upper left corner at (left, top), its names above and to the left."""
    xs = [left + i * COLUMN for i in range(len(OPERATION_NAMES))]
    for x, operation in zip(xs, OPERATION_NAMES, strict=True):
        kind, _, size = SHORT_NAMES[operation].rpartition(" ")
        draw_text(axes, x + COLUMN / 2, top - HEAD / 2, f"{kind}\n{size}".strip(), fontsize=SMALL_LETTERS)
    draw_rules(axes, [(x + 0.03, top - 0.04) for x in xs], COLUMN - 0.06, [*COLOURS.values()], 2)
    ys = _draw_edge_names(axes, left, top, _nodes(weight))
    corners = [(x, y) for y in ys for x in xs]
    middles = [(x + COLUMN / 2, y + ROW / 2) for x, y in corners]
    inks = draw_tiles(axes, corners, (COLUMN, ROW), weight.ravel() / scale)
    strongest = weight == weight.max(axis=1, keepdims=True)
    draw_numbers(axes, middles, [f"{value:.2f}" for value in weight.flat], SMALL_LETTERS, inks, [*strongest.flat])


def _draw_edge_names(axes: Axes, left: float, top: float, nodes: int) -> list[float]:
    """Write the edges' names to the left of ``left``, ruled off node by node; gives the upper y of each row."""
    names = state_names(nodes)
    ys = []
    for node in range(nodes):
        start = top + _edge_top(node)
        for source in range(INPUTS + node):
            ys.append(start + source * ROW)
            draw_text(axes, left - GAP, ys[-1] + ROW / 2, f"{names[source]} → {node}", ha="right")
    breaks = [(left - EDGE_NAME, top + _edge_top(node) - NODE_GAP / 2) for node in range(1, nodes)]
    draw_rules(axes, breaks, EDGE_NAME + COLUMN * len(OPERATION_NAMES), LIGHT, 0.8)
    return ys


def _draw_scale(axes: Axes, right: float, y: float, scale: float) -> None:
    """Draw the colour bar, ending at ``right`` and centred on ``y``."""
    end = right - CAPTION
    start = end - SCALE_WIDTH
    shades = np.linspace(0, 1, 256)[None]
    axes.imshow(shades, extent=(start, end, y + 0.06, y - 0.06), cmap=HEAT, aspect="auto")
    draw_text(axes, start - GAP, y, "softmax weight   0", ha="right", color=GREY)
    draw_text(axes, end + GAP, y, f"{scale:.1f}", ha="left", color=GREY)


def draw_confusion(matrix: np.ndarray, classes: Sequence[str], title: str) -> Figure:
    """Draw a confusion matrix: counts and shares of the row, truth in rows and predictions in columns.

    ``matrix`` is (classes, classes): at [i, j] the number of samples of class i that were taken for class j.
    Raises ValueError for another shape.
    """
    counts = np.asarray(matrix)
    if counts.shape != (len(classes), len(classes)):
        raise ValueError(f"a confusion matrix of {len(classes)} classes cannot have the shape {counts.shape}")
    heading = fit_text(title, LONGEST_TITLE)
    names = [fit_text(name, LONGEST_CLASS) for name in classes]
    with use_own_style():
        longest = max(text_width(name, LETTERS) for name in names)
        tile = LARGE_TILE if len(names) <= MOST_LARGE else TILE
        slant = SLANT if longest > tile - GAP else 0
        left, top = MARGIN + CAPTION + longest + GAP, MARGIN / 2 + TITLE
        size = tile * len(names)
        below = longest * np.sin(np.radians(slant)) + 1.3 * CAPTION
        width = MARGIN + max(left - MARGIN + size, text_width(heading, TITLE_LETTERS, "bold")) + MARGIN
        figure, axes = new_figure(width, top + size + below + CAPTION)
        _write_title(axes, MARGIN, MARGIN / 2, heading)
        draw_text(axes, MARGIN + GAP, top + size / 2, "truth", color=GREY, rotation=90)
        draw_text(axes, left + size / 2, top + size + below, "prediction", color=GREY)
        _draw_counts(axes, left, top, tile, counts)
        _draw_class_names(axes, left, top, tile, names, slant)
    return figure


def _draw_class_names(axes: Axes, left: float, top: float, tile: float, names: Sequence[str], slant: float) -> None:
    bottom = top + tile * len(names) + 1.5 * GAP
    for i, name in enumerate(names):
        middle = (i + 0.5) * tile
        draw_text(axes, left - GAP, top + middle, name, ha="right")
        ha = "right" if slant else "center"
        draw_text(axes, left + middle, bottom, name, ha=ha, rotation=slant, rotation_mode="anchor")


def _draw_counts(axes: Axes, left: float, top: float, tile: float, counts: np.ndarray) -> None:
    totals = counts.sum(axis=1, keepdims=True)
    shares = np.divide(counts, totals, out=np.full(counts.shape, np.nan), where=totals > 0).ravel()
    corners = [(left + j * tile, top + i * tile) for i, j in np.ndindex(counts.shape)]
    inks = draw_tiles(axes, corners, (tile, tile), shares)
    inks = [ink if count else FAINT for ink, count in zip(inks, counts.flat, strict=True)]
    percents = ["–" if np.isnan(share) else f"{share:.1%}" for share in shares]
    numbers = [f"{count:.0f}" for count in counts.flat]
    for texts, height, size in ((numbers, 0.38, NUMBER_LETTERS), (percents, 0.69, SMALL_LETTERS)):
        middles = [(x + tile / 2, y + tile * height) for x, y in corners]
        draw_numbers(axes, middles, texts, size, inks, [False] * len(texts))


def figure_pixels(figure: Figure) -> np.ndarray:
    """The drawn figure as (height, width, 3) uint8 red, green and blue, at the figure's own dpi."""
    canvas = FigureCanvasAgg(figure)
    with use_own_style():
        canvas.draw()  # type: ignore[no-untyped-call]
    return np.asarray(canvas.buffer_rgba())[..., :3].copy()  # type: ignore[no-untyped-call]


def save_figure(figure: Figure, path: Path) -> None:
    """Write a PNG (200 dpi) or SVG file, whole or not at all; one picture always gives the same bytes.

    Raises UserError for another suffix or when the file cannot be written.
    """
    kind = path.suffix.lower().removeprefix(".")
    if kind not in METADATA:
        raise UserError(f"{path}: pictures are written as .png or .svg files")
    with use_own_style(), replacing(path) as temporary:
        figure.savefig(temporary, format=kind, dpi=FILE_DPI, metadata=METADATA[kind])
