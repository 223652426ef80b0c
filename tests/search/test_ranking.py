"""Short trainings: which cells they tell apart, and contests that go on after a kill."""

from __future__ import annotations

import dataclasses
import itertools
import json
from pathlib import Path

import pytest
import torch
from known_cells import cell_of
from tiny_search import HALVES, batches, pictures, plan

from emonas.cost import count_parameters
from emonas.errors import UserError
from emonas.genotype import KINDS
from emonas.search import ranking
from emonas.search.ranking import MOST_SKIPS, Ranked, short_training, stack_network, within_budget
from emonas.search.strategies import emonas
from emonas.search.strategy import Architecture
from emonas.training.losses import EpochScore


def architecture(operation: str) -> Architecture:
    return Architecture(cell_of(operation), cell_of(operation), 3, (1, 2))


class Judge:
    """Scores by the first operation's name instead of training; notes who came."""

    def __init__(self, scores: dict[str, float]) -> None:
        self.scores, self.seen = scores, list[str]()

    def __call__(self, found: Architecture, *rest: object) -> tuple[Ranked, EpochScore]:
        name = found.normal.edges[0].operation
        self.seen.append(name)
        return Ranked(self.scores[name], len(self.seen)), EpochScore(0.0, 0.0)


@pytest.fixture
def judge(monkeypatch: pytest.MonkeyPatch) -> Judge:
    made = Judge({"skip_connect": 0.2, "sep_conv_3x3": 0.7, "dil_conv_3x3": 0.7, "max_pool_3x3": 0.5})
    monkeypatch.setattr(ranking, "short_training", made)
    return made


THREE = {name: architecture(name) for name in ("skip_connect", "sep_conv_3x3", "dil_conv_3x3")}


def test_the_best_is_taken_and_the_earlier_of_equals(
    judge: Judge, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    best = ranking.best_by_short_training(THREE, plan(), batches(), tmp_path / "table.json", "Who learns best")
    assert best == "sep_conv_3x3"
    said = capsys.readouterr().out
    assert "Who learns best" in said and all(name in said for name in THREE)
    (line,) = [line for line in said.splitlines() if "taken" in line]
    assert "sep_conv_3x3" in line and "0.700" in line


def test_the_table_holds_all_scores_and_spares_a_second_training(judge: Judge, tmp_path: Path) -> None:
    table = tmp_path / "table.json"
    first = ranking.best_by_short_training(THREE, plan(), batches(), table, "T")
    assert json.loads(table.read_text())["skip_connect"] == {"uar": 0.2, "parameters": 1}
    assert ranking.best_by_short_training(THREE, plan(), batches(), table, "T") == first
    assert judge.seen == list(THREE)


def test_a_killed_contest_goes_on_where_it_was(judge: Judge, tmp_path: Path) -> None:
    whole = ranking.best_by_short_training(THREE, plan(), batches(), tmp_path / "whole.json", "T")
    judge.seen.clear()
    del judge.scores["dil_conv_3x3"]
    with pytest.raises(KeyError):
        ranking.best_by_short_training(THREE, plan(), batches(), tmp_path / "cut.json", "T")
    judge.scores["dil_conv_3x3"] = 0.7
    assert ranking.best_by_short_training(THREE, plan(), batches(), tmp_path / "cut.json", "T") == whole
    assert judge.seen.count("skip_connect") == judge.seen.count("sep_conv_3x3") == 1


def test_equal_cells_are_trained_once(judge: Judge, tmp_path: Path) -> None:
    twins = {"first": architecture("max_pool_3x3"), "second": architecture("max_pool_3x3")}
    assert ranking.best_by_short_training(twins, plan(), batches(), tmp_path / "table.json", "T") == "first"
    scores = json.loads((tmp_path / "table.json").read_text())
    assert scores["first"] == scores["second"] and len(judge.seen) == 1


@pytest.mark.parametrize("content", ["[]", '{"a": 1}', '{"a": {"uar": "x", "parameters": 1}}', '{"a": {}}', "{"])
def test_a_damaged_table_is_one_line(content: str, judge: Judge, tmp_path: Path) -> None:
    (tmp_path / "table.json").write_text(content)
    with pytest.raises(UserError, match=r"table\.json"):
        ranking.best_by_short_training(THREE, plan(), batches(), tmp_path / "table.json", "T")


def test_each_budget_is_tried_and_none_is_exceeded(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """More skips score higher here, up to three: then the cells with three are taken."""
    tried = []

    def judge(found: Architecture, *rest: object) -> tuple[Ranked, EpochScore]:
        tried.append((found.normal.skips, found.reduction.skips))
        most = max(tried[-1])
        return Ranked(most / 10 if most <= 3 else 0.0, 0), EpochScore(0.0, 0.0)

    monkeypatch.setattr(ranking, "short_training", judge)
    torch.manual_seed(0)
    strategy = emonas.build(plan())
    with torch.no_grad():
        for kind in KINDS:
            strategy.controller.alpha[kind].normal_()[:, 2] += 9.0
    table = tmp_path / "skip_budgets.json"
    taken = within_budget(strategy.controller, strategy.architecture(), plan(), batches(), table)
    assert tried == [*((budget, budget) for budget in range(MOST_SKIPS + 1)), (8, 8)]
    assert (taken.normal.skips, taken.reduction.skips) == (3, 3)
    assert list(json.loads(table.read_text()))[-2:] == ["at most 4 skips", "no limit"]


def test_scores_come_from_the_short_training(tmp_path: Path) -> None:
    pair = {"pool": architecture("max_pool_3x3"), "convolution": architecture("sep_conv_3x3")}
    best = ranking.best_by_short_training(pair, plan(rank_epochs=2), batches(), tmp_path / "table.json", "T")
    scores = json.loads((tmp_path / "table.json").read_text())
    for name, found in pair.items():
        assert scores[name] == dataclasses.asdict(ranking.short_training(found, plan(rank_epochs=2), batches())[0])
    assert scores[best]["uar"] == max(score["uar"] for score in scores.values())


def two_nodes(operation: str = "sep_conv_3x3", cells: int = 3, where: tuple[int, ...] = (1, 2)) -> Architecture:
    return Architecture(cell_of(operation, nodes=2), cell_of("max_pool_3x3", nodes=2), cells, where)


def test_what_can_be_learned_is_learned_from_the_weights_people_and_shown_on_the_others() -> None:
    ranked, score = short_training(two_nodes(), plan(rank_epochs=40), batches())
    assert ranked.uar > 0.6 and score.accuracy > 0.6, "chance is a third"
    assert score.loss < 1.0986
    shuffled = batches()
    shuffled.pictures.labels[HALVES[1]] = (shuffled.pictures.labels[HALVES[1]] + 1) % 3
    assert short_training(two_nodes(), plan(rank_epochs=40), shuffled)[0].uar < 0.4


def test_the_uar_is_the_mean_over_classes_not_over_samples() -> None:
    """Where nearly all of the judged are of one class, answering with it always is worth a third."""
    skewed = batches()
    skewed.pictures.labels[HALVES[1]] = 0
    skewed.pictures.labels[HALVES[1][:2]] = torch.tensor([1, 2])
    skewed.pictures.labels[HALVES[0]] = 0
    ranked, score = short_training(two_nodes(), plan(rank_epochs=40), skewed)
    assert score.accuracy == pytest.approx(10 / 12)
    assert ranked.uar == pytest.approx(1 / 3)


def test_the_same_seed_gives_the_same_score_whatever_happened_before() -> None:
    first = short_training(two_nodes(), plan(), batches())
    torch.randn(7)
    assert short_training(two_nodes(), plan(), batches()) == first
    other = short_training(two_nodes(), plan(seed=1), batches(seed=1))
    assert other[1].loss != first[1].loss


def test_more_epochs_are_more_training() -> None:
    losses = [short_training(two_nodes(), plan(rank_epochs=epochs), batches())[1].loss for epochs in (1, 40)]
    assert losses[1] < losses[0]


def test_the_network_is_the_one_that_is_meant() -> None:
    found = two_nodes(cells=5, where=(1, 3))
    network = stack_network(found, plan())
    assert [cell.cell == found.reduction for cell in network.cells] == [False, True, False, True, False]
    assert network.auxiliary is None
    assert short_training(found, plan(), batches())[0].parameters == count_parameters(network)


def test_time_is_told_from_a_few_steps() -> None:
    taken = []

    @dataclasses.dataclass(frozen=True)
    class Counting(type(batches())):  # type: ignore[misc]
        def weights(self, epoch):  # type: ignore[no-untyped-def]
            for batch in super().weights(epoch):
                taken.append(epoch)
                yield batch

    counting = Counting(pictures(), *HALVES, 3, 0)
    short_training(two_nodes(), plan(rank_epochs=5), counting, steps=1)
    assert taken == [0]
    assert len(list(itertools.islice(counting.weights(0), 9))) == 4
