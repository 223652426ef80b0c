"""The report of a finished training, made again from its run folder: after a profile, or without pictures."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from emonas.console import say, warn
from emonas.datasets.store.prepare import find
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.explain.folds import explain_run
from emonas.evaluate.model.genotypes import load_genotypes
from emonas.evaluate.report.page import write_report
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import write_csv, write_tex
from emonas.files import read_json
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
    written = [
        *made,
        write_report(run, results, _prepared(results) if pictures else None, _genotypes(run, results), pictures),
        write_csv(run, results),
        write_tex(run, results),
    ]
    say(f"written: {', '.join(map(str, written))}")


def _explained(run: Path, results: Results) -> list[Path]:
    return explain_run(run, results, find(results.dataset))


def _prepared(results: Results) -> Prepared | None:
    try:
        return find(results.dataset)
    except UserError as error:
        warn(f"no pictures in the report: {error}")
        return None


def _genotypes(run: Path, results: Results) -> Sequence[Genotype]:
    """The judged cells: the run folder's, or one for each fold from where the search left them."""
    if results.model.arch != "genotype":
        return []
    try:
        if (run / "genotype.json").exists():
            return [Genotype.load(run / "genotype.json")]
        found = load_genotypes(Path(str(read_json(run / "config.json")["genotype"])))
        return [found.shared] if found.shared else [*found.by_fold.values()]
    except (UserError, KeyError, TypeError):
        warn("no cells in the report: they are not in the run folder, nor where its config.json says")
        return []
