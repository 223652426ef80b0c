"""Small results.json written by hand: answers of a few people, with everything else that the format asks for."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import msgspec
import numpy as np

from emonas.evaluate.results.bootstrap import spread
from emonas.evaluate.results.metrics import class_rows, scores, unit_scores
from emonas.evaluate.results.record import FoldAnswers, Results
from emonas.files import write_json

CLASSES = ("negative", "positive", "surprise")
#: For each person the true classes of the clips and the predicted ones.
Answers = Mapping[str, tuple[Sequence[Any], Sequence[Any]]]


def rows(answers: Answers, seed: int = 0) -> list[dict[str, Any]]:
    """The "per_fold" of a leave-one-subject-out training with one seed."""
    found, position = [], 0
    for person, (truth, predictions) in answers.items():
        found.append(
            {
                "seed": seed,
                "fold": person,
                "subjects": [person],
                "n": len(truth),
                "epoch": 5,
                "positions": list(range(position, position + len(truth))),
                "clips": [f"clip{i}" for i in range(len(truth))],
                "people": [person] * len(truth),
                "truth": list(truth),
                "predictions": list(predictions),
                "confidence": [0.5] * len(truth),
            }
        )
        position += len(truth)
    return found


def made(per_fold: list[dict[str, Any]], classes: Sequence[str] = CLASSES, **changes: Any) -> dict[str, Any]:
    """What results.json holds for these rows; ``changes`` replace top-level keys."""
    seeds = list(dict.fromkeys(row["seed"] for row in per_fold))
    task = changes.get("task", "classes")
    found = [_scores([row for row in per_fold if row["seed"] == seed], task, len(classes)) for seed in seeds]
    mean = {key: float(np.mean([getattr(one, key) for one in found])) for key in ("accuracy", "uf1", "uar")}
    width, words = spread(folds_of(per_fold), len(classes), task)
    folds = len(per_fold) // len(seeds)
    results = {
        "format": "emonas-results", "version": 1, "dataset": "micro", "database": "casme2", "protocol": "loso",
        "protocol_in_words": f"leave one subject out, {folds} folds, predictions pooled", "task": task,
        "classes": list(classes), "n_samples": sum(row["n"] for row in per_fold) // len(seeds), "n_subjects": folds,
        "n_folds": folds, "seeds": seeds, "epoch_rule": "last", "epoch_rule_in_words": "last epoch, fixed beforehand",
        **mean, "chance": mean, "confusion": None, "per_class": [asdict(one) for one in class_rows(found, classes)],
        "spread": asdict(width),
        "interval_in_words": words, "per_seed": [{"seed": seed, **mean} for seed in seeds], "per_fold": per_fold,
        "parts": [], "model": {"arch": "genotype", "cells": 4, "channels": 16, "parameters": 81234},
        "parameters": 81234, "recipe": {"epochs": 5}, "search_saw_test_subjects": False, "seen_subjects": [],
        "leaks": [], "input": {"size": 64}, "command": "emonas-train", "versions": {}, "seconds": 1.5,
    }  # fmt: skip
    return {**results, **changes}


def folds_of(per_fold: Sequence[dict[str, Any]]) -> list[FoldAnswers]:
    """Rows as a reader of results.json gives them."""
    return [msgspec.convert(row, FoldAnswers) for row in per_fold]


def results_of(data: Mapping[str, Any]) -> Results:
    """What results.json holds as a reader gives it, without the checks of a whole file."""
    return msgspec.convert(data, Results)


def _scores(per_fold: Iterable[dict[str, Any]], task: str, classes: int) -> Any:
    per_fold = list(per_fold)
    truth, predictions = (np.concatenate([row[key] for row in per_fold]) for key in ("truth", "predictions"))
    return unit_scores(truth, predictions) if task == "units" else scores(truth, predictions, classes)


def written(path: Path, results: Mapping[str, Any]) -> Path:
    """The file with these results."""
    write_json(path, results)
    return path
