"""The network of one fold of a training, and what the training's results say of it."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.protocols.protocol import Fold
from emonas.device import pick_device
from emonas.errors import UserError
from emonas.evaluate.model.file import build_network, inference_weights
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.model import Model
from emonas.evaluate.results.file import Results, read_results
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.words import doubts_in_words, numbers_in_words, recipe_in_words, whom_in_words
from emonas.genotype import Genotype
from emonas.options import DeviceName
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


def info_of_fold(results: Results, row: Mapping[str, Any], genotype: Genotype | None) -> ModelInfo:
    """What the results say of the weights of one fold, a row of "per_fold"."""
    fold = row["fold"]
    seen = [
        {**origin, "people": origin["people"].get(fold, origin["people"].get("", []))} for origin in trained_on(results)
    ]
    return info_of(results, genotype, seen, fold_score(results, row))


def info_of(
    results: Results, genotype: Genotype | None, seen: list[dict[str, Any]], score: Mapping[str, Any]
) -> ModelInfo:
    """What the results say of any weights of a training. ``seen``: data sets, each with a list of its people."""
    model = results["model"]
    return ModelInfo(
        arch=model["arch"],
        genotype=genotype,
        cells=model["cells"] if genotype else None,
        channels=model["channels"] if genotype else None,
        task=results["task"],
        names=tuple(results["classes"]),
        input=results["input"],
        trained_on=tuple(seen),
        score=score,
        versions=results["versions"],
    )


def trained_on(results: Results) -> list[dict[str, Any]]:
    """The "trained_on" of results. Raises UserError where they are too old to have it."""
    try:
        return [{**origin, "people": dict(origin["people"])} for origin in results["trained_on"]]
    except (KeyError, TypeError, ValueError):
        raise UserError("the results do not say what was trained on; run the same emonas-train again") from None


def fold_score(results: Results, row: Mapping[str, Any]) -> dict[str, Any]:
    """What is known of one fold's weights: the result itself, or where there are many folds the fold's own share."""
    if results["n_folds"] == 1:
        seed = next(one for one in results["per_seed"] if one["seed"] == row["seed"])
        own = {key: seed[key] for key in MEASURES}
        return {
            **own,
            **describe_conditions(results),
            "in_words": f"{numbers_in_words(own)} {whom_in_words(results)}{doubts_in_words(results)}",
        }
    accuracy = float((np.array(row["truth"]) == np.array(row["predictions"])).mean())
    words = (
        f"accuracy {accuracy:.3f} on the {row['n']} samples that its fold tested; all folds together: "
        f"{recipe_in_words(results)}"
    )
    return {
        "accuracy": accuracy,
        **describe_conditions(results),
        "n_samples": row["n"],
        "n_subjects": None,
        "in_words": words,
    }


def describe_conditions(results: Results) -> dict[str, Any]:
    """How a training was judged, as a model file keeps it."""
    keys = ("dataset", "chance", "n_samples", "n_subjects", "protocol", "protocol_in_words", "epoch_rule")
    return {key: results[key] for key in (*keys, "search_saw_test_subjects", "leaks")}


def _row(folder: Path, results: Results) -> Mapping[str, Any]:
    for row in results["per_fold"]:
        if (f"seed{row['seed']}", Fold.folder(row["fold"])) == (folder.parent.name, folder.name):
            return row
    raise UserError(f"{folder}: not a fold of the run in {folder.parents[1]}")


#: The name of the fold in which everybody is learnt from.
FINAL = "final"
