"""The pictures: valid files, always the same bytes, and nothing drawn over anything else."""

from __future__ import annotations

import random
import warnings
from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import matplotlib
import numpy as np
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.text import Text
from matplotlib.transforms import Bbox

from emonas.errors import UserError
from emonas.genotype import Cell, Edge, Genotype, Provenance
from emonas.operations.table import OPERATION_NAMES
from emonas.plotting.cell_layout import Box, Layout, cell_size, lay_out
from emonas.plotting.figures import draw_alphas, draw_confusion, draw_genotype, figure_pixels, save_figure
from emonas.plotting.style import SHORT_NAMES

EXPRESSIONS = ["angry", "disgust", "fear", "happy", "neutral", "sad", "surprise"]


def random_cell(seed: int, nodes: int) -> Cell:
    luck = random.Random(seed)
    pairs = [luck.sample(range(node + 2), 2) for node in range(nodes)]
    edges = tuple(Edge(luck.choice(OPERATION_NAMES), source) for pair in pairs for source in pair)
    return Cell(edges, tuple(sorted(luck.sample(range(2, nodes + 2), luck.randint(1, nodes)))))


def special_cells(nodes: int) -> list[Cell]:
    """The deepest cell, the flattest one, and one with the longest edges, every node concatenated."""
    deep = [(node, node + 1) for node in range(nodes)]
    flat = [(0, 1)] * nodes
    long = [(0, node + 1) for node in range(nodes)]
    every = tuple(range(2, nodes + 2))
    return [
        Cell(tuple(Edge("sep_conv_5x5", source) for pair in pairs for source in pair), every)
        for pairs in (deep, flat, long)
    ]


def genotype(normal: Cell, reduction: Cell, dataset: str = "FER2013") -> Genotype:
    return Genotype(normal, reduction, 8, 16, tuple(EXPRESSIONS), Provenance(dataset, "darts", 0, subjects=()))


def overlap(a: Box, b: Box) -> bool:
    return abs(a.x - b.x) < (a.width + b.width) / 2 and abs(a.y - b.y) < (a.height + b.height) / 2


def around(points: tuple[tuple[float, float], ...]) -> Box:
    """The box around two points, with some room for the thickness of a line."""
    (x0, y0), (x1, y1) = points
    return Box((x0 + x1) / 2, (y0 + y1) / 2, abs(x1 - x0) - 1e-6, abs(y1 - y0) + 0.04)


def check_layout(cell: Cell, layout: Layout, frame: Box) -> None:
    labels = [route.label for route in layout.routes if route.label]
    boxes = [*layout.nodes, *labels]
    assert [route.operation for route in layout.routes if route.label] == [edge.operation for edge in cell.edges]
    assert len(layout.routes) == len(cell.edges) + len(cell.concat)
    assert not any(overlap(a, b) for a, b in combinations(boxes, 2))
    assert all(abs(box.x - frame.x) <= (frame.width - box.width) / 2 + 1e-9 for box in boxes)
    assert all(abs(box.y - frame.y) <= (frame.height - box.height) / 2 + 1e-9 for box in boxes)
    for route in layout.routes:
        others = [box for box in boxes if box is not route.label]
        stretches = [around(route.points[i : i + 2]) for i in range(len(route.points) - 1)]
        assert not any(overlap(stretch, box) for stretch in stretches for box in others)


@pytest.mark.parametrize("nodes", range(1, 9))
def test_nodes_labels_and_lines_keep_clear_of_each_other(nodes: int) -> None:
    frame = Box(10, 10, *cell_size(nodes))
    for cell in [*special_cells(nodes), *(random_cell(seed, nodes) for seed in range(5))]:
        check_layout(cell, lay_out(cell, frame), frame)


def test_lines_join_the_right_nodes() -> None:
    cell = random_cell(5, 4)
    layout = lay_out(cell, Box(5, 2, *cell_size(4)))
    targets = [2 + i // 2 for i in range(8)] + [6] * len(cell.concat)
    sources = [edge.source for edge in cell.edges] + list(cell.concat)
    for route, source, target in zip(layout.routes, sources, targets, strict=True):
        for (x, y), box, side in (
            (route.points[0], layout.nodes[source], 1),
            (route.points[-1], layout.nodes[target], -1),
        ):
            assert x == pytest.approx(box.x + side * box.width / 2)
            assert abs(y - box.y) < box.height / 2


def text_boxes(figure: Figure) -> list[tuple[Text, Bbox]]:
    renderer = FigureCanvasAgg(figure).get_renderer()
    return [(text, text.get_window_extent(renderer)) for text in figure.axes[0].texts]


def parallel(a: Text, b: Text) -> bool:
    """Whether both texts have one slant and run beside each other, a line's height apart at least."""
    slant = np.radians(a.get_rotation())
    apart = abs(a.get_position()[0] - b.get_position()[0]) * np.sin(slant)
    return a.get_rotation() == b.get_rotation() and apart > 1.3 * float(a.get_fontsize()) / 72


def check_texts(figure: Figure) -> None:
    """No text is over another one or over the figure's edge."""
    boxes = text_boxes(figure)
    for text, box in boxes:
        assert min(box.x0, box.y0) >= 0 and box.x1 <= figure.bbox.x1 and box.y1 <= figure.bbox.y1, text
    for (a, box), (b, other) in combinations(boxes, 2):
        assert not box.overlaps(other) or parallel(a, b), (a, b)


@pytest.mark.parametrize("nodes", [1, 2, 4, 7])
def test_drawn_texts_do_not_overlap(nodes: int) -> None:
    for seed in range(2):
        figure = draw_genotype(genotype(random_cell(seed, nodes), random_cell(seed + 9, nodes), "W" * 99))
        check_texts(figure)


def test_labels_fit_their_pills() -> None:
    cells = [Cell((Edge(name, 0), Edge(name, 1)), (2,)) for name in OPERATION_NAMES]
    for name, cell in zip(OPERATION_NAMES, cells, strict=True):
        boxes = text_boxes(draw_genotype(genotype(cell, cell)))
        widths = [box.width for text, box in boxes if text.get_text() == SHORT_NAMES[name]]
        pill = lay_out(cell, Box(0, 0, *cell_size(1))).routes[0].label
        assert pill and len(widths) == 4 and max(widths) < (pill.width - 0.1) * 100


def test_the_figure_is_as_large_for_every_genotype_of_one_size() -> None:
    sizes = {figure_pixels(draw_genotype(genotype(cell, random_cell(3, 4)))).shape for cell in special_cells(4)}
    assert len(sizes) == 1


@pytest.fixture
def figures() -> dict[str, Figure]:
    weights = np.random.default_rng(0).normal(size=(2, 14, 7))
    return {
        "genotype": draw_genotype(genotype(random_cell(0, 4), random_cell(1, 4))),
        "alphas": draw_alphas({"normal": weights[0], "reduction": weights[1]}),
        "confusion": draw_confusion(np.arange(49).reshape(7, 7), EXPRESSIONS, "Test"),
    }


def test_png_files_are_pictures_of_twice_the_pixels(figures: dict[str, Figure], tmp_path: Path) -> None:
    for name, figure in figures.items():
        path = tmp_path / "new" / f"{name}.png"
        save_figure(figure, path)
        data = path.read_bytes()
        assert data.startswith(b"\x89PNG\r\n\x1a\n") and data.endswith(b"IEND\xaeB`\x82")
        width, height = (int.from_bytes(data[i : i + 4], "big") for i in (16, 20))
        pixels = figure_pixels(figure)
        assert pixels.shape == (height // 2, width // 2, 3) and pixels.dtype == np.uint8
        assert 300 < width // 2 < 1200 and 300 < height // 2 < 1200
        assert pixels.std() > 10


def test_svg_files_hold_every_label(figures: dict[str, Figure], tmp_path: Path) -> None:
    cell = Cell(tuple(Edge(name, i % 2) for i, name in enumerate([*OPERATION_NAMES, "skip_connect"])), (2, 3, 4, 5))
    save_figure(draw_genotype(genotype(cell, cell)), tmp_path / "cell.SVG")
    text = (tmp_path / "cell.SVG").read_text(encoding="utf-8")
    assert ElementTree.fromstring(text).tag.endswith("svg")
    for label in (
        *SHORT_NAMES.values(),
        "Normal cell",
        "Reduction cell",
        "FER2013 · darts · 8 cells × 16 channels",
    ):
        assert f"<!-- {label} -->" in text
    for name in ("alphas", "confusion"):
        save_figure(figures[name], tmp_path / f"{name}.svg")
        assert ElementTree.parse(tmp_path / f"{name}.svg").getroot().tag.endswith("svg")


@pytest.mark.parametrize("suffix", ["png", "svg"])
def test_bytes_depend_on_the_content_alone(suffix: str, tmp_path: Path) -> None:
    def draw() -> bytes:
        cells = genotype(random_cell(2, 4), random_cell(3, 4))
        for i, figure in enumerate([draw_genotype(cells), draw_alphas({"normal": np.eye(14, 7)})]):
            save_figure(figure, tmp_path / f"{i}.{suffix}")
        return (tmp_path / f"0.{suffix}").read_bytes() + (tmp_path / f"1.{suffix}").read_bytes()

    plain = draw()
    with matplotlib.rc_context({"font.size": 30, "font.family": "serif", "lines.linewidth": 9, "text.usetex": True}):
        before = dict(matplotlib.rcParams)
        assert draw() == plain
        assert dict(matplotlib.rcParams) == before


@pytest.mark.parametrize("name", ["picture.jpg", "picture", "picture.png.txt"])
def test_another_suffix_is_refused_and_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(UserError, match=r"picture.*\.png or \.svg"):
        save_figure(Figure(), tmp_path / "folder" / name)
    assert not list(tmp_path.iterdir())


def test_alphas_show_the_softmax() -> None:
    alpha = np.random.default_rng(1).normal(size=(14, 7))
    pixels = figure_pixels(draw_alphas({"normal": alpha}))
    assert np.array_equal(pixels, figure_pixels(draw_alphas({"normal": alpha + 5})))
    assert not np.array_equal(pixels, figure_pixels(draw_alphas({"normal": alpha * 2})))


@pytest.mark.parametrize(("nodes", "edges"), [(1, 2), (2, 5), (4, 14), (8, 44)])
def test_alphas_name_every_edge(nodes: int, edges: int) -> None:
    figure = draw_alphas({"normal": np.zeros((edges, 7)), "reduction": np.full((edges, 7), np.nan)})
    check_texts(figure)
    texts = [text.get_text() for text in figure.axes[0].texts]
    names = ["cₖ₋₂", "cₖ₋₁", *map(str, range(nodes))]
    for node in range(nodes):
        assert all(texts.count(f"{source} → {node}") == 2 for source in names[: node + 2])
    assert sum("→" in text for text in texts) == 2 * edges
    figure_pixels(figure)


@pytest.mark.parametrize("shape", [(13, 7), (14, 8), (14,), (0, 7)])
def test_alphas_of_no_cell_are_refused(shape: tuple[int, ...]) -> None:
    with pytest.raises(ValueError, match="shape"):
        draw_alphas({"normal": np.zeros(shape)})


@pytest.mark.parametrize("count", [2, 7, 12])
@pytest.mark.parametrize("name", ["sad", "怒り $x_1$\nwith a very long name"])
def test_confusion_is_legible_for_any_names(count: int, name: str) -> None:
    matrix = np.diag(np.arange(count)) * 12345
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        figure = draw_confusion(matrix, [name] * count, f"A title of some length with {name}")
        check_texts(figure)
        figure_pixels(figure)


def test_confusion_of_another_shape_is_refused() -> None:
    with pytest.raises(ValueError, match="2 classes"):
        draw_confusion(np.zeros((3, 3)), ["yes", "no"], "Test")
