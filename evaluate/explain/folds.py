"""The explanations of a training: each fold's own network, on its own tested people.

They are left in the run folder, where the report finds them: the maps in explanations.npz, and two figures.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from emonas.console import progress
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.evaluate.explain.attribution import Attribution, captum_attr, concatenate, explain
from emonas.evaluate.explain.config import METHOD_NAMES
from emonas.evaluate.explain.figures import Explained, draw_means, draw_samples, mean_panels
from emonas.evaluate.explain.summary import MAPS, MEANS, SAMPLES, means, save_maps, spread_over
from emonas.evaluate.model.model import Model
from emonas.evaluate.model.of_fold import genotype_in, info_of_fold, model_in
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.tables import AnswerRow, answer_rows
from emonas.plotting.figures import save_figure

#: Explained samples of a run, and those of them that are shown by themselves.
MOST, SHOWN = 60, 6


def explain_run(run: Path, results: Results, prepared: Prepared) -> list[Path]:
    """Explain at most MOST tested samples of the first seed by integrated gradients; gives the files written.

    Raises UserError: captum is not installed, another prepared set than was tested, a fold without its network.
    """
    captum_attr()
    rows = [row for row in answer_rows(results) if row.seed == results.seeds[0]]
    rows = [rows[i] for i in spread_over([row.truth for row in rows], MOST)]
    if not all(_same(row, results, prepared) for row in rows):
        raise UserError(f"{prepared.name} has changed since this training, so its answers cannot be explained")
    rows.sort(key=lambda row: row.fold)
    attribution = _explain_by_folds(run, results, rows, prepared)
    kind, by = prepared.options["representation"], f"by {METHOD_NAMES['ig']}"
    pictures = np.array(prepared.images[[row.position for row in rows]])
    found = means(attribution.maps, attribution.targets, attribution.channels, kind)
    title = f"{results.dataset}: mean maps of {len(rows)} tested samples, {by}"
    save_figure(draw_means(mean_panels(found, pictures, results.classes), kind, title), run / MEANS)
    panels = [
        Explained(pictures[i], attribution.maps[i], _lines(rows[i], results, attribution, i))
        for i in _examples(rows, attribution)
    ]
    save_figure(draw_samples(panels, kind, f"{results.dataset}: single samples, {by}"), run / SAMPLES)
    save_maps(
        run / MAPS,
        maps=attribution.maps,
        channels=np.empty(0) if attribution.channels is None else attribution.channels,
        targets=attribution.targets,
        complete=attribution.complete,
        positions=np.array([row.position for row in rows]),
        predictions=np.array([row.prediction for row in rows]),
    )
    return [run / name for name in (MEANS, SAMPLES, MAPS)]


def _same(row: AnswerRow, results: Results, prepared: Prepared) -> bool:
    if not 0 <= row.position < len(prepared.samples):
        return False
    sample = prepared.samples[row.position]
    return bool(sample.person == row.person and (results.task == "units" or sample.label == row.truth))


def _explain_by_folds(run: Path, results: Results, rows: Sequence[AnswerRow], prepared: Prepared) -> Attribution:
    """Explain rows, sorted by their folds, each by its fold's network: the class that it answered."""
    found: list[Attribution] = []
    fold, model = None, None
    with progress("explaining", len(rows)) as step:
        for row in rows:
            if model is None or row.fold != fold:
                fold, model = row.fold, _network(run, results, row.fold)
            picture = np.array(prepared.images[row.position][None])
            target = None if model.info.units else row.prediction
            found.append(explain(model, picture, target))
            step(row.person)
    return concatenate(found)


def _network(run: Path, results: Results, fold: str) -> Model:
    seed = results.seeds[0]
    of_fold = next(one for one in results.per_fold if (one.seed, one.fold) == (seed, fold))
    folder = run / f"seed{seed}" / Fold.folder(fold)
    return model_in(folder, info_of_fold(results, of_fold, genotype_in(folder)))


def _examples(rows: Sequence[AnswerRow], attribution: Attribution) -> list[int]:
    """The surest right answer of each class as far as there is room, then the surest wrong ones."""
    surest = np.argsort(-attribution.probabilities.max(1), kind="stable").tolist()
    right: dict[int, int] = {}
    for i in surest:
        if rows[i].right:
            right.setdefault(int(attribution.targets[i]), i)
    wrong = [i for i in surest if not rows[i].right]
    chosen = [*sorted(right.values(), key=lambda i: int(attribution.targets[i])), *wrong, *surest]
    return list(dict.fromkeys(chosen))[:SHOWN]


def _lines(row: AnswerRow, results: Results, attribution: Attribution, i: int) -> tuple[str, ...]:
    target = int(attribution.targets[i])
    told = f"{results.classes[target]} {attribution.probabilities[i, target]:.2f}"
    return told, f"truth: {row.truth or 'none'}", row.person
