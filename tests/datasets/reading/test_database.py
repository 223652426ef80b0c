"""Class sets: what becomes of a label, and how that is said."""

from __future__ import annotations

import pytest

from emonas.datasets.reading.database import ClassSet, emotion, same_named

THREE = ClassSet(
    "3",
    "three",
    {"disgust": "negative", "fear": "negative", "happiness": "positive", "surprise": "surprise", "other": None},
    {"s1/c9": "not in the list"},
)


@pytest.mark.parametrize(
    ("text", "word"), [(" Others ", "other"), ("OTHER", "other"), ("Happy", "happiness"), ("tense", "tense"), ("", "")]
)
def test_spellings_of_an_emotion(text: str, word: str) -> None:
    assert emotion(text) == word


@pytest.mark.parametrize(
    ("clip", "label", "placed"),
    [
        ("c1", "Disgust", ("negative", "")),
        ("c1", " happy", ("positive", "")),
        ("c1", "Others", ("other", "outside the class set: other")),
        ("c1", "bored", ("bored", "unknown label: 'bored'")),
        ("c1", " ", (" ", "no label")),
        ("C9", "happiness", ("happiness", "not in the list")),
    ],
)
def test_a_label_becomes_a_class_or_a_reason(clip: str, label: str, placed: tuple[str, str]) -> None:
    assert THREE.place("S1", clip, label) == placed


def test_classes_are_in_the_order_of_the_mapping() -> None:
    assert THREE.classes == ("negative", "positive", "surprise")
    assert same_named("2", "two", ("b", "a"), ("c",)).mapping == {"b": "b", "a": "a", "c": None}


def test_the_mapping_in_words() -> None:
    lines = ["negative = disgust, fear", "positive = happiness", "surprise", "dropped: other", "left out: s1/c9"]
    assert THREE.lines() == lines
