"""One key for all spellings of a name, and another for every other name."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from emonas.datasets.reading.identity import identity_key, one_spelling, person_key, spelling_note, spellings

NAMES = st.from_regex(r"[a-zé]{1,5}( [a-zß]{1,5})?|[a-zü]{0,5}[1-9][0-9]{0,4}", fullmatch=True)
BLANKS = st.sampled_from([" ", "  ", "\t", "\u00a0", "\u3000 "])


@st.composite
def spelled(draw: st.DrawFn, name: str) -> str:
    """A name as a spreadsheet, a script, a keyboard or a file system may write it."""
    text = unicodedata.normalize(draw(st.sampled_from(["NFC", "NFD", "NFKC", "NFKD"])), name)
    text = draw(st.sampled_from([str, str.upper, str.title]))(text)
    text = draw(BLANKS).join(text.split(" "))
    if text[-1].isdigit():
        head = text.rstrip("0123456789")
        blank = draw(st.sampled_from(["", " "])) if head else ""
        text = head + blank + draw(st.sampled_from(["", "0", "00"])) + text[len(head) :]
        text += draw(st.sampled_from(["", ".0", ".00"]))
    if draw(st.booleans()):
        text = "".join(chr(ord(sign) + 0xFEE0) if sign in "0123456789" else sign for sign in text)
    return draw(st.sampled_from(["", " ", "\ufeff", "\u200b"])) + text + draw(st.sampled_from(["", " ", "\u200e"]))


@given(st.data())
def test_all_spellings_of_a_name_have_one_key(data: st.DataObject) -> None:
    name = data.draw(NAMES)
    assert identity_key(data.draw(spelled(name))) == identity_key(name)


@given(NAMES, NAMES)
def test_different_names_have_different_keys(one: str, other: str) -> None:
    same = one.replace("ß", "ss") == other.replace("ß", "ss")
    assert (identity_key(one) == identity_key(other)) is same


@given(st.text())
def test_a_key_is_its_own_key(text: str) -> None:
    assert identity_key(identity_key(text)) == identity_key(text)


@given(st.data())
def test_every_spelling_is_given_the_same_one_of_them(data: st.DataObject) -> None:
    name, other = data.draw(NAMES), "another"
    names = [data.draw(spelled(name)) for _ in range(4)] + [other]
    chosen = one_spelling(names)
    assert len({chosen[one] for one in names}) == len({identity_key(name), other})
    assert set(chosen.values()) <= set(names) and one_spelling(reversed(names)) == chosen


@pytest.mark.parametrize(
    ("one", "other"),
    [("1.05", "1.5"), ("1 2", "12"), ("p1", "p10"), ("1.0.1", "1.1"), ("-1", "1"), ("anna b", "annab"), ("", "0")],
)
def test_what_says_something_else_stays_apart(one: str, other: str) -> None:
    assert identity_key(one) != identity_key(other)


def test_a_person_is_one_within_a_data_set_only() -> None:
    assert person_key("own-0a1/S 01") == person_key("own-0a1/s1") != person_key("own-a1/s1")


def test_the_note_names_some_of_the_spellings() -> None:
    several = spellings(one_spelling(["a", "A", "b", *(f"{pad}{i}" for i in range(1, 8) for pad in ("", "0"))]))
    (note,) = spelling_note("people", several)
    assert note.startswith("people written in several ways, each taken as one: '01' = '1'; ") and note.endswith("; ...")
    assert spelling_note("people", spellings(one_spelling(["a", "b", "a"]))) == ()
