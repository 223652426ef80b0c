"""Options of a database: filled in, refused in one line, one spelling for the code and one for the command."""

from __future__ import annotations

import pytest

from emonas.datasets.reading.choices import Choices, complete_choices
from emonas.errors import UserError

ACCEPTED = {"classes": {"5": "", "3": ""}, "apex_policy": {"middle": "", "drop": ""}}


def test_defaults_are_filled_in_and_choices_stay() -> None:
    assert complete_choices("x", ACCEPTED, Choices()).given() == {"classes": "5", "apex_policy": "middle"}
    assert complete_choices("x", ACCEPTED, Choices(classes="3")).given() == {"classes": "3", "apex_policy": "middle"}


@pytest.mark.parametrize(
    ("choices", "reason"),
    [
        (Choices(variant="a"), "x has no option --variant; it takes --classes, --apex-policy"),
        (Choices(classes="4"), "--classes 4: x knows 5, 3"),
        (Choices(apex_policy="max"), "--apex-policy max: x knows middle, drop"),
    ],
)
def test_what_a_database_does_not_have_is_refused(choices: Choices, reason: str) -> None:
    with pytest.raises(UserError) as raised:
        complete_choices("x", ACCEPTED, choices)
    assert str(raised.value) == reason


def test_a_database_without_options_says_so() -> None:
    with pytest.raises(UserError, match="x has no option --crop; it takes no such option at all"):
        complete_choices("x", {}, Choices(crop="full"))
