"""A result for other programs: every answer as CSV, the scores as a row of a LaTeX table."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

from emonas.evaluate.results.metrics import MEASURES
from emonas.files import write_text

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


def answer_rows(results: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    """One row a tested sample and seed: what results.csv holds, and the sample's ``position`` in the prepared set.

    For action units, truth and prediction name the units that are there, ``right`` asks for all of them, and an answer
    without one confidence of its own has None.
    """
    for fold in results["per_fold"]:
        sure = fold.get("confidence") or [None] * fold["n"]
        columns = (*(fold[key] for key in ("positions", "people", "clips", "truth", "predictions")), sure)
        for position, person, clip, truth, prediction, confidence in zip(*columns, strict=True):
            yield {
                "seed": fold["seed"],
                "fold": fold["fold"],
                "person": person,
                "clip": clip,
                "truth": _named(truth, results["classes"]),
                "prediction": _named(prediction, results["classes"]),
                "confidence": confidence if isinstance(confidence, float | int) else None,
                "right": truth == prediction,
                "position": position,
            }


def _named(answer: int | list[int], classes: list[str]) -> str:
    if isinstance(answer, int):
        return classes[answer]
    return " ".join(name for name, there in zip(classes, answer, strict=True) if there)


def write_csv(out: Path, results: Mapping[str, Any]) -> Path:
    """Write results.csv in the run folder: one row a tested sample and seed. Raises UserError."""
    text = io.StringIO()
    writer = csv.DictWriter(text, COLUMNS, extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    for row in answer_rows(results):
        confidence = "" if row["confidence"] is None else f"{row['confidence']:.4f}"
        writer.writerow({**row, "confidence": confidence, "right": int(row["right"]), "caution": caution(results)})
    write_text(out / "results.csv", text.getvalue())
    return out / "results.csv"


def write_tex(out: Path, results: Mapping[str, Any]) -> Path:
    """Write results.tex in the run folder: a row of a table, its head as a comment above. Raises UserError."""
    head = ["dataset", "subjects", "samples", "protocol", "epoch rule", "accuracy", "UF1", "UAR", "parameters"]
    row = [
        latex(results["dataset"]),
        "unknown" if results["n_subjects"] is None else str(results["n_subjects"]),
        str(results["n_samples"]),
        latex(results["protocol_in_words"]),
        latex("; ".join([epoch_rule(results), *(["leak"] if results["leaks"] else [])])),
        *(_score(results, key) for key in ("accuracy", "uf1", "uar")),
        f"{results['parameters']:,}".replace(",", r"\,"),
    ]
    leaks = "".join(f"% leak: {' '.join(leak.split())}\n" for leak in results["leaks"])
    write_text(out / "results.tex", f"{leaks}% {' & '.join(head)} \\\\\n{' & '.join(row)} \\\\\n")
    return out / "results.tex"


def caution(results: Mapping[str, Any]) -> str:
    """What stands beside every answer: that the epoch was selected on it, and each leak; empty for a clean result."""
    return "; ".join([*([ON_TEST] if results["epoch_rule"] == "test-best" else []), *results["leaks"]])


def latex(text: str) -> str:
    """The text on one line, for LaTeX to print as it is."""
    return " ".join(text.split()).translate(_LATEX)


def epoch_rule(results: Mapping[str, Any]) -> str:
    """The epoch rule in words; one that looked at the tested people always says so."""
    words = str(results["epoch_rule_in_words"])
    return f"{words}, {ON_TEST}" if results["epoch_rule"] == "test-best" and ON_TEST not in words else words


def spread(results: Mapping[str, Any], key: str) -> float | None:
    """The standard deviation of a score over the seeds; None where there is one seed."""
    std = results["spread"][key]["std"]
    return None if std is None else float(std)


def _score(results: Mapping[str, Any], key: str) -> str:
    std = spread(results, key)
    return f"{results[key]:.3f}" if std is None else f"{results[key]:.3f} $\\pm$ {std:.3f}"
