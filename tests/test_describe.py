"""A database's page: everything in its description is on it, and it fits the terminal."""

from __future__ import annotations

import pytest

from emonas.datasets.describe import page
from emonas.datasets.registry import DATASETS


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
