"""Errors: one line, whatever stands in the names that they tell."""

from __future__ import annotations

import pickle

import pytest

from emonas.errors import UserError, make_legible


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("s01", "s01"),
        ("Jürgen 太郎\u3000", "Jürgen 太郎\u3000"),
        ("two\r\nlines\u2028", "two\\r\\nlines\\u2028"),
        ("\udce4\t\x00", "\\udce4\\t\\x00"),
    ],
)
def test_texts_fit_into_one_line_and_any_file(text: str, written: str) -> None:
    assert make_legible(text) == written
    assert len(written.encode().decode().splitlines()) == 1


def test_an_error_is_one_line_that_steers_no_terminal() -> None:
    error = UserError("a\x1b[2Jb\nc\udce4: no such file")
    assert str(error) == "a\\x1b[2Jb c\\udce4: no such file"
    assert str(pickle.loads(pickle.dumps(error))) == str(error)
