"""The result of a training: results.json, the tables and pictures beside it, and the table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np

from emonas.cost import count_parameters
from emonas.datasets.protocols.protocol import Fold, describe_protocol
from emonas.device import versions
from emonas.evaluate.report.page import write_report
from emonas.evaluate.results.bootstrap import spread
from emonas.evaluate.results.file import FORMAT, NAME, VERSION
from emonas.evaluate.results.megc import log_text, megc_answers
from emonas.evaluate.results.metrics import (
    MEASURES,
    chance,
    class_rows,
    part_rows,
    parts,
    scores,
    unit_chance,
    unit_scores,
)
from emonas.evaluate.results.tables import write_csv, write_tex
from emonas.evaluate.results.words import marks
from emonas.evaluate.train.config import command
from emonas.evaluate.train.fold_task import FoldResult
from emonas.evaluate.train.leaks import find_leaks, people_in, search_has_seen
from emonas.evaluate.train.network import StackedCells, build_network
from emonas.evaluate.train.plan import TrainPlan, recipe_block
from emonas.evaluate.train.pretrained import trained_on
from emonas.evaluate.train.task import Task, train_and_validation
from emonas.files import write_json, write_text
from emonas.plotting.figures import draw_confusion, save_figure

EPOCH_RULES = {
    "last": "last epoch, fixed beforehand",
    "inner": "best epoch on people held out of the training part",
    "test-best": "best epoch on the tested people themselves: selected on the test subject",
}


def make_results(judged: TrainPlan, answers: Sequence[FoldResult], seconds: float | None = None) -> dict[str, Any]:
    """Everything that results.json holds; scores come from predictions pooled over all folds, seed by seed."""
    task = judged.task
    rows = [_fold_row(task, answer) for answer in answers]
    seeds = list(dict.fromkeys(row["seed"] for row in rows))
    return {
        "format": FORMAT,
        "version": VERSION,
        **_protocol(judged, answers, seeds),
        **_scores(task, [[one for one in answers if one.seed == seed] for seed in seeds], seeds),
        **_spread(task, rows),
        "per_fold": rows,
        **_network(judged),
        **_seen(judged),
        "recipe": recipe_block(judged),
        "input": {"size": task.prepared.size, "channels": task.prepared.channels, **task.prepared.options},
        "command": command(judged.asked),
        "versions": versions(),
        "seconds": seconds,
    }


def _protocol(judged: TrainPlan, answers: Sequence[FoldResult], seeds: list[int]) -> dict[str, Any]:
    prepared = judged.prepared
    tested = {person for fold in judged.folds for person in people_in(prepared, fold.test)}
    return {
        "dataset": prepared.name,
        "database": prepared.dataset,
        "protocol": judged.protocol,
        "protocol_in_words": describe_protocol(judged.protocol, judged.folds, prepared.samples),
        "task": "units" if judged.task.units else "classes",
        "classes": list(judged.task.names),
        "n_samples": sum(len(answer.test) for answer in answers) // len(seeds),
        "n_subjects": len(tested) if prepared.subjects_known else None,
        "n_folds": len(judged.folds),
        "seeds": seeds,
        "epoch_rule": judged.epoch_rule,
        "epoch_rule_in_words": EPOCH_RULES[judged.epoch_rule],
    }


def _scores(task: Task, of_seeds: Sequence[Sequence[FoldResult]], seeds: list[int]) -> dict[str, Any]:
    """Means over the seeds of the scores that each seed's pooled predictions have."""
    truths = [np.concatenate([task.truth[one.test] for one in answers]) for answers in of_seeds]
    said = [np.concatenate([task.decide(one.probabilities) for one in answers]) for answers in of_seeds]
    if task.units:
        pooled: Any = [unit_scores(truth, predictions) for truth, predictions in zip(truths, said, strict=True)]
        guess = unit_chance(truths[0])
        confusion = None
    else:
        pooled = [scores(*pair, len(task.names)) for pair in zip(truths, said, strict=True)]
        always = chance(truths[0], len(task.names))
        guess = {key: getattr(always, key) for key in MEASURES}
        confusion = sum(one.confusion for one in pooled).tolist()
    return {
        **{key: float(np.mean([getattr(one, key) for one in pooled])) for key in MEASURES},
        "chance": guess,
        "confusion": confusion,
        "per_class": class_rows(pooled, task.names),
        "per_seed": [
            {"seed": seed, **{key: getattr(one, key) for key in MEASURES}}
            for seed, one in zip(seeds, pooled, strict=True)
        ],
        "parts": _parts(task, of_seeds, truths, said),
    }


def _parts(
    task: Task, of_seeds: Sequence[Sequence[FoldResult]], truths: list[np.ndarray], said: list[np.ndarray]
) -> list[dict[str, Any]]:
    """The scores of each source of a composite, and of all; nothing where there is one source."""
    if task.units or len({sample.dataset for sample in task.prepared.samples}) < 2:
        return []
    found = []
    for answers, truth, predictions in zip(of_seeds, truths, said, strict=True):
        sources = [task.prepared.samples[i].dataset for answer in answers for i in answer.test]
        found.append(parts(truth, predictions, sources, len(task.names)))
    return part_rows(found)


def _spread(task: Task, rows: list[dict[str, Any]]) -> dict[str, Any]:
    kind = "units" if task.units else "classes"
    block, words = spread(rows, len(task.names), kind, task.prepared.subjects_known)
    return {"spread": block, "interval_in_words": words}


def _fold_row(task: Task, answer: FoldResult) -> dict[str, Any]:
    prepared, predictions = task.prepared, task.decide(answer.probabilities)
    sure = [] if task.units else answer.probabilities.max(1).tolist()
    return {
        "seed": answer.seed,
        "fold": answer.name,
        "subjects": sorted(people_in(prepared, answer.test)) if prepared.subjects_known else [],
        "n": len(answer.test),
        "epoch": answer.epoch,
        "positions": answer.test.tolist(),
        "clips": [prepared.samples[i].clip for i in answer.test],
        "people": [prepared.samples[i].person for i in answer.test],
        "truth": task.truth[answer.test].tolist(),
        "predictions": predictions.tolist(),
        "confidence": sure,
    }


def _network(judged: TrainPlan) -> dict[str, Any]:
    of_folds = judged.networks
    different = [network for i, network in enumerate(of_folds) if network not in of_folds[:i]]
    networks = [build_network(network, judged.prepared, len(judged.task.names)) for network in different]
    counts = [count_parameters(networks[different.index(network)]) for network in of_folds]
    parameters = round(sum(counts) / len(counts))
    first = of_folds[0]
    model = {
        "arch": "genotype" if isinstance(first, StackedCells) else first.arch,
        "cells": first.cells if isinstance(first, StackedCells) else None,
        "channels": first.channels if isinstance(first, StackedCells) else None,
        "parameters": parameters,
        "parameters_of_folds": [min(counts), max(counts)],
    }
    return {"model": model, "parameters": parameters}


def _looked_at(judged: TrainPlan, fold: Fold) -> set[str]:
    """The people whom a fold's network was made with: who was learnt from, and who chose the epoch."""
    prepared = judged.prepared
    sides = train_and_validation(fold, judged.epoch_rule, judged.seeds[0], prepared)
    return people_in(prepared, np.concatenate([fold.train, *sides]))


def _seen(judged: TrainPlan) -> dict[str, Any]:
    """Who was learnt from, by whom else they were seen, and what that spoils."""
    prepared = judged.prepared
    saw, people = search_has_seen(judged.folds, judged.genotypes, prepared)
    known = prepared.subjects_known
    learnt = {fold.name: sorted(_looked_at(judged, fold)) if known else [] for fold in judged.folds}
    own = (prepared.name, prepared.dataset, prepared.fingerprint, judged.protocol, known)
    return {
        "search_saw_test_subjects": saw,
        "seen_subjects": people,
        "leaks": find_leaks(judged.folds, judged.genotypes, prepared, judged.pretrained),
        "pretrained": str(judged.pretrained.run) if judged.pretrained else None,
        "trained_on": trained_on(*own, learnt, judged.pretrained),
    }


def write_results(judged: TrainPlan, results: dict[str, Any]) -> None:
    """Write results.json and what people look at: tables, the confusion matrix, MEGC's log, the report."""
    out = judged.out
    if results["confusion"]:
        figure = draw_confusion(np.array(results["confusion"]), results["classes"], _title(results))
        save_figure(figure, out / "confusion.png")
    if results["database"] == "megc2019" and not judged.task.units:
        write_text(out / "megc_log.txt", log_text(megc_answers(results)))
    write_csv(out, results)
    write_tex(out, results)
    write_report(out, results, judged.prepared, judged.genotypes, pictures=judged.pictures)
    write_json(out / NAME, results)


def _title(results: dict[str, Any]) -> str:
    scored = f"{results['dataset']}: UAR {results['uar']:.3f}, UF1 {results['uf1']:.3f}, n = {results['n_samples']}"
    return "\n".join([scored, *marks(results)])
