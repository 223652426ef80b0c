"""A short training tells cells that learn from cells that cannot, the same way each time."""

from __future__ import annotations

import dataclasses
import itertools

import pytest
import torch
from known_cells import cell_of
from tiny_search import HALVES, feed, pictures, setting

from emonas.cost import count_parameters
from emonas.search.ranking import short_training, stacked
from emonas.search.strategy import Architecture


def architecture(operation: str = "sep_conv_3x3", cells: int = 3, where: tuple[int, ...] = (1, 2)) -> Architecture:
    return Architecture(cell_of(operation, nodes=2), cell_of("max_pool_3x3", nodes=2), cells, where)


def test_what_can_be_learned_is_learned_from_the_weights_people_and_shown_on_the_others() -> None:
    ranked, score = short_training(architecture(), setting(rank_epochs=40), feed())
    assert ranked.uar > 0.6 and score.accuracy > 0.6, "chance is a third"
    assert score.loss < 1.0986
    shuffled = feed()
    shuffled.pictures.labels[HALVES[1]] = (shuffled.pictures.labels[HALVES[1]] + 1) % 3
    assert short_training(architecture(), setting(rank_epochs=40), shuffled)[0].uar < 0.4


def test_the_uar_is_the_mean_over_classes_not_over_samples() -> None:
    """Where nearly all of the judged are of one class, answering with it always is worth a third."""
    skewed = feed()
    skewed.pictures.labels[HALVES[1]] = 0
    skewed.pictures.labels[HALVES[1][:2]] = torch.tensor([1, 2])
    skewed.pictures.labels[HALVES[0]] = 0
    ranked, score = short_training(architecture(), setting(rank_epochs=40), skewed)
    assert score.accuracy == pytest.approx(10 / 12)
    assert ranked.uar == pytest.approx(1 / 3)


def test_the_same_seed_gives_the_same_score_whatever_happened_before() -> None:
    first = short_training(architecture(), setting(), feed())
    torch.randn(7)
    assert short_training(architecture(), setting(), feed()) == first
    other = short_training(architecture(), setting(seed=1), feed(seed=1))
    assert other[1].loss != first[1].loss


def test_more_epochs_are_more_training() -> None:
    losses = [short_training(architecture(), setting(rank_epochs=epochs), feed())[1].loss for epochs in (1, 40)]
    assert losses[1] < losses[0]


def test_the_network_is_the_one_that_is_meant() -> None:
    found = architecture(cells=5, where=(1, 3))
    network = stacked(found, setting())
    assert [cell.cell == found.reduction for cell in network.cells] == [False, True, False, True, False]
    assert network.auxiliary is None
    assert short_training(found, setting(), feed())[0].parameters == count_parameters(network)


def test_time_is_told_from_a_few_steps() -> None:
    taken = []

    @dataclasses.dataclass(frozen=True)
    class Counting(type(feed())):  # type: ignore[misc]
        def weights(self, epoch):  # type: ignore[no-untyped-def]
            for batch in super().weights(epoch):
                taken.append(epoch)
                yield batch

    counting = Counting(pictures(), *HALVES, 3, 0)
    short_training(architecture(), setting(rank_epochs=5), counting, steps=1)
    assert taken == [0]
    assert len(list(itertools.islice(counting.weights(0), 9))) == 4
