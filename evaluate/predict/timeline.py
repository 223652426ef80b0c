"""What happened when, as a picture: probabilities over time, or the motion of a clip with the expressions in it.

Times are gathered in a fixed number of steps, which grow with the video, so that hours take the memory of minutes.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emonas.evaluate.predict.rows import NO_FACE, Chunk, ExpressionRow, FaceRow
from emonas.files import replacing
from emonas.plotting.figures import FILE_DPI, METADATA
from emonas.plotting.letters import fit_text, font_families
from emonas.plotting.style import DARK, GREY, LETTERS, LIGHT, WHITE, use_own_style

_STEPS = 1024
_MOST_FACES = 6
_MOST_EXPRESSIONS = 2000
_WIDTH, _PANEL, _TITLE, _FOOT = 9.0, 1.9, 0.35, 0.45
#: Okabe and Ito, safe for the colour-blind, and more for many classes.
_COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#6b7280", "#7c3aed", "#84cc16")


class Steps:
    """Values (K,) at frame numbers, gathered in at most _STEPS steps: their mean, or the largest, from when on."""

    def __init__(self, values: int, largest: bool = False) -> None:
        self.width = 1
        self.largest = largest
        self.sums = np.full((_STEPS, values), -np.inf if largest else 0.0)
        self.counts = np.zeros(_STEPS, np.int64)
        self.begins = np.full(_STEPS, np.inf)

    def add(self, number: int, values: Sequence[float] | np.ndarray, place: float) -> None:
        """Take in the values of a frame and where it is drawn; frames may come in any order."""
        while number // self.width >= _STEPS:
            self._widen()
        at = number // self.width
        self.sums[at] = np.maximum(self.sums[at], values) if self.largest else self.sums[at] + values
        self.counts[at] += 1
        self.begins[at] = min(self.begins[at], place)

    def _widen(self) -> None:
        pairs = self.sums.reshape(-1, 2, self.sums.shape[1])
        half = pairs.max(1) if self.largest else pairs.sum(1)
        blank = np.full_like(half, -np.inf if self.largest else 0.0)
        self.sums = np.concatenate([half, blank])
        counts = self.counts.reshape(-1, 2).sum(1)
        self.counts = np.concatenate([counts, np.zeros_like(counts)])
        begins = self.begins.reshape(-1, 2).min(1)
        self.begins = np.concatenate([begins, np.full_like(begins, np.inf)])
        self.width *= 2

    def curve(self) -> tuple[np.ndarray, np.ndarray]:
        """Places (n,) and values (n, K); NaN breaks the line where nothing is known for more than a step."""
        last = int(np.flatnonzero(self.counts)[-1]) + 1 if self.counts.any() else 0
        values = np.full((last, self.sums.shape[1]), np.nan)
        there = self.counts[:last] > 0
        values[there] = self.sums[:last][there]
        if not self.largest:
            values[there] /= self.counts[:last][there, None]
        return np.where(there, self.begins[:last], np.nan), values


class Timeline:
    """Gathers the parts of a prediction, and draws them: a panel for each of the first faces."""

    def __init__(self, names: Sequence[str], moving: bool, every: int, clips: bool) -> None:
        self.names = names
        self.moving = moving
        self.every = every
        self.faces: dict[int, Steps] = {}
        self.expressions: list[ExpressionRow] = []
        self.clips = clips
        self.hidden: set[int] = set()

    def add(self, part: Chunk) -> None:
        """Take in what is known next."""
        for row in part.rows:
            if isinstance(row, ExpressionRow):
                if len(self.expressions) < _MOST_EXPRESSIONS:
                    self.expressions.append(row)
                self._steps(row.person.number, 1, largest=True)
            elif isinstance(row, FaceRow) and row.person and row.answer:
                steps = self._steps(row.person.number, len(self.names))
                if steps:
                    place = row.seconds if self.moving else row.frame + 1
                    steps.add(row.frame // self.every, row.answer.probabilities, place)
        if part.curve is not None:
            steps = self._steps(part.number, 1, largest=True)
            for at, (value, seconds) in enumerate(zip(part.curve, part.seconds, strict=True)):
                if steps:
                    steps.add(part.first + at, [max(0.0, float(value))], seconds)

    def _steps(self, number: int, values: int, largest: bool = False) -> Steps | None:
        if number not in self.faces and len(self.faces) >= _MOST_FACES:
            self.hidden.add(number)
            return None
        return self.faces.setdefault(number, Steps(values, largest))

    def write(self, path: Path, title: str) -> None:
        """Draw timeline.png. Raises UserError."""
        with use_own_style():
            height = _TITLE + _FOOT + _PANEL * max(1, len(self.faces))
            figure = Figure(figsize=(_WIDTH, height), facecolor=WHITE)
            words = fit_text(title, 90)
            figure.text(0.07, 1 - 0.2 / height, words, color=DARK, fontsize=LETTERS + 2, fontweight="bold",
                        fontfamily=font_families(words), va="center")  # fmt: skip
            axes = None
            for at, number in enumerate(sorted(self.faces) or [0]):
                bottom = (_FOOT + (max(1, len(self.faces)) - 1 - at) * _PANEL + 0.14) / height
                # Lines have their names beside them, expressions above.
                width = 0.90 if self.clips else 0.75
                axes = figure.add_axes((0.07, bottom, width, (_PANEL - 0.38) / height), sharex=axes)
                self._panel(axes, number)
            assert axes
            hidden = f"; {len(self.hidden)} more faces are not shown" if self.hidden else ""
            axes.set_xlabel(("seconds" if self.moving else "picture") + hidden, fontsize=LETTERS, color=GREY)
            with replacing(path) as temporary:
                figure.savefig(temporary, format="png", dpi=FILE_DPI, metadata=METADATA["png"])

    def _panel(self, axes: Axes, number: int) -> None:
        title = f"face {number}{': motion in thresholds' if self.clips else ''}" if number else NO_FACE
        axes.set_title(title, loc="left", fontsize=LETTERS, color=DARK)
        axes.tick_params(labelsize=LETTERS, colors=GREY, length=0)
        axes.grid(axis="y", color=LIGHT, linewidth=0.8)
        axes.set_axisbelow(True)
        axes.margins(x=0.01)
        for side, spine in axes.spines.items():
            spine.set_visible(side == "bottom")
            spine.set_color(LIGHT)
        if number in self.faces:
            (self._motion if self.clips else self._lines)(axes, number)

    def _lines(self, axes: Axes, number: int) -> None:
        places, values = self.faces[number].curve()
        # Matplotlib takes a name that begins with _ for one of its own and hides it.
        names = [f" {name}" if name.startswith("_") else name for name in (fit_text(name, 18) for name in self.names)]
        for at, name in enumerate(names):
            colour = _COLOURS[at % len(_COLOURS)]
            axes.plot(places, values[:, at], color=colour, linewidth=1.3, label=name,
                      marker="." if len(places) < 60 else "")  # fmt: skip
        axes.set_ylim(0, 1.02)
        letters = {"family": font_families("".join(names)), "size": LETTERS - 1}
        axes.legend(loc="upper left", bbox_to_anchor=(1.01, 1.05), frameon=False, prop=letters, labelcolor=DARK,
                    ncols=1, handlelength=1.2, labelspacing=0.25)  # fmt: skip

    def _motion(self, axes: Axes, number: int) -> None:
        places, values = self.faces[number].curve()
        axes.plot(places, values[:, 0], color=GREY, linewidth=1.1)
        axes.axhline(1, color=GREY, linewidth=0.8, linestyle=(0, (4, 3)))
        top = max(1.6, 1.35 * float(np.nanmax(values, initial=0)))
        axes.set_ylim(0, top)
        for row in (row for row in self.expressions if row.person.number == number):
            first, apex, last = row.seconds
            name = row.answer.label if row.answer else "?"
            colour = _COLOURS[self.names.index(name) % len(_COLOURS)] if name in self.names else GREY
            axes.axvspan(first, last, color=colour, alpha=0.22, linewidth=0)
            if apex is not None:
                axes.axvline(apex, color=colour, linewidth=1)
            said = f"{fit_text(name, 16)} {100 * row.answer.score:.0f} %" if row.answer else name
            ground = {"facecolor": WHITE, "edgecolor": "none", "pad": 1}
            axes.text((first + last) / 2, top, said, ha="center", va="top", color=DARK, fontsize=LETTERS - 1,
                      fontfamily=font_families(said), bbox=ground)  # fmt: skip
