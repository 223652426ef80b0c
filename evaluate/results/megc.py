"""The log of predictions that MEGC2019 asks for, from results and back to scores.

For each tested subject a line with the source database and the subject, then one for each of its clips:

    casme2 sub01
    EP02_01f 1 1

with the true class and the predicted one as numbers: 0 negative, 1 positive, 2 surprise. One log holds the answers of
all folds; scores are taken from them together, for all clips and for those of each source.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

import numpy as np

from emonas.datasets.reading.tables import shorten
from emonas.errors import UserError
from emonas.evaluate.results.bootstrap import pool_answers
from emonas.evaluate.results.metrics import Scores, parts
from emonas.evaluate.results.record import Results

#: The classes by their numbers in the log.
CLASSES = ("negative", "positive", "surprise")


def megc_answers(results: Results, seed: int | None = None) -> list[Answer]:
    """One seed's answers as the log lists them; ``emonas.datasets.megc_log.log_text`` writes them.

    ``seed`` None takes the first. Raises UserError for other classes than the challenge's and for a seed not there.
    """
    if sorted(results.classes) != sorted(CLASSES):
        raise UserError(f"MEGC's log is for {', '.join(CLASSES)}; not for {', '.join(results.classes)}")
    wanted = results.seeds[0] if seed is None else seed
    if wanted not in results.seeds:
        raise UserError(f"no seed {wanted} in these results; there are {', '.join(map(str, results.seeds))}")
    numbers = [CLASSES.index(name) for name in results.classes]
    (answers,) = pool_answers(row for row in results.per_fold if row.seed == wanted)
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


class Answer(NamedTuple):
    """One clip's true and predicted class; ``source`` is the database that it comes from."""

    source: str
    subject: str
    clip: str
    truth: int
    predicted: int


def log_text(answers: Iterable[Answer]) -> str:
    """The log of these answers: subjects in the order in which they first occur, their clips in the order given.

    Raises UserError for names that are empty or hold blanks, which the log cannot tell apart.
    """
    subjects: dict[tuple[str, str], list[str]] = {}
    for answer in answers:
        for name in (answer.source, answer.subject, answer.clip):
            if name.split() != [name]:
                raise UserError(f"MEGC's log takes names without blanks only, not {name!r}")
        lines = subjects.setdefault((answer.source, answer.subject), [])
        lines.append(f"{answer.clip} {answer.truth} {answer.predicted}\n")
    return "".join(f"{source} {subject}\n{''.join(lines)}" for (source, subject), lines in subjects.items())


def read_log(text: str, name: str = "MEGC's log") -> list[Answer]:
    """The answers in a log, in its order. Raises UserError, with ``name`` and the line, for what is no such log."""
    answers: list[Answer] = []
    subject: tuple[str, str] | None = None
    for number, line in enumerate(text.splitlines(), 1):
        words = line.split()
        if len(words) == 2:
            subject = words[0], words[1]
        elif len(words) == 3 and subject and all(word.isascii() and word.isdigit() for word in words[1:]):
            answers.append(Answer(*subject, words[0], int(words[1]), int(words[2])))
        elif words:
            wanted = "'clip truth prediction' below 'source subject'"
            raise UserError(f"{name}: line {number} is not {wanted}: {shorten(line.strip())!r}")
    if not answers:
        raise UserError(f"{name}: no answers in it")
    return answers
