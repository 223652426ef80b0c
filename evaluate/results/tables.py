"""A result for other programs: every answer as CSV, the scores as a row of a LaTeX table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Answer, Results, measure
from emonas.files import guard_cell, write_text

COLUMNS = ("seed", "fold", "person", "clip", "truth", "prediction", "confidence", "right", "caution")
ON_TEST = "selected on the test subject"
#: The scores' keys and names, the one that counts most first.
SCORES = {key: MEASURES[key] for key in ("uar", "uf1", "accuracy")}

_LATEX = str.maketrans(
    {
        "\\": r"\textbackslash{}",
        "~": r"\textasciitilde{}",
        "^": r"\textasciicircum{}",
        **{sign: f"\\{sign}" for sign in "&%$#_{}"},
    }
)


@dataclass(frozen=True)
class AnswerRow:
    """One tested sample under one seed: what results.csv holds, and its ``position`` in the prepared set.

    For action units, truth and prediction name the units that are there, ``right`` asks for all of them, and an answer
    without one confidence of its own has None.
    """

    seed: int
    fold: str
    person: str
    clip: str
    truth: str
    prediction: str
    confidence: float | None
    right: bool
    position: int


def answer_rows(results: Results) -> Iterator[AnswerRow]:
    """One row a tested sample and seed, in the order of "per_fold"."""
    for fold in results.per_fold:
        sure = fold.confidence or [None] * fold.n
        columns = (fold.positions, fold.people, fold.clips, fold.truth, fold.predictions, sure)
        for position, person, clip, truth, prediction, confidence in zip(*columns, strict=True):
            yield AnswerRow(
                seed=fold.seed,
                fold=fold.fold,
                person=person,
                clip=clip,
                truth=_named(truth, results.classes),
                prediction=_named(prediction, results.classes),
                confidence=confidence,
                right=truth == prediction,
                position=position,
            )


def _named(answer: Answer, classes: tuple[str, ...]) -> str:
    if isinstance(answer, int):
        return classes[answer]
    return " ".join(name for name, there in zip(classes, answer, strict=True) if there)


def write_csv(out: Path, results: Results) -> Path:
    """Write results.csv in the run folder: one row a tested sample and seed. Raises UserError."""
    text = io.StringIO()
    writer = csv.writer(text, lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in answer_rows(results):
        confidence = "" if row.confidence is None else f"{row.confidence:.4f}"
        told = (row.seed, row.fold, row.person, row.clip, row.truth, row.prediction)
        writer.writerow(map(guard_cell, (*told, confidence, int(row.right), caution(results))))
    write_text(out / "results.csv", text.getvalue())
    return out / "results.csv"


def write_tex(out: Path, results: Results) -> Path:
    """Write results.tex in the run folder: a row of a table, its head as a comment above. Raises UserError."""
    head = ["dataset", "subjects", "samples", "protocol", "epoch rule", "accuracy", "UF1", "UAR", "parameters"]
    row = [
        latex(results.dataset),
        "unknown" if results.n_subjects is None else str(results.n_subjects),
        str(results.n_samples),
        latex(results.protocol_in_words),
        latex("; ".join([epoch_rule(results), *(["leak"] if results.leaks else [])])),
        *(_score(results, key) for key in ("accuracy", "uf1", "uar")),
        f"{results.parameters:,}".replace(",", r"\,"),
    ]
    leaks = "".join(f"% leak: {' '.join(leak.split())}\n" for leak in results.leaks)
    write_text(out / "results.tex", f"{leaks}% {' & '.join(head)} \\\\\n{' & '.join(row)} \\\\\n")
    return out / "results.tex"


def caution(results: Results) -> str:
    """What stands beside every answer: that the epoch was selected on it, and each leak; empty for a clean result."""
    return "; ".join([*([ON_TEST] if results.epoch_rule == "test-best" else []), *results.leaks])


def latex(text: str) -> str:
    """The text on one line, for LaTeX to print as it is."""
    return " ".join(text.split()).translate(_LATEX)


def epoch_rule(results: Results) -> str:
    """The epoch rule in words; one that looked at the tested people always says so."""
    words = results.epoch_rule_in_words
    return f"{words}, {ON_TEST}" if results.epoch_rule == "test-best" and ON_TEST not in words else words


def spread(results: Results, key: str) -> float | None:
    """The standard deviation of a score over the seeds; None where there is one seed."""
    return results.spread.of(key).std


def _score(results: Results, key: str) -> str:
    std = spread(results, key)
    value = f"{measure(results, key):.3f}"
    return value if std is None else f"{value} $\\pm$ {std:.3f}"
