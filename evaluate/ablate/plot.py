"""The picture of an ablation: a dot for each setup's UAR with its interval, beside the base line and chance."""

from __future__ import annotations

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from emonas.evaluate.ablate.scores import Ablation, Row, Score
from emonas.evaluate.ablate.variants import TITLES
from emonas.plotting.letters import fit_text
from emonas.plotting.style import (
    COLOURS,
    DARK,
    FAINT,
    GREY,
    LETTERS,
    LIGHT,
    draw_text,
    new_figure,
    text_width,
    use_own_style,
)

#: Sizes in inches; those of letters in points.
MARGIN, GAP, ROW, HEAD, FOOT = 0.25, 0.12, 0.26, 0.5, 0.95
SCALE, NUMBER = 4.2, 0.95
TITLE_LETTERS, SMALL_LETTERS = 11, 7.5
DOT, LINE = 5.5, 1.6
INK, BASE = COLOURS["sep_conv_3x3"], COLOURS["dil_conv_3x3"]


def draw_ablation(found: Ablation) -> Figure:
    """Draw all parts below one another on one scale of UAR."""
    facts = found.facts
    rows = [row for _, row in found.all_rows]
    low, high = _limits(rows, facts.chance.uar)
    with use_own_style():
        left = MARGIN + max(text_width(_name(row), LETTERS, "bold") for row in rows) + 2 * GAP
        right = left + SCALE
        bottom = HEAD + sum(HEAD + ROW * len(part) for part in found.rows.values())
        figure, axes = new_figure(right + NUMBER + MARGIN, bottom + FOOT)
        place = _Scale(axes, left, right, low, high)
        title = fit_text(f"Ablation on {facts.database}: UAR", 70)
        draw_text(axes, MARGIN, HEAD / 2, title, ha="left", fontsize=TITLE_LETTERS, fontweight="bold")
        place.ticks(HEAD + 0.1, bottom)
        place.chance(facts.chance.uar, HEAD + 0.1, bottom)
        top = HEAD
        for part, members in found.rows.items():
            words = TITLES[part]
            draw_text(axes, MARGIN, top + HEAD * 0.6, words, ha="left", color=GREY, bbox=_BLANK)
            top += HEAD
            place.base_line(members, top, top + ROW * len(members))
            for i, row in enumerate(members):
                place.row(row, top + ROW * (i + 0.5))
            top += ROW * len(members)
        _foot(axes, found, bottom)
    return figure


_BLANK = {"facecolor": "white", "edgecolor": "none", "pad": 1.5}


def _name(row: Row) -> str:
    return row.variant.name + (" (NOT CLEAN)" if row.leaks else "")


def _limits(rows: list[Row], chance: float) -> tuple[float, float]:
    """A scale in tenths that holds every interval, every dot and chance."""
    ends = [chance]
    for row in rows:
        if score := row.scores.get("uar"):
            ends += [end for end in (score.mean, score.low, score.high) if end is not None]
    tenths = int(min(ends) * 10), -int(-max(ends) * 10 // 1)
    return max(0, tenths[0]) / 10, min(10, max(tenths[1], tenths[0] + 1)) / 10


class _Scale:
    """Rows between ``left`` and ``right`` inches, for UAR from ``low`` to ``high``."""

    def __init__(self, axes: Axes, left: float, right: float, low: float, high: float) -> None:
        self.axes, self.left, self.right, self.low, self.high = axes, left, right, low, high

    def x(self, uar: float) -> float:
        """Inches."""
        return self.left + (self.right - self.left) * (uar - self.low) / (self.high - self.low)

    def ticks(self, top: float, bottom: float) -> None:
        """Faint rules at each tenth, with their numbers below."""
        for tenth in range(round(self.low * 10), round(self.high * 10) + 1):
            x = self.x(tenth / 10)
            self.axes.plot([x, x], [top, bottom], color=LIGHT, linewidth=0.7, zorder=0)
            draw_text(self.axes, x, bottom + GAP, f"{tenth / 10:.1f}", color=GREY, fontsize=SMALL_LETTERS)

    def chance(self, uar: float, top: float, bottom: float) -> None:
        """A dashed line."""
        x = self.x(uar)
        self.axes.plot([x, x], [top, bottom], color=GREY, linewidth=1, linestyle=(0, (4, 3)), zorder=0)
        draw_text(self.axes, x, top - GAP / 1.5, "chance", color=GREY, fontsize=SMALL_LETTERS)

    def base_line(self, rows: tuple[Row, ...], top: float, bottom: float) -> None:
        """A line through a part at its base line's UAR."""
        for row in rows:
            if row.variant.against is None and row.scores:
                x = self.x(row.scores["uar"].mean)
                self.axes.plot([x, x], [top, bottom], color=BASE, linewidth=0.9, zorder=1)

    def row(self, row: Row, y: float) -> None:
        """Name, interval, dot and number."""
        is_base = row.variant.against is None
        weight = "bold" if is_base else "normal"
        draw_text(self.axes, self.left - GAP, y, _name(row), ha="right", fontweight=weight)
        if not row.scores:
            draw_text(self.axes, self.left + GAP, y, "failed", ha="left", color=GREY, style="italic")
            return
        score, ink = row.scores["uar"], BASE if is_base else INK
        if score.low is not None and score.high is not None:
            ends = [self.x(score.low), self.x(score.high)]
            self.axes.plot(ends, [y, y], color=ink, linewidth=LINE, solid_capstyle="butt", zorder=2)
        self.axes.plot(
            self.x(score.mean), y, marker="o", markersize=DOT, color=ink, markeredgecolor="white",
            markeredgewidth=0.8, zorder=3,
        )  # fmt: skip
        draw_text(self.axes, self.right + GAP, y, _number(score), ha="left", color=DARK, fontsize=SMALL_LETTERS)


def _number(score: Score) -> str:
    return f"{score.mean:.3f}" + ("" if score.std is None else f" ± {score.std:.3f}")


def _foot(axes: Axes, found: Ablation, bottom: float) -> None:
    """What the marks mean, and the protocol."""
    facts = found.facts
    whom = "pictures" if facts.n_subjects is None else f"{facts.n_subjects} people"
    seeds = f"{len(found.seeds)} seeds" if len(found.seeds) > 1 else f"seed {found.seeds[0]}"
    lines = (
        f"dots: mean of {seeds} (± their deviation); lines: 95 % bootstrap interval over {whom}; orange: the base line",
        facts.protocol_in_words,
        f"epoch: {facts.epoch_rule_in_words}",
    )
    for i, line in enumerate(lines):
        y = bottom + 0.38 + 0.17 * i
        draw_text(axes, MARGIN, y, fit_text(line, 130), ha="left", color=FAINT if i else GREY, fontsize=SMALL_LETTERS)
