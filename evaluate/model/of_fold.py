"""The network of one fold of a training, and what the training's results say of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
from msgspec import UNSET

from emonas.datasets.protocols.protocol import Fold
from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.model.file import build_network, inference_weights
from emonas.evaluate.model.info import NORMALISATION, ModelInfo, ModelScore, SeenData
from emonas.evaluate.model.model import Model
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.record import FoldAnswers, Measured, Origin, Results
from emonas.evaluate.results.words import doubts_in_words, numbers_in_words, recipe_in_words, whom_in_words
from emonas.genotype import Genotype
from emonas.options.types import DeviceName
from emonas.training import checkpoint

#: What every fold of a finished training leaves in its folder.
WEIGHTS = "network.pt"


def read_fold(folder: Path, device: DeviceName = "auto") -> Model:
    """The network in a fold's folder, RUN/seedN/FOLD. Raises UserError where the training has not ended."""
    results = read_results(folder.resolve().parents[1])
    row = _row(folder.resolve(), results)
    return model_in(folder, info_of_fold(results, row, genotype_in(folder)), device)


def model_in(folder: Path, info: ModelInfo, device: DeviceName = "auto") -> Model:
    """The trained weights of a folder as the network that ``info`` describes. Raises UserError."""
    place = pick_device(device)
    weights = checkpoint.load(folder / WEIGHTS).get("network")
    if not isinstance(weights, dict):
        raise UserError(f"{folder / WEIGHTS}: not a trained network")
    network = build_network(info, inference_weights(weights), str(folder / WEIGHTS))
    return Model(info, network.to(place), place)


def genotype_in(folder: Path) -> Genotype | None:
    """The cells of a fold's network; None for a well-known network."""
    path = folder / "genotype.json"
    return Genotype.load(path) if path.exists() else None


def info_of_fold(results: Results, row: FoldAnswers, genotype: Genotype | None) -> ModelInfo:
    """What the results say of the weights of one fold, a row of ``per_fold``."""
    seen = [_seen(origin, origin.people.get(row.fold, origin.people.get("", ()))) for origin in trained_on(results)]
    return info_of(results, genotype, seen, fold_score(results, row))


def info_of(results: Results, genotype: Genotype | None, seen: Sequence[SeenData], score: ModelScore) -> ModelInfo:
    """What the results say of any weights of a training. ``seen``: what the weights have learnt from."""
    return ModelInfo(
        arch=results.model.arch,
        genotype=genotype,
        cells=results.model.cells if genotype else None,
        channels=results.model.channels if genotype else None,
        task=results.task,
        names=results.classes,
        input=results.input,
        normalisation=NORMALISATION,
        trained_on=tuple(seen),
        score=score,
        versions=results.versions,
    )


def _seen(origin: Origin, people: Sequence[str]) -> SeenData:
    return SeenData(
        dataset=origin.dataset,
        database=origin.database,
        fingerprint=origin.fingerprint,
        protocol=origin.protocol,
        subjects_known=origin.subjects_known,
        people=tuple(people),
    )


def everybody_seen(results: Results, everybody: Sequence[str]) -> list[SeenData]:
    """What weights have learnt from that were trained once more on everybody in the data set."""
    own, *start = trained_on(results)
    of_start = [_seen(origin, next(iter(origin.people.values()), ())) for origin in start]
    return [replace(_seen(own, everybody), protocol="all"), *of_start]


def trained_on(results: Results) -> tuple[Origin, ...]:
    """What was trained on. Raises UserError where the results are too old to say it."""
    if not results.trained_on:
        raise UserError("the results do not say what was trained on; run the same emonas-train again")
    return results.trained_on


def fold_score(results: Results, row: FoldAnswers) -> ModelScore:
    """What is known of one fold's weights: the result itself, or where there are many folds the fold's own share."""
    if results.n_folds == 1:
        own = next(one for one in results.per_seed if one.seed == row.seed)
        words = f"{numbers_in_words(own)} {whom_in_words(results)}{doubts_in_words(results)}"
        return pooled_score(results, own, words)
    accuracy = float((np.array(row.truth) == np.array(row.predictions)).mean())
    words = (
        f"accuracy {accuracy:.3f} on the {row.n} samples that its fold tested; all folds together: "
        f"{recipe_in_words(results)}"
    )
    pooled = pooled_score(results, results, words)
    return replace(pooled, accuracy=accuracy, uf1=UNSET, uar=UNSET, n_samples=row.n, n_subjects=None)


def pooled_score(results: Results, scores: Measured, words: str) -> ModelScore:
    """Scores of a training, how they were come by, and what both say ``words``, as a model file keeps them."""
    return ModelScore(
        accuracy=scores.accuracy,
        uf1=scores.uf1,
        uar=scores.uar,
        dataset=results.dataset,
        chance=results.chance,
        n_samples=results.n_samples,
        n_subjects=results.n_subjects,
        protocol=results.protocol,
        protocol_in_words=results.protocol_in_words,
        epoch_rule=results.epoch_rule,
        search_saw_test_subjects=results.search_saw_test_subjects,
        leaks=results.leaks,
        in_words=words,
    )


def _row(folder: Path, results: Results) -> FoldAnswers:
    for row in results.per_fold:
        if (f"seed{row.seed}", Fold.folder(row.fold)) == (folder.parent.name, folder.name):
            return row
    raise UserError(f"{folder}: not a fold of the run in {folder.parents[1]}")


#: The name of the fold in which everybody is learnt from.
FINAL = "final"
