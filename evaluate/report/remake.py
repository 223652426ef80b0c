"""The report of a finished training, made again from its run folder: after a profile, or without pictures."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path

from emonas.console import say, warn
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.explain.folds import explain_run
from emonas.evaluate.model.genotypes import load_genotypes
from emonas.evaluate.model.of_fold import genotype_in
from emonas.evaluate.report.page import write_report
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import write_csv, write_tex
from emonas.files import read_json, together
from emonas.genotype import Genotype


def remake_report(run: Path, pictures: bool, explain: bool = False) -> None:
    """Write report.html, results.csv and results.tex of a run folder anew; ``explain`` its answers first.

    Raises UserError where it holds no results, or what explaining needs is not there; what else is missing is left out
    of the report, with a note.
    """
    if explain and not pictures:
        raise UserError("--explain makes pictures of people; leave out --no-pictures")
    results = read_results(run)
    made = _explained(run, results) if explain else []
    prepared, genotypes = _prepared(results) if pictures else None, _genotypes(run, results)
    with together():
        written = [
            write_report(run, results, prepared, genotypes, pictures),
            write_csv(run, results),
            write_tex(run, results),
        ]
    say(f"written: {', '.join(map(str, [*made, *written]))}")


def _explained(run: Path, results: Results) -> list[Path]:
    return explain_run(run, results, find(results.dataset))


def _prepared(results: Results) -> Prepared | None:
    try:
        return find(results.dataset)
    except UserError as error:
        warn(f"no pictures in the report: {error}")
        return None


def _genotypes(run: Path, results: Results) -> Sequence[Genotype]:
    """The judged cells: the run folder's, each fold's own, or from where config.json of an older run says."""
    if results.model.arch != "genotype":
        return []
    try:
        if (run / "genotype.json").exists():
            return [Genotype.load(run / "genotype.json")]
        folders = [run / f"seed{row.seed}" / Fold.folder(row.fold) for row in results.per_fold]
        found = [cells for cells in map(genotype_in, folders) if cells]
        if len(found) == len(folders) > 0:
            # Each seed judges the same cells.
            return list({json.dumps(cells.as_json(), sort_keys=True): cells for cells in found}.values())
        cells = load_genotypes(Path(str(read_json(run / "config.json")["genotype"])))
        return [cells.shared] if cells.shared else [*cells.by_fold.values()]
    except (UserError, KeyError, TypeError):
        warn("no cells in the report: they are not in the run folder, nor where its config.json says")
        return []
