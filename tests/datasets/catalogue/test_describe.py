"""A database's page: everything in its description is on it, and it fits the terminal."""

from __future__ import annotations

from dataclasses import replace

import pytest
from data_command import Command, fits

from emonas.datasets.catalogue.describe import page, sections, summary
from emonas.datasets.databases.registry import DATASETS
from emonas.datasets.reading.expected import Expected


@pytest.mark.parametrize("name", DATASETS)
@pytest.mark.parametrize("width", [60, 80])
def test_every_fact_is_on_the_page_and_no_line_is_too_long(
    name: str, width: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("COLUMNS", str(width))
    known = DATASETS[name]
    lines = page(known)
    assert all(len(line) <= width or len(line.split()) == 1 for line in lines), lines
    text = "".join("".join(lines).split())
    facts = [known.owner, known.citation, known.request, known.source, known.metric, *known.layout, *known.pitfalls]
    facts += [line for one in known.class_sets for line in (one.title, *one.lines())]
    facts += [words for values in known.options.values() for pair in values.items() for words in pair]
    facts += [f"{one.samples} samples" for one in known.expected]
    assert [fact for fact in facts if "".join(fact.split()) not in text] == []


def test_each_row_of_the_list_is_one_line_of_80_columns(capsys: pytest.CaptureFixture[str]) -> None:
    out = Command(capsys).succeed("list")
    fits(out)
    rows = [line.partition(" ")[0] for line in out.splitlines()[2:]]
    assert rows[: len(DATASETS)] == list(DATASETS)


def test_the_list_says_what_belongs_to_the_default_options_and_what_is_hearsay() -> None:
    assert summary(DATASETS["casme2"])[3:] == (("5", "7", "3"), "246", "26", "loso")
    assert summary(DATASETS["casme"])[4:6] == ("~171", "")
    assert summary(DATASETS["casme_squared"])[4:6] == ("57", "~14")


@pytest.mark.parametrize(
    ("expected", "words"),
    [
        (Expected(9), ("", "9 samples", "")),
        (Expected(9, sure=False), ("", "9 samples, unconfirmed", "")),
        (Expected(9, 3, sure=False), ("", "9 samples, 3 people, all unconfirmed", "")),
        (
            Expected(9, 3, {"joy": 5, "fear": 4}, {"train": 9}, {"apex_policy": "drop"}, unsure=("people", "class")),
            ("--apex-policy drop", "9 samples, 3 people (unconfirmed)", "joy 5, fear 4; train 9 (unconfirmed)"),
        ),
    ],
)
def test_counts_say_how_sure_they_are(expected: Expected, words: tuple[str, ...]) -> None:
    known = replace(DATASETS["folder"], expected=(expected,))
    [counts] = [section for section in sections(known) if section.label == "counts"]
    assert counts.rows == (words,)
    assert bool(counts.note) == ("unconfirmed" in "".join(words))
