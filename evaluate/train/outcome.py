"""The result of a training: results.json, the tables and pictures beside it, and the table on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np

from emonas.cost import count_parameters
from emonas.datasets.protocols.protocol import Fold, describe_protocol
from emonas.device import versions
from emonas.evaluate.report.page import write_report
from emonas.evaluate.results.bootstrap import spread
from emonas.evaluate.results.file import write_results
from emonas.evaluate.results.megc import log_text, megc_answers
from emonas.evaluate.results.metrics import (
    MEASURES,
    Scores,
    UnitScores,
    chance,
    class_rows,
    part_rows,
    parts,
    scores,
    unit_chance,
    unit_scores,
)
from emonas.evaluate.results.record import (
    Answer,
    FoldAnswers,
    Measured,
    Measures,
    NetworkFacts,
    Origin,
    PartMeasures,
    Results,
    SeedMeasures,
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
from emonas.files import together, write_text
from emonas.plotting.figures import draw_confusion, save_figure

EPOCH_RULES = {
    "last": "last epoch, fixed beforehand",
    "inner": "best epoch on people held out of the training part",
    "test-best": "best epoch on the tested people themselves: selected on the test subject",
}


def make_results(plan: TrainPlan, answers: Sequence[FoldResult], seconds: float | None = None) -> Results:
    """Everything that results.json holds; scores come from predictions pooled over all folds, seed by seed."""
    task, prepared = plan.task, plan.prepared
    rows = tuple(_fold_row(task, answer) for answer in answers)
    seeds = tuple(dict.fromkeys(row.seed for row in rows))
    pooled = _pool(task, [[one for one in answers if one.seed == seed] for seed in seeds])
    kind: Literal["classes", "units"] = "units" if task.units else "classes"
    of_scores, words = spread(rows, len(task.names), kind, prepared.subjects_known)
    network = _network(plan)
    saw, people = search_has_seen(plan.folds, plan.genotypes, prepared)
    return Results(
        dataset=prepared.name,
        database=prepared.dataset,
        protocol=plan.protocol,
        protocol_in_words=describe_protocol(plan.protocol, plan.folds, prepared.samples),
        task=kind,
        classes=tuple(task.names),
        n_samples=sum(len(answer.test) for answer in answers) // len(seeds),
        n_subjects=_count_tested(plan),
        n_folds=len(plan.folds),
        seeds=seeds,
        epoch_rule=plan.epoch_rule,
        epoch_rule_in_words=EPOCH_RULES[plan.epoch_rule],
        **{key: float(np.mean([getattr(one, key) for one in pooled.of_seeds])) for key in MEASURES},
        chance=pooled.chance,
        confusion=pooled.confusion,
        per_class=class_rows(pooled.of_seeds, task.names),
        per_seed=tuple(map(_seed_measures, seeds, pooled.of_seeds)),
        parts=pooled.parts,
        spread=of_scores,
        interval_in_words=words,
        per_fold=rows,
        model=network,
        parameters=network.parameters,
        search_saw_test_subjects=saw,
        seen_subjects=tuple(people),
        leaks=tuple(find_leaks(plan.folds, plan.genotypes, prepared, plan.pretrained)),
        pretrained=str(plan.pretrained.run) if plan.pretrained else None,
        trained_on=trained_on(_own_origin(plan), plan.pretrained),
        recipe=recipe_block(plan),
        input={"size": prepared.size, "channels": prepared.channels, **prepared.options},
        command=command(plan.asked),
        versions=versions(),
        seconds=seconds,
    )


def _seed_measures(seed: int, of: Measured) -> SeedMeasures:
    return SeedMeasures(seed, of.accuracy, of.uf1, of.uar)


def _count_tested(plan: TrainPlan) -> int | None:
    prepared = plan.prepared
    tested = {person for fold in plan.folds for person in people_in(prepared, fold.test)}
    return len(tested) if prepared.subjects_known else None


@dataclass(frozen=True)
class _Pooled:
    """The scores that each seed's pooled predictions have, and what is said of all seeds together."""

    of_seeds: Sequence[Scores] | Sequence[UnitScores]
    chance: Measures
    confusion: tuple[tuple[int, ...], ...] | None
    parts: tuple[PartMeasures, ...]


def _pool(task: Task, of_seeds: Sequence[Sequence[FoldResult]]) -> _Pooled:
    truths = [np.concatenate([task.truth[one.test] for one in answers]) for answers in of_seeds]
    said = [np.concatenate([task.decide(one.probabilities) for one in answers]) for answers in of_seeds]
    pairs = list(zip(truths, said, strict=True))
    if task.units:
        of_units = [unit_scores(truth, predictions) for truth, predictions in pairs]
        return _Pooled(of_units, Measures(**unit_chance(truths[0])), None, ())
    of_classes = [scores(truth, predictions, len(task.names)) for truth, predictions in pairs]
    always = chance(truths[0], len(task.names))
    guess = Measures(always.accuracy, always.uf1, always.uar)
    confusion = np.sum([one.confusion for one in of_classes], axis=0).tolist()
    return _Pooled(of_classes, guess, tuple(map(tuple, confusion)), _parts(task, of_seeds, pairs))


def _parts(
    task: Task, of_seeds: Sequence[Sequence[FoldResult]], pairs: Sequence[tuple[np.ndarray, np.ndarray]]
) -> tuple[PartMeasures, ...]:
    """The scores of each source of a composite, and of all; nothing where there is one source."""
    if len({sample.dataset for sample in task.prepared.samples}) < 2:
        return ()
    found = []
    for answers, (truth, predictions) in zip(of_seeds, pairs, strict=True):
        sources = [task.prepared.samples[i].dataset for answer in answers for i in answer.test]
        found.append(parts(truth, predictions, sources, len(task.names)))
    return part_rows(found)


def _fold_row(task: Task, answer: FoldResult) -> FoldAnswers:
    prepared, predictions = task.prepared, task.decide(answer.probabilities)
    return FoldAnswers(
        seed=answer.seed,
        fold=answer.name,
        subjects=tuple(sorted(people_in(prepared, answer.test))) if prepared.subjects_known else (),
        n=len(answer.test),
        epoch=answer.epoch,
        positions=tuple(answer.test.tolist()),
        clips=tuple(prepared.samples[i].clip for i in answer.test),
        people=tuple(prepared.samples[i].person for i in answer.test),
        truth=_answers(task.truth[answer.test]),
        predictions=_answers(predictions),
        confidence=() if task.units else tuple(answer.probabilities.max(1).tolist()),
    )


def _answers(given: np.ndarray) -> tuple[Answer, ...]:
    return tuple(tuple(one) if isinstance(one, list) else one for one in given.tolist())


def _network(plan: TrainPlan) -> NetworkFacts:
    of_folds = plan.networks
    different = [network for i, network in enumerate(of_folds) if network not in of_folds[:i]]
    networks = [build_network(network, plan.prepared, len(plan.task.names)) for network in different]
    counts = [count_parameters(networks[different.index(network)]) for network in of_folds]
    first = of_folds[0]
    return NetworkFacts(
        arch="genotype" if isinstance(first, StackedCells) else first.arch,
        cells=first.cells if isinstance(first, StackedCells) else None,
        channels=first.channels if isinstance(first, StackedCells) else None,
        parameters=round(sum(counts) / len(counts)),
        parameters_of_folds=(min(counts), max(counts)),
    )


def _looked_at(plan: TrainPlan, fold: Fold) -> set[str]:
    """The people whom a fold's network was made with: who was learnt from, and who chose the epoch."""
    prepared = plan.prepared
    sides = train_and_validation(fold, plan.epoch_rule, plan.seeds[0], prepared)
    return people_in(prepared, np.concatenate([fold.train, *sides]))


def _own_origin(plan: TrainPlan) -> Origin:
    """The data set of this training, and who was learnt from in each fold."""
    prepared = plan.prepared
    known = prepared.subjects_known
    return Origin(
        dataset=prepared.name,
        database=prepared.dataset,
        fingerprint=prepared.fingerprint,
        protocol=plan.protocol,
        subjects_known=known,
        people={fold.name: tuple(sorted(_looked_at(plan, fold))) if known else () for fold in plan.folds},
    )


def write_outcome(plan: TrainPlan, results: Results) -> None:
    """Write results.json and what people look at: tables, the confusion matrix, MEGC's log, the report; all or none."""
    with together():
        _write_outcome(plan, results)


def _write_outcome(plan: TrainPlan, results: Results) -> None:
    out = plan.out
    if results.confusion:
        figure = draw_confusion(np.array(results.confusion), results.classes, _title(results))
        save_figure(figure, out / "confusion.png")
    if results.database == "megc2019" and not plan.task.units:
        write_text(out / "megc_log.txt", log_text(megc_answers(results)))
    write_csv(out, results)
    write_tex(out, results)
    write_report(out, results, plan.prepared, plan.genotypes, pictures=plan.pictures)
    write_results(out, results)


def _title(results: Results) -> str:
    scored = f"{results.dataset}: UAR {results.uar:.3f}, UF1 {results.uf1:.3f}, n = {results.n_samples}"
    return "\n".join([scored, *marks(results)])
