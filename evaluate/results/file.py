"""Reading and writing results.json, and refusing what is damaged or of another version."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from emonas.errors import UserError
from emonas.evaluate.results.record import Answer, FoldAnswers, Results
from emonas.records import Format, read_record, shorten, write_record

NAME = "results.json"
#: Pixels a side, and channels, that pictures may have.
MOST_SIDE = 4096


def read_results(path: Path) -> Results:
    """The results in a file, or in the run folder of a training.

    Raises UserError, in one line that names the file, for what is missing, another format or version, or damaged.
    """
    if not path.is_dir():
        return read_record(path, FORMAT)
    if not (path / NAME).is_file():
        raise UserError(f"{path}: no {NAME} in it; is it the run folder of an emonas-train that has ended?")
    return read_record(path / NAME, FORMAT)


def write_results(folder: Path, results: Results) -> None:
    """Write results.json in a run folder, whole or not at all. Raises UserError."""
    write_record(folder / NAME, results, FORMAT)


def check_results(results: Results) -> None:
    """Every row is whole, every seed has tested each sample once, tables fit the classes. Raises ValueError."""
    if not results.per_fold:
        raise ValueError('"per_fold" lists no folds')
    tested: dict[int, list[tuple[str, str, int]]] = {seed: [] for seed in results.seeds}
    for i, row in enumerate(results.per_fold):
        _check_row(row, f'"per_fold" item {i + 1}: ', results)
        tested[row.seed] += zip(row.people, row.clips, row.positions, strict=True)
    if {len(keys) for keys in tested.values()} != {results.n_samples}:
        raise ValueError(f'a seed has not answered on {results.n_samples} samples, as "n_samples" says')
    samples = sorted(tested[results.seeds[0]])
    if any(sorted(keys) != samples for keys in tested.values()):
        raise ValueError("the seeds have tested different samples")
    if {one.seed for one in results.per_seed} != set(results.seeds):
        raise ValueError('"per_seed" is of other seeds than "seeds"')
    _check_tables(results)
    _check_input(results)


def _check_input(results: Results) -> None:
    """The size and the channels of the pictures, where they are told, are those of pictures."""
    for key in ("size", "channels"):
        value = results.input.get(key, 1)
        if type(value) is not int or not 1 <= value <= MOST_SIDE:
            raise ValueError(f'"input": {key} must be a whole number from 1 to {MOST_SIDE}, not {shorten(value)}')


def _check_tables(results: Results) -> None:
    classes = len(results.classes)
    if tuple(one.name for one in results.per_class) != results.classes:
        raise ValueError('"per_class" names other classes than "classes"')
    if results.confusion is None:
        return
    if {len(row) for row in (results.confusion, *results.confusion)} != {classes}:
        raise ValueError(f'"confusion" is no table of {classes} x {classes}')
    counted = np.zeros((classes, classes), np.int64)
    for row in results.per_fold:
        np.add.at(counted, (np.array(row.truth), np.array(row.predictions)), 1)
    if results.task == "units" or counted.tolist() != [list(row) for row in results.confusion]:
        raise ValueError('"confusion" does not count the answers in "per_fold"')


def _check_row(row: FoldAnswers, place: str, results: Results) -> None:
    if row.seed not in results.seeds:
        raise ValueError(f'{place}its seed is not among the "seeds"')
    if nameless := [person for person in row.people if "/" not in person]:
        raise ValueError(f'{place}"people" must be DATASET/SUBJECT, not {shorten(nameless[0])}')
    _check_answers(row.truth, row.n, f'{place}"truth"', results)
    _check_answers(row.predictions, row.n, f'{place}"predictions"', results)
    if any(len(names) != row.n for names in (row.clips, row.people, row.positions, row.confidence or row.clips)):
        raise ValueError(f"{place}names other than {row.n} samples")


def _check_answers(given: tuple[Answer, ...], n: int, place: str, results: Results) -> None:
    """One answer for each of ``n`` samples: a class, or 0 or 1 for each unit."""
    try:
        answers = np.array(given)
    except ValueError:
        raise ValueError(f"{place} has lists of different lengths") from None
    classes, units = len(results.classes), results.task == "units"
    wanted, most = ((n, classes), 1) if units else ((n,), classes - 1)
    if answers.shape != wanted or answers.dtype.kind != "i" or answers.min() < 0 or answers.max() > most:
        raise ValueError(f"{place} does not hold {n} answers from 0 to {most}")


FORMAT = Format(
    Results,
    "emonas-results",
    foreign="not results of this emonas; emonas-train writes them",
    other_version="train again",
    repair="train again or take a whole copy",
    paths=frozenset({"command", "input", "pretrained"}),
    check=check_results,
)
