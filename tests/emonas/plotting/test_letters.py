"""Names in any script are drawn in their own letters, or by their numbers with a note; never as empty boxes."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from fontTools.fontBuilder import FontBuilder
from fontTools.pens.ttGlyphPen import TTGlyphPen
from matplotlib.figure import Figure
from matplotlib.font_manager import fontManager
from PIL import Image, ImageDraw

from emonas.plotting import letters
from emonas.plotting.figures import draw_confusion, figure_pixels
from emonas.plotting.letters import fit_text, font_families, split_by_font
from emonas.plotting.text_line import draw_line, line_width


@pytest.fixture(autouse=True)
def no_fonts(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """A system without fonts of its own, and nobody told of it."""
    monkeypatch.setattr(letters, "_system_fonts", lambda: ())
    monkeypatch.setattr(letters, "_told", [])
    monkeypatch.setattr(fontManager, "ttflist", [*fontManager.ttflist])
    letters._other_font.cache_clear()
    letters._register.cache_clear()
    yield
    letters._other_font.cache_clear()
    letters._register.cache_clear()


@pytest.fixture
def a_font(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A font with two letters, 开 a full square and 心 a flat one."""
    glyphs = {}
    for name, height in ((".notdef", 900), ("kai", 800), ("xin", 200)):
        pen = TTGlyphPen(None)
        pen.moveTo((100, 0))
        for point in ((100, height), (900, height), (900, 0)):
            pen.lineTo(point)
        pen.closePath()
        glyphs[name] = pen.glyph()
    builder = FontBuilder(1000, isTTF=True)
    builder.setupGlyphOrder([*glyphs])
    builder.setupCharacterMap({ord("开"): "kai", ord("心"): "xin"})
    builder.setupGlyf(glyphs)
    builder.setupHorizontalMetrics(dict.fromkeys(glyphs, (1000, 100)))
    builder.setupHorizontalHeader(ascent=900, descent=-100)
    builder.setupNameTable({"familyName": "Two Letters", "styleName": "Regular"})
    builder.setupOS2()
    builder.setupPost()
    path = tmp_path / "two.ttf"
    builder.save(path)
    monkeypatch.setattr(letters, "_system_fonts", lambda: (path,))
    return path


def test_letters_without_a_font_are_told_apart_by_their_numbers(capsys: pytest.CaptureFixture[str]) -> None:
    assert [fit_text(name) for name in ("开心", "开", "a 开b", "гнев سعادة")] == [
        "5F00·5FC3",
        "5F00",
        "a 5F00·b",
        "гнев سعادة",
    ]
    told = capsys.readouterr().err
    assert told.count("note:") == 1
    assert "no font here has the letters of 开心" in told
    assert "install a font" in told


def test_a_font_of_the_system_is_found(a_font: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert fit_text("开心") == "开心"
    assert font_families("ab") == ["DejaVu Sans"]
    assert font_families("a开心") == ["DejaVu Sans", "Two Letters"]
    own, bold = letters.OWN_FONTS.values()
    assert list(split_by_font("a 开心 b", bold=True)) == [("a ", bold), ("开心", a_font), (" b", bold)]
    assert list(split_by_font("é")) == [("é", own)]
    assert capsys.readouterr().err == ""


def test_its_letters_are_in_the_pictures(a_font: Path, caplog: pytest.LogCaptureFixture) -> None:
    drawn = [
        figure_pixels(draw_confusion(np.eye(2, dtype=int), ["开" * 3, name * 3], "心")) for name in ("心", "开", "心")
    ]
    assert (drawn[0] == drawn[2]).all()
    assert (drawn[0] != drawn[1]).any()
    assert not caplog.records


def test_a_line_of_pillow_has_letters_of_both_fonts(a_font: Path) -> None:
    def ink(text: str) -> float:
        sheet = Image.new("L", (200, 40), 255)
        draw_line(ImageDraw.Draw(sheet), (2, 2), text, "black", 20)
        return float((255 - np.asarray(sheet, float)).sum())

    assert line_width("a开", 20) == line_width("a", 20) + line_width("开", 20)
    assert 0 < ink("心") < ink("开") < ink("a开")


def test_what_is_no_letter_is_escaped_or_left_out() -> None:
    assert fit_text("a\nb\tc") == "a b c"
    assert fit_text("x\x1b[31m\udc80") == r"x\x1b[31m\udc80"
    assert fit_text("e\u0301") == "é"
    assert fit_text("a\u202eb\u200b") == "ab"
    assert fit_text("abcdef", 4) == "abc…"
    assert fit_text("开" * 40, 4) == "5F00·5F…"


def test_dollars_are_no_formula_wherever_text_is_drawn() -> None:
    from emonas.plotting.style import use_own_style

    with use_own_style():
        figure = Figure()
        axes = figure.add_axes((0, 0, 1, 1))
        axes.plot([0, 1], label=r"$\frac{$")
        axes.set_title(r"$\frac{$")
        axes.legend()
    assert figure_pixels(figure).shape
