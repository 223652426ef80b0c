"""When two names are one: by what they say, however they are written.

People, classes and clips are named by hand and pass through spreadsheets, scripts and file systems, each of which
writes them anew: 001 becomes 1 and then 1.0, an accent one letter or two. Whatever compares names compares their keys.
"""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from collections.abc import Iterable, Mapping, Sequence

_MOST_NAMED = 5
#: A whole number that a program has written with decimals: 3.0, sub3.00.
_DECIMALS = re.compile(r"(?<![\d.,])(\d+)(?:\.0*|,0)$")
#: Zeros in front of a whole number, but not those of a fraction: 1.05 is not 1.5.
_PADDING = re.compile(r"(?<!\d)(?<!\d[.,])0+(?=\d)")
_BLANK_AT_NUMBER = re.compile(r"(?<=[^\W\d_]) (?=\d)|(?<=\d) (?=[^\W\d_])")


def identity_key(name: str) -> str:
    """A text that is the same for all spellings of a name.

    One are: the composed and the decomposed form of a letter, wide and narrow forms, upper and lower case; blanks of
    any kind and number, none between a letter and a digit; digits of any script; dashes and apostrophes; 001, 1 and
    1.0, sub04 and sub4.
    """
    text = "".join(map(_narrow, _folded(name)))
    text = _BLANK_AT_NUMBER.sub("", " ".join(text.split()))
    return _PADDING.sub("", _DECIMALS.sub(r"\1", text))


def person_key(person: str) -> str:
    """The key of "data set/subject"."""
    dataset, _, subject = person.partition("/")
    return f"{dataset}/{identity_key(subject)}"


def path_key(path: str) -> str:
    """A text that is the same for all spellings of a file name; img1 and img01 are two files."""
    return unicodedata.normalize("NFC", unicodedata.normalize("NFD", path).casefold())


def one_spelling(names: Iterable[str]) -> dict[str, str]:
    """Each name with the spelling that all of its key are given: the most frequent, of equals the shortest."""
    counts = Counter(names)
    best: dict[str, str] = {}
    for name in sorted(counts, key=lambda one: (-counts[one], len(one), one)):
        best.setdefault(identity_key(name), name)
    return {name: best[identity_key(name)] for name in counts}


def spellings(chosen: Mapping[str, str]) -> list[str]:
    """The names of ``one_spelling`` that are written in several ways, each as '001' = '1'."""
    ways: dict[str, list[str]] = {}
    for name, spelling in chosen.items():
        ways.setdefault(spelling, []).append(name)
    return [" = ".join(_shown(names)) for _, names in sorted(ways.items()) if len(names) > 1]


def _shown(names: Sequence[str]) -> list[str]:
    """Names in quotes, their odd letters by number where one could not tell them apart."""
    alike = len({unicodedata.normalize("NFC", name) for name in names}) < len(names)
    return [ascii(name) if alike else repr(name) for name in sorted(names)]


def spelling_note(what: str, several: Sequence[str]) -> tuple[str, ...]:
    """A note on names that are taken as one; none where every name has one spelling. ``what`` is a plural."""
    if not several:
        return ()
    more = "; ..." if len(several) > _MOST_NAMED else ""
    return (f"{what} written in several ways, each taken as one: {'; '.join(several[:_MOST_NAMED])}{more}",)


def _folded(name: str) -> str:
    """Unicode's own key for caseless comparison of compatible characters, without marks that nobody sees."""
    text = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", name).casefold())
    visible = "".join(sign for sign in text if unicodedata.category(sign) != "Cf")
    return unicodedata.normalize("NFKC", visible.casefold())


def _narrow(sign: str) -> str:
    """A sign that every keyboard has for one of the same meaning."""
    if sign.isdecimal():
        return str(unicodedata.decimal(sign))
    if unicodedata.category(sign) == "Pd":
        return "-"
    return "'" if sign in "‘’" else sign
