"""The report of a training: one HTML file that says everything about a result, and can be passed on by itself.

It needs nothing from outside: styles and figures lie in it, and its content security policy forbids all the rest.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from importlib.resources import files
from pathlib import Path
from typing import Any

from jinja2 import Environment, StrictUndefined
from markupsafe import Markup

from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.report import figures
from emonas.evaluate.report.cost import make_cost_rows, profile_table
from emonas.evaluate.report.explained import HOW_TO, find_explanations
from emonas.evaluate.report.figures import add_pictures, worst_mistakes
from emonas.evaluate.report.words import DEFINITIONS, tell_story
from emonas.evaluate.results.record import Results, measure
from emonas.evaluate.results.tables import ON_TEST, SCORES, answer_rows, spread
from emonas.evaluate.results.words import marks, warnings
from emonas.files import write_text
from emonas.genotype import Genotype

FILE = "report.html"
#: More people than this are not drawn: the ones that went worst are.
MOST_PEOPLE = 200


@dataclass(frozen=True)
class Score:
    """One of the headline numbers. ``std`` is None for one seed, ``low`` and ``high`` for one tested person."""

    name: str
    value: float
    std: float | None
    low: float | None
    high: float | None
    chance: float


@dataclass(frozen=True)
class PersonScore:
    """How right the network was about one tested person: ``n`` samples, ``accuracy`` over them and the seeds."""

    name: str
    n: int
    accuracy: float


def write_report(
    out: Path,
    results: Results,
    prepared: Prepared | None,
    genotypes: Sequence[Genotype],
    pictures: bool = True,
) -> Path:
    """Write report.html in the run folder ``out``; gives its path. Raises UserError where it cannot be written.

    ``prepared`` gives the pictures of the samples that went wrong; they are left out with None, or without
    ``pictures``. ``genotypes``: one, one a fold, or none for a network that was not searched. Curves, the profile
    and explanations are read from the run folder where they are.
    """
    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    page = environment.from_string(_resource("report.html.jinja")).render(
        style=Markup(_resource("report.css")),
        results=results,
        marks=marks(results),
        warnings=warnings(results),
        story=tell_story(results, genotypes),
        definitions=DEFINITIONS[results.task],
        scores=_scores(results),
        score_names=SCORES,
        people=_people(results),
        most_people=MOST_PEOPLE,
        cost=make_cost_rows(results, genotypes),
        profile=profile_table(out),
        different_cells=len({(genotype.normal, genotype.reduction) for genotype in genotypes}),
        **_drawn(out, results, genotypes),
        **_mistakes(results, prepared, pictures),
        explained=find_explanations(out, results) if pictures else None,
        no_explanations=HOW_TO if pictures else "",
    )
    write_text(out / FILE, page)
    return out / FILE


def _resource(name: str) -> str:
    return files(__package__).joinpath(name).read_text(encoding="utf-8")


def _scores(results: Results) -> list[Score]:
    return [
        Score(
            name=name,
            value=measure(results, key),
            std=spread(results, key),
            low=results.spread.of(key).low,
            high=results.spread.of(key).high,
            chance=measure(results.chance, key),
        )
        for key, name in SCORES.items()
    ]


def _people(results: Results) -> list[PersonScore]:
    """The tested people, from the worst to the best; empty where nobody is named."""
    if results.n_subjects is None:
        return []
    right: dict[str, list[bool]] = defaultdict(list)
    for row in answer_rows(results):
        right[row.person].append(row.right)
    # One data set's name before every person would only take room; the people of a composite keep theirs.
    one_source = len({person.partition("/")[0] for person in right}) == 1
    people = [
        PersonScore(
            name=person.partition("/")[2] if one_source and "/" in person else person,
            n=len(of_person) // len(results.seeds),
            accuracy=sum(of_person) / len(of_person),
        )
        for person, of_person in right.items()
    ]
    return sorted(people, key=lambda person: (person.accuracy, -person.n, person.name))


def _drawn(out: Path, results: Results, genotypes: Sequence[Genotype]) -> dict[str, Any]:
    """The figures, as sources of images."""
    histories = figures.read_histories(out)
    names = {**figures.CURVES, **({"inner_uar": f"UAR, {ON_TEST}"} if results.epoch_rule == "test-best" else {})}
    beside = "".join(f", {mark}" for mark in marks(results))
    title = f"{results.dataset}: UAR {results.uar:.3f}{beside}"
    return {
        "curves": [(names[name], figures.curve(names[name], runs, name == "loss")) for name, runs in histories.items()],
        "trainings": max(map(len, histories.values()), default=0),
        "confusion": figures.draw_confusion_source(results, title) if results.confusion is not None else None,
        "cells": figures.draw_cells(genotypes[0]) if genotypes else None,
    }


def _mistakes(results: Results, prepared: Prepared | None, pictures: bool) -> dict[str, Any]:
    """The pictured mistakes, or the sentence why there are none."""
    rows = worst_mistakes(results)
    if not pictures:
        return {"mistakes": [], "no_mistakes": "Pictures were left out of this report."}
    if results.task == "units":
        return {"mistakes": [], "no_mistakes": "For action units no answer has one confidence to sort by."}
    if not rows:
        return {"mistakes": [], "no_mistakes": "No answer was wrong."}
    if prepared is None:
        return {"mistakes": [], "no_mistakes": "The prepared data set is not there, so its pictures cannot be shown."}
    mistakes = add_pictures(rows, prepared)
    if mistakes is None:
        return {"mistakes": [], "no_mistakes": "The prepared data set has changed since, so no pictures are shown."}
    return {"mistakes": mistakes, "no_mistakes": ""}
