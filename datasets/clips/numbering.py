"""Which frame is which: a frame's number is what varies in the names of its folder, whatever else they say.

    img1.png img2.png              1 2
    frame1_crop224.png ...         1 ...     what all names share counts nothing
    img_0.25s.png img_0.5s.png     0.25 0.5  seconds
    img3.png img3 - Copy.png       3         the copy is left aside: it is named unlike the others
    12_0.png 12_1.png 13_0.png     12 13     12_1.png is left aside: a second picture of frame 12

What is left aside and what is merely counted is said; frames that cannot be told apart are refused.
"""

from __future__ import annotations

import math
import re
import unicodedata
from collections import Counter, defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from fractions import Fraction
from itertools import pairwise
from pathlib import Path

from emonas.datasets.clips.frames import sorted_frames

Number = int | Decimal
_WHOLE = re.compile(r"([0-9]+)")
_DECIMAL = re.compile(r"((?<![0-9.,])[0-9]+[.,][0-9]+(?![0-9]|[.,][0-9])|[0-9]+)")
_SECONDS = re.compile(r"\s?m?s(ec(ond)?s?)?(?![a-z])")
#: A column of numbers counts frames where it holds at least this share of the steps that it spans.
_DENSE = 0.5
#: Where the parts of a second begin anew.
_TURNS = (1000, 1_000_000)
_MOST_NAMED = 5


@dataclass(frozen=True)
class NumberedFrames:
    """The frames of a clip in their order, each with its number.

    ``aside`` are the names of pictures that are no frames of the clip; ``counted`` says that names give no numbers,
    so that frames are counted from 0; ``flaw`` says why they make no clip.
    """

    paths: tuple[Path, ...]
    numbers: tuple[Number, ...]
    aside: tuple[str, ...] = ()
    counted: bool = False
    flaw: str = ""

    @property
    def remarks(self) -> tuple[str, ...]:
        """What a user should know, each as KIND: DETAIL."""
        said = []
        if self.aside:
            more = f" and {len(self.aside) - _MOST_NAMED} more" if len(self.aside) > _MOST_NAMED else ""
            names = ", ".join(self.aside[:_MOST_NAMED])
            said.append(f"pictures left aside, not named like the other frames: {names}{more}")
        if self.counted:
            ends = f"{self.paths[0].name} to {self.paths[-1].name}"
            said.append(f"names that do not number the frames, which are counted from 0 in their order: {ends}")
        return tuple(said)


def numbered_frames(folder: Path) -> NumberedFrames:
    """The frames of a clip that is a folder. Raises UserError when it cannot be listed."""
    return number_frames(sorted_frames(folder))


def number_frames(paths: Sequence[Path]) -> NumberedFrames:
    """The frames of one clip, given in any order."""
    names = _names(sorted(paths, key=_natural))
    series = _series(names)
    kept = _without_doubles(series or names)
    numbered = _by_columns(kept) if series else _mixed(kept)
    frames = set(numbered.paths)
    return replace(numbered, aside=tuple(sorted(name.path.name for name in names if name.path not in frames)))


@dataclass(frozen=True)
class _Name:
    """A file's name taken apart: the words around its numbers, joined by #, and these."""

    path: Path
    pattern: str
    numbers: tuple[Number, ...]


def _names(paths: Sequence[Path]) -> list[_Name]:
    stems = [unicodedata.normalize("NFKC", path.stem).casefold() for path in paths]
    number = _DECIMAL if _are_decimal(stems) else _WHOLE
    parts = [number.split(stem) for stem in stems]
    return [
        _Name(path, "#".join(part[::2]), tuple(map(_number, part[1::2])))
        for path, part in zip(paths, parts, strict=True)
    ]


def _are_decimal(stems: Sequence[str]) -> bool:
    """Whether a point between numbers is a decimal one: that in 0.25 is, that in take3.0001 and in img3.1 is none."""
    found = [(stem, match) for stem in stems for match in _DECIMAL.finditer(stem) if not match[0].isdigit()]
    if 2 * len({stem for stem, _ in found}) < len(stems) or not found:
        return False
    if all(_SECONDS.match(stem, match.end()) for stem, match in found):
        return True
    wholes, fractions = zip(*(re.split("[.,]", match[0]) for _, match in found), strict=True)
    # Whoever writes 0.5 beside 0.25 leaves no zeros at the end.
    cut = len(set(map(len, fractions))) == 1 or not any(re.fullmatch("[0-9]+0", text) for text in fractions)
    return cut and (len(set(wholes)) > 1 or wholes[0] == "0")


def _natural(path: Path) -> tuple[list[str | int], str]:
    """For an order of names in which a2 comes before a10."""
    parts = _WHOLE.split(path.name.casefold())
    return [int(part) if at % 2 else part for at, part in enumerate(parts)], path.name


def _number(text: str) -> Number:
    return int(text) if text.isdigit() else Decimal(text.replace(",", "."))


def _series(names: Sequence[_Name]) -> list[_Name]:
    """The names of the pattern that most have; none where as many have others, or more have no numbers.

    Names that say the pattern and more, as those of copies and small pictures do, are no others.
    """
    groups: dict[str, list[_Name]] = defaultdict(list)
    for name in names:
        if name.numbers:
            groups[name.pattern].append(name)
    if not groups:
        return []
    pattern = min(groups, key=lambda one: (-len(groups[one]), len(one), one))
    series = groups.pop(pattern)
    rivals = sum(len(group) for other, group in groups.items() if pattern not in other)
    nameless = sum(not name.numbers for name in names)
    return series if len(series) > rivals and len(series) >= nameless else []


def _mixed(names: Sequence[_Name]) -> NumberedFrames:
    """Frames without a common pattern: by their last numbers where those count, else in the order of their names."""
    paths = tuple(name.path for name in names)
    last = [name.numbers[-1] for name in names if name.numbers]
    alike = len({len(name.numbers) for name in names}) == 1
    if alike and 1 < len(names) == len(set(last)) and _density(last)[0] >= _DENSE:
        return _in_order(names, last)
    patterns = Counter(name.pattern for name in names if name.numbers).most_common(2)
    if len(patterns) == 2 and patterns[1][1] > 1:
        first, second = (next(name.path.name for name in names if name.pattern == one) for one, _ in patterns)
        return NumberedFrames(paths, (), flaw=_several(first, second))
    return NumberedFrames(paths, tuple(range(len(paths))), counted=len(paths) > 1)


def _without_doubles(names: Sequence[_Name]) -> list[_Name]:
    """Names that differ in more than ending, case and zeros before numbers.

    Of one frame's files the one stays whose ending, and then the length of whose name, is the most common.
    """
    endings = Counter(name.path.suffix.lower() for name in names)
    lengths = Counter(len(name.path.stem) for name in names)
    same: dict[tuple[str, tuple[Number, ...]], list[_Name]] = defaultdict(list)
    for name in names:
        same[name.pattern, name.numbers].append(name)
    return [
        min(group, key=lambda name: (-endings[name.path.suffix.lower()], -lengths[len(name.path.stem)], name.path.name))
        for group in same.values()
    ]


def _by_columns(series: Sequence[_Name]) -> NumberedFrames:
    """Names of one pattern, by the column of their numbers that counts frames."""
    columns = list(zip(*(name.numbers for name in series), strict=True))
    varying = [at for at, column in enumerate(columns) if len(set(column)) > 1]
    if not varying:
        return _in_order(series, columns[-1])
    rows = {name.path: tuple(name.numbers[at] for at in varying) for name in series}
    own = [at for at in varying if len(set(columns[at])) == len(series)]
    in_order = sorted(range(len(series)), key=lambda i: rows[series[i].path])
    if fit := [at for at in own if _counts([columns[at][i] for i in in_order])]:
        best = max(fit, key=lambda at: (_density(columns[at]), at))
        return _in_order(series, columns[best])
    return _folded(series, columns, varying) or _by_rows([series[i] for i in in_order], columns[varying[-1]])


def _counts(column: Sequence[Number]) -> bool:
    """Whether numbers, in the order of whole names, are frames' own: they rise, or have few gaps and are no clock's."""
    falls = [before - after for before, after in pairwise(column) if before > after]
    clock = any(max(column) < turn < 2 * fall for turn in _TURNS for fall in falls)
    return not falls or (_density(column)[0] >= _DENSE and not clock)


def _folded(
    series: Sequence[_Name], columns: Sequence[tuple[Number, ...]], varying: Sequence[int]
) -> NumberedFrames | None:
    """Frames of which some have a second picture: those that share all numbers but one and have all of this one."""
    for at in varying:
        rest = [tuple(name.numbers[other] for other in varying if other != at) for name in series]
        usual, count = Counter(rest).most_common(1)[0]
        kept = [name for name, other in zip(series, rest, strict=True) if other == usual]
        if 2 * count > len(series) and {name.numbers[at] for name in kept} == set(columns[at]):
            return _in_order(kept, [name.numbers[at] for name in kept])
    return None


def _by_rows(series: Sequence[_Name], last: Sequence[Number]) -> NumberedFrames:
    """Names in order, none of whose numbers is a frame's own: one after the other, as 12-00-59-900 12-01-00-100."""
    paths = tuple(name.path for name in series)
    if 2 * len(set(last)) <= len(last):
        other = next(name for name in series[1:] if name.numbers[:-1] != series[0].numbers[:-1])
        return NumberedFrames(paths, (), flaw=_several(paths[0].name, other.path.name))
    return NumberedFrames(paths, tuple(range(len(paths))), counted=True)


def _in_order(series: Sequence[_Name], numbers: Sequence[Number]) -> NumberedFrames:
    order = sorted(range(len(series)), key=lambda i: numbers[i])
    return NumberedFrames(tuple(series[i].path for i in order), tuple(numbers[i] for i in order))


def _several(first: str, second: str) -> str:
    return f"several series of frames in one folder: {first}, {second}; give each a folder of its own"


def _density(column: Sequence[Number]) -> tuple[float, bool, float]:
    """How well different numbers count frames: steps taken by steps spanned, whole ones and short steps before others.

    A step is what divides all distances.
    """
    ordered = sorted(column)
    point = max(-int(Decimal(number).as_tuple().exponent) for number in ordered)
    whole = [int(Fraction(number) * 10**point) for number in ordered]
    step = math.gcd(*(after - before for before, after in pairwise(whole)))
    return (len(whole) - 1) * step / (whole[-1] - whole[0]), point <= 0, -float(step)
