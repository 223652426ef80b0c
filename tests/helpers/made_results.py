"""A made-up result of a training, in the shape of results.json: for what is made of results."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np

from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.results.metrics import chance, class_rows, scores
from emonas.files import write_json

SCORES = ("accuracy", "uf1", "uar")


def made_results(prepared: Prepared, seeds: Sequence[int] = (0, 1, 2), right: float = 0.6, **changes: Any) -> dict:
    """Answers to all samples of a prepared set, each person a fold, of which about the share ``right`` is right."""
    luck = np.random.default_rng(7)
    answers = {seed: _answers(prepared, luck, right) for seed in seeds}
    of_seeds = [scores(prepared.labels, given, len(prepared.classes)) for given in answers.values()]
    mean = {key: float(np.mean([getattr(one, key) for one in of_seeds])) for key in SCORES}
    guess = chance(prepared.labels, len(prepared.classes))
    std = {key: float(np.std([getattr(one, key) for one in of_seeds], ddof=1)) for key in SCORES if len(seeds) > 1}
    results = {
        "format": "emonas-results",
        "version": 1,
        "dataset": prepared.name,
        "database": prepared.dataset,
        "protocol": "loso",
        "protocol_in_words": f"leave one subject out, {len(prepared.subjects)} folds, predictions pooled",
        "task": "classes",
        "classes": list(prepared.classes),
        "n_samples": len(prepared.samples),
        "n_subjects": len(prepared.subjects),
        "n_folds": len(prepared.subjects),
        "seeds": list(seeds),
        "epoch_rule": "last",
        "epoch_rule_in_words": "last epoch, fixed beforehand",
        **mean,
        "chance": {key: getattr(guess, key) for key in SCORES},
        "confusion": np.sum([one.confusion for one in of_seeds], axis=0).tolist(),
        "per_class": [asdict(one) for one in class_rows(of_seeds, prepared.classes)],
        "spread": {
            key: {"std": std.get(key), "low": max(0.0, mean[key] - 0.08), "high": min(1.0, mean[key] + 0.07)}
            for key in SCORES
        },
        "interval_in_words": "95 % bootstrap interval over the tested people (2000 resamples)",
        "per_seed": [
            {"seed": seed, **{key: getattr(one, key) for key in SCORES}}
            for seed, one in zip(seeds, of_seeds, strict=True)
        ],
        "per_fold": [
            _fold(prepared, person, seed, given, luck)
            for seed, given in answers.items()
            for person in prepared.subjects
        ],
        "parts": [],
        "model": {"arch": "genotype", "cells": 3, "channels": 8, "parameters": 12_345},
        "parameters": 12_345,
        "recipe": {"epochs": 40, "batch_size": 16, "learning_rate": 0.025, "drop_path": 0.1, "no_auxiliary": False},
        "search_saw_test_subjects": False,
        "seen_subjects": [],
        "leaks": [],
        "input": {"size": prepared.size, "channels": prepared.channels, **prepared.options},
        "command": "emonas-train --genotype runs/search-small --protocol loso --seeds 3",
        "versions": {"emonas": "0.1.0", "torch": "2.15.0", "python": "3.11.9", "platform": "linux x86_64"},
        "seconds": 754.0,
    }
    return {**results, **changes}


def _answers(prepared: Prepared, luck: np.random.Generator, right: float) -> np.ndarray:
    guesses = luck.integers(0, len(prepared.classes), len(prepared.labels))
    return np.where(luck.random(len(guesses)) < right, prepared.labels, guesses)


def _fold(prepared: Prepared, person: str, seed: int, given: np.ndarray, luck: np.random.Generator) -> dict[str, Any]:
    positions = [i for i, sample in enumerate(prepared.samples) if sample.person == person]
    return {
        "seed": seed,
        "fold": person,
        "subjects": [person],
        "n": len(positions),
        "epoch": 40,
        "positions": positions,
        "clips": [prepared.samples[i].clip for i in positions],
        "people": [person] * len(positions),
        "truth": prepared.labels[positions].tolist(),
        "predictions": given[positions].tolist(),
        "confidence": luck.uniform(0.3, 1.0, len(positions)).round(6).tolist(),
    }


def write_histories(out: Path, seeds: int = 3, folds: int = 4, epochs: int = 40, inner: bool = False) -> None:
    """What the trainings of a run folder leave of their course."""
    luck = np.random.default_rng(1)
    for seed in range(seeds):
        for fold in range(folds):
            fall = np.exp(-np.arange(epochs) / luck.uniform(8, 16))
            noise = luck.normal(0, 0.02, epochs)
            history = {
                "loss": (1.9 * fall + 0.1 + abs(noise)).tolist(),
                "accuracy": np.clip(1 - 0.85 * fall + noise, 0, 1).tolist(),
                "inner_uar": np.clip(0.6 - 0.4 * fall + noise, 0, 1).tolist() if inner else [],
            }
            write_json(out / f"seed{seed}" / f"fold{fold}" / "predictions.json", {"history": history})
