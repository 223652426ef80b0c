"""Names as they can be drawn: with a font of this system that has their letters, or with their numbers in Unicode.

The font that comes with matplotlib has Latin, Greek, Cyrillic, Hebrew and Arabic letters, but no Chinese, Japanese,
Korean, Thai or Indian ones. Those are looked for in the fonts of the system.
"""

from __future__ import annotations

import dataclasses
import functools
import re
import unicodedata
from collections.abc import Iterator
from pathlib import Path

import matplotlib
from matplotlib.font_manager import findSystemFonts, fontManager
from matplotlib.ft2font import FT2Font

from emonas.console import warn

FONT = "DejaVu Sans"
_FOLDER = Path(matplotlib.get_data_path(), "fonts", "ttf")
#: Its files, by whether the letters are bold.
OWN_FONTS = {False: _FOLDER / "DejaVuSans.ttf", True: _FOLDER / "DejaVuSans-Bold.ttf"}
#: Fonts that have a picture, or an empty box, for every letter.
_NO_LETTERS = re.compile("emoji|lastresort|blank|notdef", re.IGNORECASE)
#: Upright fonts of usual weight, without serifs, are taken first.
_ODD_STYLE = re.compile("bold|light|thin|black|heavy|italic|oblique|medium|mono|condensed", re.IGNORECASE)
_SANS = re.compile("sans|hei|gothic|yahei|pingfang|arial|segoe|malgun|leelawadee|nirmala", re.IGNORECASE)


def fit_text(text: str, longest: int = 32) -> str:
    """The text on one line, cut to ``longest`` characters, with nothing in it that cannot be drawn.

    Letters that no font here has are written by their numbers, 5F00 say; the line may then be twice as long.
    """
    line = _one_line(text)
    if len(line) > longest:
        line = line[: longest - 1] + "…"
    drawn = _written_out(line)
    return drawn if drawn == line or len(drawn) <= 2 * longest else drawn[: 2 * longest - 1] + "…"


def font_families(text: str) -> list[str]:
    """Names of fonts for matplotlib which have the letters of a line between them, our own first."""
    others = dict.fromkeys(path for letter in text if (path := _other_font(letter)))
    return [FONT, *map(_register, others)]


def split_by_font(text: str, bold: bool = False) -> Iterator[tuple[str, Path]]:
    """A line in parts, each with the file of the font that has its letters."""
    part, font = "", OWN_FONTS[bold]
    for letter in text:
        wanted = _font_of(letter, bold, font)
        if wanted != font and part:
            yield part, font
            part = ""
        part, font = part + letter, wanted
    if part:
        yield part, font


def _font_of(letter: str, bold: bool, before: Path) -> Path:
    # Blanks and marks stay with the letter before them.
    if (letter.isspace() or unicodedata.combining(letter)) and _has(before, letter):
        return before
    own = next((OWN_FONTS[weight] for weight in (bold, False) if _has(OWN_FONTS[weight], letter)), None)
    return own or _other_font(letter) or OWN_FONTS[bold]


def _one_line(text: str) -> str:
    """Blanks for line breaks, escapes for what is no letter, nothing for marks that only turn the direction."""
    composed = unicodedata.normalize("NFC", " ".join(text.split()))
    return "".join(_printable(letter) for letter in composed)


def _printable(letter: str) -> str:
    kind = unicodedata.category(letter)
    if kind in {"Cc", "Cs"}:
        return letter.encode("unicode_escape").decode("ascii")
    hidden = kind == "Cf" or "\ufe00" <= letter <= "\ufe0f"
    return "" if hidden else letter


def _written_out(line: str) -> str:
    """The line with numbers for letters that no font has: 5F00·5FC3."""
    drawn, missing = "", False
    for letter in line:
        lost = not _has(OWN_FONTS[False], letter) and _other_font(letter) is None
        apart = "·" if missing and (lost or letter.isalnum()) else ""
        drawn += apart + (f"{ord(letter):04X}" if lost else letter)
        missing = lost
    if drawn != line:
        _tell(line, drawn)
    return drawn


#: The first name of which somebody was told; one note is enough for all.
_told: list[str] = []


def _tell(line: str, drawn: str) -> None:
    if _told:
        return
    _told.append(line)
    warn(
        f"no font here has the letters of {line}: pictures show them by their numbers, {drawn}; "
        "install a font that has them, such as Noto Sans CJK"
    )


@functools.cache
def _other_font(letter: str) -> Path | None:
    """The first font of the system that has a letter which ours does not have."""
    if _has(OWN_FONTS[False], letter):
        return None
    return next((path for path in _system_fonts() if _has(path, letter)), None)


@functools.cache
def _system_fonts() -> tuple[Path, ...]:
    found = {*findSystemFonts(), *(entry.fname for entry in fontManager.ttflist)}
    return tuple(sorted((Path(path) for path in found if not _NO_LETTERS.search(Path(path).name)), key=_usual_first))


def _usual_first(path: Path) -> tuple[bool, bool, str]:
    return bool(_ODD_STYLE.search(path.stem)), not _SANS.search(path.stem), path.name


def _has(path: Path, letter: str) -> bool:
    return ord(letter) in _letters_in(path)


@functools.cache
def _letters_in(path: Path) -> frozenset[int]:
    try:
        return frozenset(FT2Font(str(path)).get_charmap())
    # A font may be damaged in any way, or be one of pictures.
    except Exception:
        return frozenset()


@functools.cache
def _register(path: Path) -> str:
    """The name by which matplotlib knows a font file from now on."""
    fontManager.addfont(str(path))
    name = FT2Font(str(path)).family_name
    # Else a bold line in it would be told on standard error.
    entry = next(entry for entry in fontManager.ttflist if (entry.fname, entry.name) == (str(path), name))
    fontManager.ttflist.append(dataclasses.replace(entry, weight="bold"))
    return name
