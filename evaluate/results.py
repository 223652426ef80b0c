"""The result of a training: results.json, the table on the terminal, the confusion matrix as a picture."""

from __future__ import annotations

import shlex
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np

from emonas.console import say, show_table, warn
from emonas.cost import count_parameters
from emonas.datasets.prepared import Prepared
from emonas.datasets.protocol import Fold, in_words
from emonas.device import versions
from emonas.files import write_json
from emonas.genotype import Genotype
from emonas.picture import draw_confusion, save_figure

from .config import TrainConfig
from .fold import FoldResult, build_network
from .leaks import search_saw, seen_people, together
from .metrics import chance, scores

EPOCH_RULES = {
    "last": "last epoch, fixed beforehand",
    "inner": "best epoch on people held out of the training part",
}


def make_results(
    config: TrainConfig,
    protocol: str,
    prepared: Prepared,
    parts: Sequence[Fold],
    genotypes: Sequence[Genotype],
    answers: Sequence[FoldResult],
) -> dict[str, Any]:
    """Everything that results.json holds; scores come from predictions pooled over all folds."""
    truth = np.concatenate([prepared.labels[answer.test] for answer in answers])
    predictions = np.concatenate([answer.predictions for answer in answers])
    pooled = scores(truth, predictions, len(prepared.classes))
    guess = chance(truth, len(prepared.classes))
    pairs = [(genotype, _people(prepared, fold.test)) for fold, genotype in zip(parts, genotypes, strict=True)]
    seen = sorted({person for genotype, people in pairs for person in seen_people(genotype, people)})
    saw = together(search_saw(genotype, prepared, people) for genotype, people in pairs)
    tested = {person for fold in parts for person in _people(prepared, fold.test)}
    return {
        "dataset": prepared.name,
        "protocol": protocol,
        "protocol_in_words": in_words(protocol, parts, prepared.samples),
        "classes": list(prepared.classes),
        "n_samples": len(truth),
        "n_subjects": len(tested) if prepared.subjects_known else None,
        "n_folds": len(parts),
        "seeds": [config.seed],
        "epoch_rule": config.epoch_rule,
        "epoch_rule_in_words": EPOCH_RULES[config.epoch_rule],
        "accuracy": pooled.accuracy,
        "uf1": pooled.uf1,
        "uar": pooled.uar,
        "chance": {"accuracy": guess.accuracy, "uf1": guess.uf1, "uar": guess.uar},
        "confusion": pooled.confusion.tolist(),
        "per_fold": [_fold_json(prepared, answer) for answer in answers],
        "parameters": count_parameters(build_network(genotypes[0], config, prepared)),
        "search_saw_test_subjects": saw,
        "seen_subjects": seen,
        "input": {"size": prepared.size, "channels": prepared.channels, **prepared.options},
        "command": shlex.join(["emonas-train", *sys.argv[1:]]),
        "versions": versions(),
    }


def _people(prepared: Prepared, positions: np.ndarray) -> set[str]:
    return {prepared.samples[i].person for i in positions}


def _fold_json(prepared: Prepared, answer: FoldResult) -> dict[str, Any]:
    return {
        "fold": answer.name,
        "subjects": sorted(_people(prepared, answer.test)) if prepared.subjects_known else [],
        "n": len(answer.test),
        "epoch": answer.epoch,
        "truth": prepared.labels[answer.test].tolist(),
        "predictions": answer.predictions.tolist(),
    }


def write_results(out: Path, results: dict[str, Any]) -> None:
    """Write results.json and confusion.png."""
    title = f"{results['dataset']}: UAR {results['uar']:.3f}, UF1 {results['uf1']:.3f}, n = {results['n_samples']}"
    figure = draw_confusion(np.array(results["confusion"]), results["classes"], title)
    save_figure(figure, out / "confusion.png")
    write_json(out / "results.json", results)


def show_results(out: Path, results: dict[str, Any]) -> None:
    """The table on the terminal: each number beside its chance level, with its protocol in words."""
    guess = results["chance"]
    people = "people unknown" if results["n_subjects"] is None else f"{results['n_subjects']} unseen people"
    rows = [
        (name, f"{results[key]:.3f}", f"{guess[key]:.3f}")
        for name, key in (("accuracy", "accuracy"), ("UF1", "uf1"), ("UAR", "uar"))
    ]
    show_table(
        f"{results['dataset']}: {results['n_samples']} samples, {people}", ("", "result", "chance"), rows, (1, 2)
    )
    names = results["classes"]
    counts = [(f"{name}", *row) for name, row in zip(names, results["confusion"], strict=True)]
    show_table("Answers (truth in rows)", ("", *names), counts, range(1, len(names) + 1))
    seeds = ", ".join(str(seed) for seed in results["seeds"])
    say(f"protocol   {results['protocol_in_words']}")
    say(f"epoch      {results['epoch_rule_in_words']}; seed {seeds}; chance = always the largest class")
    say(f"network    {results['parameters']:,} parameters (auxiliary head not counted)")
    _say_leak(results)
    say(f"results    {out / 'results.json'}, {out / 'confusion.png'}")
    say(f"watch      tensorboard --logdir {out}")


def _say_leak(results: dict[str, Any]) -> None:
    seen = results["seen_subjects"]
    if seen:
        warn(
            f"the search saw {len(seen)} of the tested people, so the cells were chosen with their help; "
            f"for clean cells use emonas-search --protocol {results['protocol']} or --exclude-subjects"
        )
    elif results["search_saw_test_subjects"]:
        warn("the search saw the tested part too; for clean cells use emonas-search --protocol fixed")
    elif results["search_saw_test_subjects"] is None:
        warn("from the genotype it cannot be told whether the search saw tested people")
