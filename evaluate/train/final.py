"""The network that a training leaves for use, and the training on everybody that makes one where there are many folds.

A run of many folds judges a recipe, by many networks. The network for use is trained once more, by the same recipe, on
everybody. Nobody is left to test it on: the folds' pooled score is what is known of its recipe, and is told as that.
"""

from __future__ import annotations

import math

import numpy as np

from emonas.console import say
from emonas.datasets.protocols.protocol import Fold
from emonas.errors import UserError
from emonas.evaluate.model.file import NAME, save_model
from emonas.evaluate.model.info import ModelInfo
from emonas.evaluate.model.of_fold import (
    FINAL,
    everybody_seen,
    genotype_in,
    info_of,
    info_of_fold,
    model_in,
    pooled_score,
)
from emonas.evaluate.results.record import Results
from emonas.evaluate.results.words import recipe_in_words
from emonas.evaluate.train.fold_task import FoldTask, make_fold_task
from emonas.evaluate.train.leaks import people_in
from emonas.evaluate.train.plan import TrainPlan


def check_final(plan: TrainPlan) -> None:
    """Refuse a --final for which there is no one network. Raises UserError."""
    if not plan.final:
        return
    if any(network != plan.networks[0] for network in plan.networks):
        raise UserError(
            "--final: every fold has cells of its own here; search once with --protocol all, and train those cells "
            "with --final"
        )
    if plan.pretrained and "" not in plan.pretrained.files:
        raise UserError("--final: every fold has a start of its own here; give --pretrained a run of one fold")
    if plan.epoch_rule == "test-best":
        raise UserError("--final tests nobody, so --epoch-rule test-best can choose no epoch; use last or inner")


def final_task(plan: TrainPlan) -> FoldTask:
    """The training on everybody, with the first seed, as a fold that tests nobody."""
    everybody = np.arange(len(plan.prepared.samples))
    steps = math.ceil(len(everybody) / plan.schedule.batch_size)
    fold = Fold(FINAL, everybody, np.array([], np.int64))
    return make_fold_task(plan, fold, plan.networks[0], plan.seeds[0], steps)


def leave_model(plan: TrainPlan, results: Results) -> None:
    """Write model.safetensors and say what it is: the final network, or that of the only fold; else how to get one."""
    out, task = plan.out, final_task(plan)
    if task.done:
        folder, info = task.folder, _final_info(plan, results)
        words = f"trained on {_everybody(plan)}; the result above is its recipe's"
    elif len(plan.folds) == 1:
        row = next(row for row in results.per_fold if row.seed == plan.seeds[0])
        folder = task.folder.with_name(Fold.folder(row.fold))
        info = info_of_fold(results, row, genotype_in(folder))
        words = "the judged network" if len(results.seeds) == 1 else f"the judged network of seed {row.seed}"
    else:
        say("model      --final trains one network on everybody, for use")
        return
    save_model(out / NAME, model_in(folder, info, "cpu").network, info)
    say(f"model      {out / NAME} ({words})")


def _everybody(plan: TrainPlan) -> str:
    return "everybody" if plan.epoch_rule == "last" else "everybody but those who chose the epoch"


def _final_info(plan: TrainPlan, results: Results) -> ModelInfo:
    prepared = plan.prepared
    known = prepared.subjects_known
    everybody = sorted(people_in(prepared, np.arange(len(prepared.samples)))) if known else []
    seen = everybody_seen(results, everybody)
    words = (
        f"judged by its recipe: {recipe_in_words(results)}; these weights themselves were trained on "
        f"{_everybody(plan)} and tested on nobody"
    )
    genotype = genotype_in(final_task(plan).folder)
    return info_of(results, genotype, seen, pooled_score(results, results, words))
