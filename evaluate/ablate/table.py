"""An ablation as tables on the terminal, and as ablation.json, ablation.csv and a picture in its folder."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from emonas.console import duration, plain, say, show_json, show_table, warn
from emonas.evaluate.ablate.config import PartName
from emonas.evaluate.ablate.scores import Ablation, Difference, Row, Score
from emonas.evaluate.ablate.variants import TITLES
from emonas.evaluate.results.bootstrap import FEW
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Results
from emonas.files import guard_cell, together, write_json, write_text

FORMAT, VERSION = "emonas-ablation", 1
PICTURES = ("ablation.png", "ablation.svg")
_OF_SCORE = ("mean", "std", "low", "high")
_OF_DIFFERENCE = ("against", "uar", "low", "high", "unpaired")
_COLUMNS = ("", "UAR ± seeds", "UF1", "params", "search", "diff.", "95 % interval")


def show_ablation(out: Path, found: Ablation, as_json: bool) -> None:
    """Print the tables, what stands behind their numbers, and what failed."""
    if as_json:
        show_json(as_data(found))
        return
    for part, rows in found.rows.items():
        show_table(TITLES[part], _COLUMNS, [_cells(row, len(found.seeds)) for row in rows], range(1, 7))
        say()
    for line in describe_ablation(found):
        say(line)
    for _, row in found.all_rows:
        for leak in row.leaks:
            warn(f"{row.variant.name}: leak: {leak}")
    for line in dict.fromkeys(_failures(found)):
        warn(line)
    say(f"files      {out / 'ablation.json'}, ablation.csv, {', '.join(PICTURES)}")
    say("each run   trainings/SETUP/seedK; compare any two with emonas-compare")


def _cells(row: Row, seeds: int) -> tuple[str, ...]:
    name = row.variant.name + (" NOT CLEAN" if row.leaks else "")
    if not row.scores:
        return (name, "failed", "", "", "", "", "")
    part = f" ({len(row.seeds)}/{seeds})" if len(row.seeds) < seeds else ""
    uar, parameters, seconds = row.scores["uar"], row.parameters, row.search_seconds
    return (
        name + part,
        f"{uar.mean:.3f}" + ("" if uar.std is None else f" ± {uar.std:.3f}"),
        f"{row.scores['uf1'].mean:.3f}",
        "" if parameters is None else _short(parameters),
        "" if seconds is None else duration(seconds),
        *_difference(row),
    )


def _short(count: float) -> str:
    """A number of parameters in five characters."""
    return f"{count / 1e6:.2f}M" if count >= 1e6 else f"{count / 1e3:.{0 if count >= 1e5 else 1}f}k"


def _difference(row: Row) -> tuple[str, str]:
    if row.variant.against is None:
        return "", "base line"
    if row.difference is None:
        return "", "none"
    return f"{row.difference.uar:+.3f}", _interval(row.difference)


def _interval(one: Difference) -> str:
    return "none" if one.low is None or one.high is None else f"{one.low:+.2f} to {one.high:+.2f}"


def describe_ablation(found: Ablation) -> list[str]:
    """What stands behind the numbers, a line each."""
    facts = found.facts
    compared = sum(row.difference is not None for _, row in found.all_rows)
    seeds = ", ".join(map(str, found.seeds))
    several = len(found.seeds) > 1
    averaged = "scores averaged over the seeds" if several else "with one seed: others may differ more"
    lines = [
        f"data       {facts.database}: {facts.n_samples} samples tested, {_people(facts)}; "
        f"chance UAR {facts.chance.uar:.3f}",
        f"protocol   {facts.protocol_in_words}",
        f"search     {_seen(facts)}",
        f"epoch      {facts.epoch_rule_in_words}",
        f"seeds      {seeds}; each seed has a search and a training of its own",
        "diff.      UAR less that of the base line, 95 % interval by a paired bootstrap",
        f"           over {_people(facts)}, {averaged}",
    ]
    if any(row.failures and row.scores for _, row in found.all_rows):
        lines.insert(-2, "           (1/3): with the one of three seeds that has not failed")
    if "stack" in found.rows:
        lines.append("           (in the stack, of N, then M: less that of M in both)")
    if (facts.n_subjects or FEW) < FEW:
        lines.append(f"           rough: with only {facts.n_subjects} people, intervals are too narrow")
    if compared > 1:
        lines.append(f"           {compared} intervals: of 20 such, one misses zero by chance alone")
    for name, row in found.all_rows:
        if row.difference and row.difference.unpaired:
            lines.append(f"           {name}, {row.variant.name}: {row.difference.unpaired}")
    return lines


def _people(facts: Results) -> str:
    count = facts.n_subjects
    return "pictures, since nobody is named" if count is None else f"{count} people"


def _seen(facts: Results) -> str:
    if facts.protocol == "fixed":
        return "on the training part only"
    return f"one for each of the {facts.n_folds} folds, without its tested people"


def _failures(found: Ablation) -> Iterator[str]:
    for _, row in found.all_rows:
        for seed, why in row.failures.items():
            yield f"failed: {row.variant.setup.name}, seed {seed}: {why}"


def as_data(found: Ablation) -> dict[str, Any]:
    """What ablation.json holds."""
    facts = found.facts
    keys = ("database", "protocol", "protocol_in_words", "epoch_rule", "epoch_rule_in_words", "task", "classes",
            "n_samples", "n_subjects", "n_folds", "chance")  # fmt: skip
    return {
        "format": FORMAT,
        "version": VERSION,
        **{key: plain(getattr(facts, key)) for key in keys},
        "seeds": list(found.seeds),
        "budget": dict(found.budget),
        "parts": {part: [_row_data(row) for row in rows] for part, rows in found.rows.items()},
        "in_words": describe_ablation(found),
    }


def _row_data(row: Row) -> dict[str, Any]:
    setup = row.variant.setup
    search, one = setup.search, row.difference
    return {
        "name": row.variant.name,
        "base_line": row.variant.against is None,
        "run": f"trainings/{setup.name}",
        "dataset": search.data.name,
        "representation": search.data.representation,
        "strategy": search.strategy,
        "without": list(search.without),
        "search_cells": search.cells,
        "cells": setup.cells,
        "seeds": list(row.seeds),
        **{key: _score_data(row.scores.get(key)) for key in MEASURES},
        "parameters": row.parameters,
        "search_seconds": row.search_seconds,
        "difference": None if one is None else
        {"against": one.against, "uar": one.uar, "low": one.low, "high": one.high, "unpaired": one.unpaired or None},
        "leaks": list(row.leaks),
        "failures": {str(seed): why for seed, why in row.failures.items()},
    }  # fmt: skip


def _score_data(score: Score | None) -> dict[str, float | None] | None:
    return None if score is None else {key: getattr(score, key) for key in _OF_SCORE}


def write_ablation(out: Path, found: Ablation) -> None:
    """Write ablation.json, ablation.csv and the pictures, all or none. Raises UserError."""
    from emonas.evaluate.ablate.plot import draw_ablation
    from emonas.plotting.figures import save_figure

    figure = draw_ablation(found)
    with together():
        write_json(out / "ablation.json", as_data(found))
        write_text(out / "ablation.csv", _csv([_flat(part, row) for part, row in found.all_rows]))
        for name in PICTURES:
            save_figure(figure, out / name)


def _flat(part: PartName, row: Row) -> dict[str, Any]:
    """A row of ablation.csv: what is nested in ablation.json has names like uar_low."""
    flat: dict[str, Any] = {"part": part}
    for key, value in _row_data(row).items():
        if key in MEASURES or key == "difference":
            names = _OF_SCORE if key in MEASURES else _OF_DIFFERENCE
            flat |= {f"{key}_{name}": (value or {}).get(name) for name in names}
        elif isinstance(value, list | dict):
            values = value.items() if isinstance(value, dict) else value
            flat[key] = "; ".join(": ".join(one) if isinstance(one, tuple) else str(one) for one in values)
        else:
            flat[key] = value
    return flat


def _csv(rows: Sequence[Mapping[str, Any]]) -> str:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows({column: guard_cell(cell) for column, cell in row.items()} for row in rows)
    return text.getvalue()
