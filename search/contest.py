"""Choices among finished cells by short training: between skip budgets and between seeds. Each contest is resumable."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from pathlib import Path
from typing import Any

from emonas.console import progress, show_table
from emonas.errors import UserError
from emonas.files import read_json, write_json

from .feed import Feed
from .ranking import Ranked, short_training
from .searcher import Searcher
from .strategy import Architecture, Setting

#: The largest skip budget that "auto" tries.
MOST_SKIPS = 4


def contest(candidates: Mapping[str, Architecture], setting: Setting, feed: Feed, table: Path, title: str) -> str:
    """The name of the candidate with the highest UAR after a short training.

    All scores are written to ``table``, one by one, so that a killed contest goes on. Equal cells are trained once.
    Raises UserError for a damaged table.
    """
    scores = _read(table)
    with progress(title, len(candidates), 0) as step:
        for name, architecture in candidates.items():
            if name not in scores:
                same = [other for other in scores if candidates.get(other) == architecture]
                scores[name] = scores[same[0]] if same else short_training(architecture, setting, feed)[0]
                write_json(table, {key: asdict(ranked) for key, ranked in scores.items()})
            step(f"{name}: UAR {scores[name].uar:.3f}")
    best = max(candidates, key=lambda name: scores[name].uar)
    rows = []
    for name in candidates:
        parameters = f"{scores[name].parameters:,}".replace(",", " ")
        rows.append((name, f"{scores[name].uar:.3f}", parameters, "taken" if name == best else ""))
    show_table(title, ("", "UAR, short training", "parameters", ""), rows)
    return best


def _read(table: Path) -> dict[str, Ranked]:
    if not table.exists():
        return {}
    data: Any = read_json(table)
    try:
        return {str(name): Ranked(float(score["uar"]), int(score["parameters"])) for name, score in data.items()}
    except (AttributeError, KeyError, TypeError, ValueError):
        raise UserError(f"{table}: damaged; delete it to rank again") from None


def within_budget(searcher: Searcher, found: Architecture, setting: Setting, feed: Feed, table: Path) -> Architecture:
    """The searched number of skip connections: the cells under each budget, ranked by short training."""
    candidates = {}
    for budget in range(MOST_SKIPS + 1):
        cells = searcher.cells({"normal": budget, "reduction": budget})
        candidates[f"at most {budget} skips"] = Architecture(**cells, cells=found.cells, reductions=found.reductions)
    candidates["no limit"] = found
    return candidates[contest(candidates, setting, feed, table, "How many skip connections")]
