"""Published counts beside those found."""

from __future__ import annotations

from made_samples import STILLS

from emonas.datasets.reading.expected import Expected, chosen, compare, verdict


def test_an_expectation_is_for_certain_choices() -> None:
    five, rest = Expected(246, when={"classes": "5", "variant": "2014"}), Expected(255)
    assert chosen((five, rest), {"classes": "5", "variant": "2014", "crop": "full"}) == five
    assert chosen((five, rest), {"classes": "5", "variant": "2019"}) == rest
    assert chosen((five,), {"classes": "7"}) is None


def test_counts_of_samples_people_classes_and_parts() -> None:
    expected = Expected(8, 4, {"happy": 3, "sad": 2, "angry": 3, "bored": 1}, {"train": 6, "test": 3})
    compared = compare(expected, STILLS)
    assert [(one.kind, one.name, one.found) for one in compared if one.differs] == [
        ("class", "bored", 0),
        ("part", "test", 2),
    ]
    assert verdict(compared) == "NOT as published: 0 of 1 bored, 2 of 3 test samples"


def test_hearsay_is_told_as_such() -> None:
    assert verdict(compare(Expected(8), STILLS)) == "as published"
    assert verdict(compare(Expected(8, sure=False), STILLS)) == "as reported (unconfirmed numbers)"
    said = verdict(compare(Expected(9, 4, sure=False), STILLS))
    assert said == "other than reported (8 of 9 samples); the report is unconfirmed"


def test_some_counts_may_be_hearsay_where_the_rest_is_sure() -> None:
    compared = compare(Expected(8, 5, {"happy": 3}, unsure=("people",)), STILLS)
    assert [one.sure for one in compared] == [True, False, True]
    assert verdict(compared).startswith("other than reported (4 of 5 people)")
    assert verdict(compare(Expected(9, 5, unsure=("people",)), STILLS)).startswith("NOT as published: 8 of 9 samples")
