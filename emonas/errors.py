"""The one exception for what a user can put right."""

from __future__ import annotations


class UserError(Exception):
    """Bad input or bad luck, told in one line: what is wrong and what to do about it.

    Every command prints the message without a traceback and ends with exit status 2.
    """
