"""The log of predictions that MEGC2019 asks for, from results and back to scores."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from emonas.datasets.megc_log import Answer
from emonas.errors import UserError

from .metrics import Scores, parts
from .pooled import pooled
from .results_file import Results

#: The classes by their numbers in the log.
CLASSES = ("negative", "positive", "surprise")


def megc_answers(results: Results, seed: int | None = None) -> list[Answer]:
    """One seed's answers as the log lists them; ``emonas.datasets.megc_log.log_text`` writes them.

    ``seed`` None takes the first. Raises UserError for other classes than the challenge's and for a seed not there.
    """
    if sorted(results["classes"]) != sorted(CLASSES):
        raise UserError(f"MEGC's log is for {', '.join(CLASSES)}; not for {', '.join(results['classes'])}")
    wanted = results["seeds"][0] if seed is None else seed
    if wanted not in results["seeds"]:
        raise UserError(f"no seed {wanted} in these results; there are {', '.join(map(str, results['seeds']))}")
    numbers = [CLASSES.index(name) for name in results["classes"]]
    (answers,) = pooled(row for row in results["per_fold"] if row["seed"] == wanted)
    return [
        Answer(*_source_and_subject(person), clip, numbers[truth], numbers[predicted])
        for (person, clip), truth, predicted in zip(answers.keys, answers.truth, answers.predictions, strict=True)
    ]


def _source_and_subject(person: str) -> tuple[str, str]:
    source, _, subject = person.partition("/")
    return source, subject


def log_scores(answers: Sequence[Answer]) -> dict[str, Scores]:
    """The challenge's scores of a log: "full", then each source's. Raises UserError for an unknown class."""
    if strange := {number for one in answers for number in (one.truth, one.predicted) if number >= len(CLASSES)}:
        raise UserError(f"MEGC's log has the classes 0 to {len(CLASSES) - 1}, not {min(strange)}")
    truth, predictions = (np.array([getattr(one, key) for one in answers]) for key in ("truth", "predicted"))
    return parts(truth, predictions, [one.source for one in answers], len(CLASSES))
