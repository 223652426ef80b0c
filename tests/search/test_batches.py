"""What a search looks at: two halves that never mix, in an order that follows from the seed and the epoch."""

from __future__ import annotations

import dataclasses
import itertools

import torch
from tiny_search import HALVES, batches, pictures
from torch import Tensor

from emonas.search.batches import PROBE, SearchBatches
from emonas.training.losses import Batch


def labels(batches: list[Batch]) -> list[list[int]]:
    return [batch[1].tolist() for batch in batches]


def same(left: list[Batch], right: list[Batch]) -> bool:
    return all(torch.equal(a, b) for x, y in zip(left, right, strict=True) for a, b in zip(x, y, strict=True))


def some(made: SearchBatches, epoch: int, of: str = "weights") -> list[Batch]:
    return list(itertools.islice(getattr(made, of)(epoch), 4))


def test_one_pass_over_the_weights_people_and_no_end_of_the_others() -> None:
    made = batches(batch=5)
    one_pass = list(made.weights(0))
    assert len(one_pass) == made.per_epoch() == 3
    wanted = made.pictures.labels[HALVES[0]].tolist()
    assert sorted(label for batch in labels(one_pass) for label in batch) == sorted(wanted)
    assert len(list(itertools.islice(made.alphas(0), 50))) == 50


def test_each_half_shows_its_own_pictures_only() -> None:
    made = dataclasses.replace(batches(), pictures=pictures(noise=0.0))
    made.pictures.policy = None
    marked = made.pictures.images
    assert isinstance(marked, Tensor)
    marked.zero_()
    marked[HALVES[1]] = 255
    assert {float(value) for images, _ in some(made, 0) for value in images.unique()} == {-2.0}
    assert {float(value) for images, _ in some(made, 0, "alphas") for value in images.unique()} == {2.0}


def test_order_and_augmentation_follow_from_seed_and_epoch() -> None:
    for of in ("weights", "alphas"):
        first = some(batches(), 0, of)
        assert same(first, some(batches(), 0, of))
        assert not same(first, some(batches(), 1, of)[: len(first)])
        assert not same(first, some(batches(seed=1), 0, of))


def test_a_later_stage_goes_on_where_the_earlier_one_ended() -> None:
    later = dataclasses.replace(batches(), first_epoch=3)
    for of in ("weights", "alphas"):
        assert same(some(later, 0, of), some(batches(), 3, of))


def test_the_judged_are_the_alphas_people_unchanged_and_in_order() -> None:
    made = batches()
    images, wanted = made.validation()
    shown = torch.cat(list(images))
    assert torch.equal(wanted, made.pictures.labels[HALVES[1]])
    assert torch.equal(shown, made.pictures.batch(HALVES[1])[0])


def test_the_probe_is_always_the_same_few_of_the_alphas_people() -> None:
    made = batches()
    assert same([made.probe()], [made.pictures.batch(HALVES[1][:PROBE])])
