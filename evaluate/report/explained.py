"""What spoke for the answers of a training, for its report, from what explain_folds.py left in the run folder."""

from __future__ import annotations

import zipfile
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from emonas.console import warn
from emonas.evaluate.explain.summary import (
    HALVES_IN_WORDS,
    MAPS,
    MEANS,
    SAMPLES,
    describe_incomplete,
    means,
    share_columns,
    share_row,
)
from emonas.evaluate.report.figures import data_uri
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import answer_rows

HOW_TO = (
    "What in the pictures spoke for the answers can be shown here too: emonas-report RUN --explain. "
    "It needs pip install 'emonas[explain]'."
)
_CAUTION = (
    "The maps show what the network looks at. They are no evidence of what a face expresses, nor that the network is "
    "right; a single map is rough, and so is the mean of a few."
)


@dataclass(frozen=True)
class Explanations:
    """Two figures as texts of an ``<img src>``, a table of shares with its note, and what is said before and after."""

    means: str
    samples: str
    columns: Sequence[str]
    rows: Sequence[tuple[str, ...]]
    note: str
    before: str
    after: Sequence[str]


def find_explanations(run: Path, results: Results) -> Explanations | None:
    """What lies in the run folder; None where nothing does, or what belongs to other answers than the results'."""
    try:
        with np.load(run / MAPS, allow_pickle=False) as file:
            stored = dict(file)
        drawn = [data_uri("image/png", (run / name).read_bytes()) for name in (MEANS, SAMPLES)]
        if not _of(stored, results):
            warn(f"no explanations in the report: {run / MAPS} is of other answers; make them again with --explain")
            return None
        return _explanations(stored, drawn, results)
    except FileNotFoundError:
        return None
    # What numpy raises for a damaged archive depends on where it is damaged.
    except (OSError, ValueError, KeyError, IndexError, EOFError, zipfile.BadZipFile):
        warn(f"no explanations in the report: {run / MAPS} is damaged; make them again with --explain")
        return None


def _of(stored: Mapping[str, np.ndarray], results: Results) -> bool:
    """Whether the maps are of the answers that the first seed's networks gave."""
    given = {row.position: row.prediction for row in answer_rows(results) if row.seed == results.seeds[0]}
    told = zip(stored["positions"].tolist(), stored["predictions"].tolist(), strict=True)
    return all(given.get(position) == prediction for position, prediction in told)


def _explanations(stored: Mapping[str, np.ndarray], drawn: Sequence[str], results: Results) -> Explanations:
    kind = results.input["representation"]
    found = means(stored["maps"], stored["targets"], stored["channels"] if stored["channels"].size else None, kind)
    n, incomplete = len(stored["complete"]), int((~stored["complete"]).sum())
    what = "its answer, against the other classes" if results.task == "classes" else "its most probable action unit"
    before = (
        f"{n} tested samples, with seed {results.seeds[0]}. Each is explained by the network that was "
        f"tested on it: what spoke for {what}, by integrated gradients."
    )
    notes = [f"{describe_incomplete(incomplete, n)}."] if incomplete else []
    return Explanations(
        means=drawn[0],
        samples=drawn[1],
        columns=("explained", "n", *share_columns(found, kind)),
        rows=[(results.classes[mean.target], str(mean.n), *share_row(mean)) for mean in found],
        note=HALVES_IN_WORDS,
        before=before,
        after=[*notes, _CAUTION],
    )
