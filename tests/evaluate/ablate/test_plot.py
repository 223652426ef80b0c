"""The picture of an ablation: where its dots, its base line and chance stand."""

from __future__ import annotations

import numpy as np
import pytest
from matplotlib.figure import Figure
from small_results import made, results_of, rows

from emonas.evaluate.ablate.config import PartName
from emonas.evaluate.ablate.plot import BASE, draw_ablation
from emonas.evaluate.ablate.scores import Ablation, Row, Score
from emonas.evaluate.ablate.variants import Data, SearchSpec, Setup, Variant

SETUP = Setup(SearchSpec(Data("m", "m", "dynamic", "f"), "emonas", 4), 4)
CHANCE = {"accuracy": 0.4, "uf1": 0.2, "uar": 1 / 3}


def row(name: str, uar: float | None, base: bool = False, leaks: tuple[str, ...] = ()) -> Row:
    scores = {} if uar is None else {"uar": Score(uar, 0.01, uar - 0.05, uar + 0.05)}
    return Row(Variant(name, SETUP, None if base else SETUP), (0,), scores, None, 1.0, None, leaks, {})


def drawn(*members: Row) -> Figure:
    per_fold = rows({"d/a": ([0, 1, 2], [0, 1, 1]), "d/b": ([0, 1, 2], [0, 2, 1])})
    facts = results_of(made(per_fold, chance=CHANCE))
    parts: dict[PartName, tuple[Row, ...]] = {"strategies": members}
    return draw_ablation(Ablation(parts, facts, (0, 1), {}))


def texts(figure: Figure) -> dict[str, float]:
    """What is written, and how far from the left it stands."""
    return {text.get_text(): text.get_position()[0] for text in figure.axes[0].texts}


def place(figure: Figure, uar: float) -> float:
    """Where the scale has a UAR, by its numbers."""
    x = {float(text): where for text, where in texts(figure).items() if len(text) == 3 and text[1] == "."}
    return float(np.interp(uar, sorted(x), [x[tenth] for tenth in sorted(x)]))


def test_dots_intervals_base_line_and_chance_stand_where_their_numbers_are() -> None:
    figure = drawn(row("emonas", 0.52, base=True), row("random", 0.47))
    lines = figure.axes[0].lines
    dots = [float(line.get_xdata()[0]) for line in lines if line.get_marker() == "o"]  # type: ignore[index]
    assert dots == pytest.approx([place(figure, 0.52), place(figure, 0.47)])
    level = [line.get_xdata() for line in lines if len(line.get_xdata()) == 2 and np.ptp(line.get_ydata()) == 0]  # type: ignore[arg-type]
    ends = [[place(figure, uar - 0.05), place(figure, uar + 0.05)] for uar in (0.52, 0.47)]
    assert np.array(level) == pytest.approx(np.array(ends))
    upright = [line for line in lines if len(line.get_xdata()) == 2 and np.ptp(line.get_ydata()) > 0]  # type: ignore[arg-type]
    (base,) = [float(line.get_xdata()[0]) for line in upright if line.get_color() == BASE]  # type: ignore[index]
    (chance,) = [float(line.get_xdata()[0]) for line in upright if line.get_linestyle() == "--"]  # type: ignore[index]
    assert (base, chance) == pytest.approx((place(figure, 0.52), place(figure, 1 / 3)))


def test_every_interval_is_on_the_scale_even_at_its_ends() -> None:
    for uars in ((0.02, 0.5), (0.98, 0.99), (0.4, 0.4)):
        figure = drawn(*(row(str(i), uar, base=not i) for i, uar in enumerate(uars)))
        width = float(figure.get_figwidth())
        for line in figure.axes[0].lines:
            assert (np.array(line.get_xdata()) < width).all()


def test_failures_leaks_and_the_protocol_are_written() -> None:
    said = texts(drawn(row("emonas", 0.5, base=True, leaks=("it saw all",)), row("random", None)))
    assert {"failed", "random", "emonas (NOT CLEAN)", "chance", "0.500 ± 0.010"} <= set(said)
    assert any(text.startswith("leave one subject out") for text in said)
    assert any("2 people" in text and "2 seeds" in text for text in said)
