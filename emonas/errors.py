"""The one exception for what a user can put right, told in one line that any terminal can show."""

from __future__ import annotations

import re

#: Control characters, separators of lines, and halves of characters, which no file takes.
ILLEGIBLE = re.compile("[\x00-\x1f\x7f-\x9f\u2028\u2029\ud800-\udfff]")


class UserError(Exception):
    """Bad input or bad luck, told in one line: what is wrong and what to do about it.

    Every command prints the message without a traceback and ends with exit status 2.
    """

    def __str__(self) -> str:
        return make_legible(" ".join(super().__str__().splitlines()))


def make_legible(text: str) -> str:
    """A text that fits into one line, any file and any terminal, with escapes for what does not.

    File names in another encoding than UTF-8 come as lone surrogates; names may hold line breaks and terminal escapes.
    """
    return ILLEGIBLE.sub(lambda found: found[0].encode("unicode_escape").decode(), text)
