"""A line of text drawn by Pillow, which takes one font at a time, in as many fonts as its letters need."""

from __future__ import annotations

import functools
from pathlib import Path

from PIL import ImageDraw, ImageFont

from emonas.plotting.letters import OWN_FONTS, split_by_font


def draw_line(
    draw: ImageDraw.ImageDraw, place: tuple[float, float], text: str, colour: str, size: int, bold: bool = False
) -> None:
    """Write a line that can be drawn (see ``fit_text``) from its upper left corner on."""
    left, top = place
    # One base line for all fonts.
    base = top + _font(OWN_FONTS[bold], size).getmetrics()[0]
    for part, path in split_by_font(text, bold):
        font = _font(path, size)
        draw.text((left, base), part, colour, font, anchor="ls")
        left += font.getlength(part)


def line_width(text: str, size: int, bold: bool = False) -> float:
    """The width of a line in pixels."""
    return sum(_font(path, size).getlength(part) for part, path in split_by_font(text, bold))


@functools.lru_cache(maxsize=64)
def _font(path: Path, size: int) -> ImageFont.FreeTypeFont:
    return ImageFont.truetype(path, size)
