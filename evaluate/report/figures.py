"""The drawn figures of a report, each as the text of an ``<img src>``: SVG, so that it is sharp at any size.

As an image of its own a figure keeps its ids to itself, and needs no file beside the report.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import MaxNLocator

from emonas.datasets.clips.representation import show_as_picture
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.results.predictions import COURSE
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import AnswerRow, answer_rows
from emonas.genotype import Genotype
from emonas.plotting.figures import METADATA, draw_confusion, draw_genotype
from emonas.plotting.style import COLOURS, DARK, DPI, GREY, LETTERS, LIGHT, WHITE, use_own_style
from emonas.records import read_record

#: What is drawn of a training, by its name in predictions.json.
CURVES = {"loss": "loss, training part", "accuracy": "accuracy, training part", "inner_uar": "UAR, inner people"}
CURVE_SIZE = (4.6, 2.9)
LINE = COLOURS["sep_conv_3x3"]
#: The band holds four fifths of the trainings.
BAND = (10, 90)


def as_source(figure: Figure) -> str:
    """The figure as a data URI of SVG; one figure always gives the same text."""
    file = io.BytesIO()
    with use_own_style():
        figure.savefig(file, format="svg", metadata=METADATA["svg"])
    return data_uri("image/svg+xml", file.getvalue())


def data_uri(kind: str, content: bytes) -> str:
    """A file's content as a text that stands in its place."""
    return f"data:{kind};base64,{base64.b64encode(content).decode('ascii')}"


def draw_confusion_source(results: Results, title: str) -> str:
    """The confusion matrix, summed over the seeds."""
    return as_source(draw_confusion(np.array(results.confusion), results.classes, title))


def draw_cells(genotype: Genotype) -> str:
    """The normal and the reduction cell."""
    return as_source(draw_genotype(genotype))


def read_histories(out: Path) -> dict[str, np.ndarray]:
    """The curves of all trainings in a run folder: by name (trainings, epochs), NaN after a training's end.

    Looks into seed*/FOLD/predictions.json; a file without a history, or one that cannot be read, adds nothing.
    """
    histories = [_history(path) for path in sorted(out.glob("seed*/*/predictions.json"))]
    curves = {name: [run[name] for run in histories if run.get(name)] for name in CURVES}
    return {name: _padded(runs) for name, runs in curves.items() if runs}


def _history(path: Path) -> dict[str, Sequence[float]]:
    try:
        history = read_record(path, COURSE).history
    except UserError:
        return {}
    return {name: getattr(history, name) for name in CURVES}


def _padded(runs: Sequence[Sequence[float]]) -> np.ndarray:
    table = np.full((len(runs), max(map(len, runs))), np.nan)
    for row, run in zip(table, runs, strict=True):
        row[: len(run)] = run
    return table


def curve(title: str, runs: np.ndarray, unbounded: bool) -> str:
    """One curve by epoch: the median over (trainings, epochs), and the band of the middle four fifths.

    A curve that is not ``unbounded`` is drawn from 0 to 1.
    """
    with use_own_style():
        figure = Figure(figsize=CURVE_SIZE, dpi=DPI, facecolor=WHITE)
        axes = figure.add_axes((0.13, 0.16, 0.83, 0.70))
        _frame(axes, title)
        epochs = np.arange(1, runs.shape[1] + 1)
        if len(runs) > 1:
            low, high = np.nanpercentile(runs, BAND, axis=0)
            axes.fill_between(epochs, low, high, color=LINE, alpha=0.18, linewidth=0)
        axes.plot(epochs, np.nanmedian(runs, axis=0), color=LINE, linewidth=1.8, marker="o" if len(epochs) == 1 else "")
        axes.set_ylim(0, (1.08 * float(np.nanmax(runs)) or 1) if unbounded else 1.02)
        axes.margins(x=0.01)
        return as_source(figure)


def _frame(axes: Axes, title: str) -> None:
    """Level rules in place of a box, so that nothing stands out but the curve."""
    axes.set_title(title, loc="left", fontsize=LETTERS + 1, color=DARK, fontweight="bold")
    axes.set_xlabel("epoch", fontsize=LETTERS, color=GREY)
    axes.tick_params(labelsize=LETTERS, colors=GREY, length=0)
    axes.xaxis.set_major_locator(MaxNLocator(nbins=6, integer=True))
    axes.grid(axis="y", color=LIGHT, linewidth=0.8)
    axes.set_axisbelow(True)
    for side, spine in axes.spines.items():
        spine.set_visible(side == "bottom")
        spine.set_color(LIGHT)


MOST = 12
#: Larger pictures are shrunk to this height in pixels: twice the height at which they are shown.
HEIGHT = 224


@dataclass(frozen=True)
class Mistake:
    """A wrong answer with its picture as the text of an ``<img src>``, which is ``wide`` times as wide as high."""

    source: str
    wide: float
    truth: str
    prediction: str
    confidence: float
    person: str
    clip: str
    seed: int


def worst_mistakes(results: Results) -> list[AnswerRow]:
    """The wrong answers with the highest confidence, one a sample, as rows of ``tables.answers``."""
    wrong = [row for row in answer_rows(results) if not row.right and row.confidence is not None]
    wrong.sort(key=lambda row: -(row.confidence or 0.0))
    of_sample: dict[int, AnswerRow] = {}
    for row in wrong:
        of_sample.setdefault(row.position, row)
    return list(of_sample.values())[:MOST]


def add_pictures(rows: list[AnswerRow], prepared: Prepared) -> list[Mistake] | None:
    """The wrong answers with their pictures; None where the prepared set is another one than was tested."""
    if not all(_same_sample(row, prepared) for row in rows):
        return None
    representation = prepared.options["representation"]
    return [_mistake(row, show_as_picture(prepared.images[row.position], representation)) for row in rows]


def _same_sample(row: AnswerRow, prepared: Prepared) -> bool:
    position = row.position
    if not 0 <= position < len(prepared.samples):
        return False
    sample = prepared.samples[position]
    return bool(sample.person == row.person and sample.label == row.truth)


def _mistake(row: AnswerRow, picture: np.ndarray) -> Mistake:
    return Mistake(
        source=_png(picture),
        wide=picture.shape[1] / picture.shape[0],
        truth=row.truth,
        prediction=row.prediction,
        confidence=row.confidence or 0.0,
        person=row.person,
        clip=row.clip,
        seed=row.seed,
    )


def _png(picture: np.ndarray) -> str:
    """A picture (H, W, 3), uint8, RGB as a data URI of PNG."""
    if picture.shape[0] > HEIGHT:
        width = round(picture.shape[1] * HEIGHT / picture.shape[0])
        picture = cv2.resize(picture, (width, HEIGHT), interpolation=cv2.INTER_AREA)
    _, content = cv2.imencode(".png", cv2.cvtColor(picture, cv2.COLOR_RGB2BGR))
    return data_uri("image/png", content.tobytes())
