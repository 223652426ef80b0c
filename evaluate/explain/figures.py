"""Figures of explanations: the picture, and over it what speaks for the answer and what against.

Blue speaks for, orange against; in grey print the line tells them apart: solid around what speaks for, dashed around
what speaks against, both at half of the scale. For the eye alone the maps are blurred, by a fiftieth of the side.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import cv2
import numpy as np
from matplotlib.axes import Axes
from matplotlib.colors import to_rgb
from matplotlib.figure import Figure

from emonas.datasets.clips.representation import show_as_picture
from emonas.evaluate.explain.summary import Mean
from emonas.plotting.letters import fit_text
from emonas.plotting.style import DARK, GREY, LETTERS, draw_text, new_figure, text_width, use_own_style

FOR, AGAINST = "#0072b2", "#e69f00"
BLUR = 0.02
#: Values above this percentile share the full colour, so that one pixel does not decide the scale.
FULL = 99.5
#: How much of the colour covers the picture at the end of the scale, and how far the picture is whitened below it.
COVER, WHITENED = 0.85, 0.5
#: Inches.
MARGIN, GAP, SIDE, LINE, LEGEND = 0.2, 0.12, 1.8, 0.19, 0.55
COLUMNS_OF_PAIRS, COLUMNS_OF_MEANS = 2, 4
LONGEST = 34
#: What must be said where a map covers more than the picture below it.
OVER = {"dynamic-pair": "maps of both motions, over the first", "clip": "maps of all frames, over the middle one"}


@dataclass(frozen=True)
class Explained:
    """One picture (C, H, W), uint8, with its map (H, W), and lines to stand below it, the first in bold."""

    picture: np.ndarray
    map: np.ndarray
    lines: tuple[str, ...]


def picture_under_map(picture: np.ndarray, representation: str) -> np.ndarray:
    """The part of a prepared picture (C, H, W) that a map lies over: (H, W, 3).

    Of a pair the motion to the apex, of a clip the middle frame.
    """
    whole = show_as_picture(picture, representation)
    side = picture.shape[-1]
    start = side if representation == "clip" else 0
    return whole[:, start : start + side]


def draw_samples(samples: Sequence[Explained], representation: str, title: str) -> Figure:
    """Each picture beside itself under its map; every map has a scale of its own."""

    def draw(axes: Axes, left: float, top: float, sample: Explained) -> None:
        part = picture_under_map(sample.picture, representation)
        _image(axes, left, top, part)
        seen = blur(sample.map)
        _overlay(axes, left + SIDE + GAP, top, part, seen, scale_of(seen))

    note = _note("each map has a scale of its own", len(samples), representation)
    return _grid(samples, draw, (title, note), COLUMNS_OF_PAIRS, 2 * SIDE + GAP)


def draw_means(means: Sequence[Explained], representation: str, title: str) -> Figure:
    """The mean map of each class over the mean of its pictures; one scale for all of them."""
    seen = {id(mean): blur(mean.map) for mean in means}
    scale = scale_of(np.stack([*seen.values()]))

    def draw(axes: Axes, left: float, top: float, mean: Explained) -> None:
        _overlay(axes, left, top, picture_under_map(mean.picture, representation), seen[id(mean)], scale)

    note = _note("one scale for all", len(means), representation)
    return _grid(means, draw, (title, note), COLUMNS_OF_MEANS, SIDE)


def _note(scale: str, count: int, representation: str) -> str:
    return "; ".join(part for part in (scale if count > 1 else "", OVER.get(representation, "")) if part)


def mean_panels(found: Sequence[Mean], pictures: np.ndarray, names: Sequence[str]) -> list[Explained]:
    """The means ready to be drawn, each over the mean of its pictures."""
    return [
        Explained(
            pictures[mean.samples].mean(0).round().astype(np.uint8),
            mean.map,
            (names[mean.target], f"{mean.n} sample{'s' if mean.n > 1 else ''}"),
        )
        for mean in found
    ]


def blur(values: np.ndarray) -> np.ndarray:
    """A map (H, W), smoothed for the eye; its sum stays."""
    return np.asarray(cv2.GaussianBlur(values.astype(np.float32), (0, 0), max(0.3, BLUR * values.shape[-1])))


def scale_of(values: np.ndarray) -> float:
    """The absolute value at which the colour is full; 1 for maps of nothing."""
    return float(np.percentile(np.abs(values), FULL)) or float(np.abs(values).max()) or 1.0


def overlay(picture: np.ndarray, values: np.ndarray, scale: float) -> np.ndarray:
    """Values (H, W) in colour over a picture (H, W, 3), uint8, whitened and grey: (H, W, 3), floats in 0..1."""
    grey = cv2.cvtColor(picture, cv2.COLOR_RGB2GRAY)[..., None] / 255
    below = WHITENED + (1 - WHITENED) * grey
    share = np.clip(values / scale, -1, 1)[..., None]
    colour = np.where(share > 0, to_rgb(FOR), to_rgb(AGAINST))
    cover = COVER * np.abs(share)
    return below * (1 - cover) + colour * cover


def _grid(
    samples: Sequence[Explained],
    draw: Callable[[Axes, float, float, Explained], None],
    texts: tuple[str, str],
    most: int,
    width: float,
) -> Figure:
    """Samples in rows of at most so many, each ``width`` wide with its lines below; ``texts``: title and note."""
    columns = min(most, len(samples))
    rows = -(-len(samples) // columns)
    height = SIDE + LINE * (0.6 + max(len(sample.lines) for sample in samples)) + GAP
    with use_own_style():
        heading = fit_text(texts[0], 90)
        full = 2 * MARGIN + columns * (width + 2 * GAP) - 2 * GAP
        legend = 3.2 + text_width(texts[1], LETTERS)
        wide = max(full, 2 * MARGIN + max(text_width(heading, LETTERS + 1.5, "bold"), legend, 2 * SIDE))
        figure, axes = new_figure(wide, 2 * MARGIN + LINE + rows * height + LEGEND)
        draw_text(axes, MARGIN, MARGIN, heading, ha="left", fontsize=LETTERS + 1.5, fontweight="bold")
        for i, sample in enumerate(samples):
            left = MARGIN + (i % columns) * (width + 2 * GAP)
            top = 2 * MARGIN + LINE / 2 + (i // columns) * height
            draw(axes, left, top, sample)
            for row, line in enumerate(sample.lines):
                look = {"fontweight": "bold", "color": DARK} if row == 0 else {"color": GREY}
                y = top + SIDE + LINE * (0.8 + row)
                draw_text(
                    axes, left, y, fit_text(line, LONGEST if width > SIDE else LONGEST // 2 + 6), ha="left", **look
                )
        _legend(axes, MARGIN, 2 * MARGIN + LINE / 2 + rows * height + LEGEND / 3, texts[1])
    return figure


def _image(axes: Axes, left: float, top: float, picture: np.ndarray) -> None:
    axes.imshow(picture, extent=(left, left + SIDE, top + SIDE, top), aspect="auto", interpolation="nearest")


def _overlay(axes: Axes, left: float, top: float, picture: np.ndarray, values: np.ndarray, scale: float) -> None:
    _image(axes, left, top, overlay(picture, values, scale))
    middles = (np.arange(values.shape[-1]) + 0.5) * SIDE / values.shape[-1]
    for sign, style in ((1, "solid"), (-1, "dashed")):
        if (sign * values).max() > scale / 2:
            level = [sign * scale / 2]
            axes.contour(left + middles, top + middles, values, level, colors=DARK, linewidths=0.9, linestyles=style)


def _legend(axes: Axes, left: float, y: float, note: str) -> None:
    for colour, style, words in ((FOR, "solid", "speaks for it"), (AGAINST, "dashed", "speaks against it")):
        corners = ([left, left + 0.3, left + 0.3, left], [y - 0.07, y - 0.07, y + 0.07, y + 0.07])
        axes.fill(*corners, facecolor=colour, edgecolor=DARK, linestyle=style, linewidth=0.9)
        draw_text(axes, left + 0.38, y, words, ha="left", color=GREY)
        left += 0.6 + text_width(words, LETTERS)
    draw_text(axes, left, y, note, ha="left", color=GREY)
