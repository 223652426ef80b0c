"""What a result holds and shows: parts of a composite, its log, units, and tables that fit the terminal."""

from __future__ import annotations

import random
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from known_cells import random_genotype
from made_samples import prepared_from, still

from emonas.datasets.protocols.protocol import folds
from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.results.file import read_results
from emonas.evaluate.results.megc import log_scores, read_log
from emonas.evaluate.results.show import show_results
from emonas.evaluate.train.config import TrainConfig
from emonas.evaluate.train.fold_task import FoldResult
from emonas.evaluate.train.network import StackedCells
from emonas.evaluate.train.outcome import make_results, write_outcome
from emonas.evaluate.train.plan import TrainPlan, fit_schedule
from emonas.evaluate.train.task import make_task

CLASSES = ("negative", "positive", "surprise")
SOURCES = ("casme2", "smic", "samm")


@pytest.fixture
def composite() -> Prepared:
    """Three sources with three people each, one clip of every class from each."""
    samples = [
        replace(still(27 * source + 3 * person + label, f"s{person}", CLASSES[label]), dataset=SOURCES[source],
                action_units=("12",) * label)
        for source in range(3) for person in range(3) for label in range(3)
    ]  # fmt: skip
    return replace(prepared_from(samples), dataset="megc2019")


def judged(prepared: Prepared, out: Path, no_pictures: bool = False, units: tuple[str, ...] = ()) -> TrainPlan:
    parts = folds(prepared.samples, "loso")
    task = make_task(prepared, units)
    config = TrainConfig(genotype=Path("g"), out=out, channels=2, cells=3, no_pictures=no_pictures, units=units)
    cells = StackedCells(random_genotype(random.Random(0), cells=3, channels=2), 3, 2)
    schedule = fit_schedule(config, task.units, samples=8, large=False, database="smic")
    return TrainPlan(
        config, task, "loso", 5, parts, [cells] * len(parts), schedule, "last", range(1), out, None, 1, None, "local",
        None, final=False, pictures=not no_pictures,
    )  # fmt: skip


def answers(about: TrainPlan, wrong: str = "", seeds: int = 1) -> list[FoldResult]:
    """All right, but for the people of one source, who are all taken for the first class."""
    made = []
    for seed in range(seeds):
        for fold in about.folds:
            truth = about.task.truth[fold.test]
            sure = truth.astype(float) if about.task.units else np.eye(3)[truth]
            if about.prepared.samples[fold.test[0]].dataset == wrong:
                sure = np.tile([1.0, 0.0, 0.0], (len(truth), 1))
            made.append(FoldResult(fold.name, seed, fold.test, sure, 5))
    return made


def test_a_composite_is_scored_as_a_whole_and_by_source_and_leaves_its_log(composite: Prepared, tmp_path: Path) -> None:
    about = judged(composite, tmp_path, no_pictures=True)
    results = make_results(about, answers(about, wrong="smic"))
    uar = {part.name: part.uar for part in results.parts}
    assert uar == pytest.approx({"full": (1 + 2 / 3 + 2 / 3) / 3, "casme2": 1, "smic": 1 / 3, "samm": 1})
    assert results.uar == uar["full"]
    write_outcome(about, results)
    assert read_results(tmp_path).parts == results.parts
    again = log_scores(read_log((tmp_path / "megc_log.txt").read_text()))
    assert {name: found.uar for name, found in again.items()} == pytest.approx(uar)


def test_everything_that_is_said_fits_80_columns(
    composite: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    about = judged(composite, tmp_path)
    show_results(tmp_path, make_results(about, answers(about, wrong="samm", seeds=2)))
    said = capsys.readouterr().out
    tables = said[: said.index("protocol ")]
    assert max(map(len, tables.splitlines())) <= 80
    for words in ("± seeds", "95 % interval", "chance", "casme2", "leave one subject out", "seed 0, 1"):
        assert words in said


def test_units_are_shown_one_by_one(composite: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    about = judged(composite, tmp_path, units=("12",))
    results = make_results(about, answers(about))
    assert results.uf1 == 1 and results.confusion is None and results.parts == ()
    write_outcome(about, results)
    show_results(tmp_path, results)
    assert "Action units" in capsys.readouterr().out and not (tmp_path / "confusion.png").exists()
