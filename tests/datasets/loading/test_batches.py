"""Batches: every sample once an epoch, never a lonely one, the same from memory and from disk."""

from __future__ import annotations

import itertools
from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import numpy as np
import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st
from made_samples import STILLS, Greys, prepared_from

from emonas.datasets.loading import batches
from emonas.datasets.loading.augment import Augmentation, policy_for
from emonas.datasets.loading.batches import (
    ImageStore,
    count_batches,
    endless_batches,
    epoch_batches,
    evaluation_batches,
    normalise,
    training_batches,
)
from emonas.datasets.store.prepared import Prepared

_CPU = torch.device("cpu")


def _numbered(n: int) -> ImageStore:
    """n pictures of one pixel; the label of each is its own number."""
    images, options = np.zeros((n, 1, 1, 1), np.uint8), {"representation": "still"}
    return ImageStore(
        cast(Prepared, SimpleNamespace(images=images, labels=np.arange(n), options=options, classes=("a",) * n)), _CPU
    )


@pytest.fixture
def prepared() -> Prepared:
    return prepared_from()


def test_centred_pictures_lie_between_minus_two_and_two() -> None:
    values = normalise(torch.tensor([0, 51, 255], dtype=torch.uint8))
    assert values.tolist() == pytest.approx([-2, -1.2, 2])
    assert values.dtype == torch.float32


@given(st.integers(1, 200), st.integers(1, 64), st.integers(0, 5), st.data())
def test_an_epoch_holds_every_sample_once_and_no_lonely_one(n: int, batch: int, seed: int, data: st.DataObject) -> None:
    positions = np.array(data.draw(st.permutations(range(n))))[: data.draw(st.integers(1, n))]
    made = [labels for _, labels in epoch_batches(_numbered(n), positions, batch, seed, None)]
    assert sorted(torch.cat(made).tolist()) == sorted(positions)
    assert len(made) == count_batches(len(positions), batch)
    sizes = [len(labels) for labels in made]
    assert min(sizes) > 1 or len(positions) == 1
    assert max(sizes) <= max(batch, 2) + 1
    assert all(size == max(batch, 2) for size in sizes[:-1])


@pytest.mark.parametrize(
    ("samples", "batch", "count"), [(1, 4, 1), (3, 4, 1), (4, 4, 1), (5, 4, 1), (6, 4, 2), (9, 4, 2), (10, 4, 3),
                                    (2, 1, 1), (7, 1, 3)]
)  # fmt: skip
def test_the_number_of_batches(samples: int, batch: int, count: int) -> None:
    assert count_batches(samples, batch) == count


@pytest.mark.parametrize("policy", [None, Augmentation(cutout=0.3)])
def test_the_seed_alone_decides(prepared: Prepared, policy: Augmentation | None) -> None:
    pictures = ImageStore(prepared, _CPU)

    def epoch(seed: int) -> list[torch.Tensor]:
        torch.rand(seed + 1)  # what else is drawn does not matter
        return [part for pair in epoch_batches(pictures, np.arange(8), 3, seed, policy) for part in pair]

    assert all(torch.equal(one, other) for one, other in zip(epoch(1), epoch(1), strict=True))
    assert not all(torch.equal(one, other) for one, other in zip(epoch(1), epoch(2), strict=True))


def test_pictures_and_labels_belong_together(prepared: Prepared) -> None:
    for images, labels in epoch_batches(ImageStore(prepared, _CPU), np.array([1, 4, 7]), 8, 0, None):
        assert images.shape == (3, 3, 8, 8)
        assert images.is_contiguous(memory_format=torch.channels_last)
        for image, label in zip(images, labels, strict=True):
            position = round((float(image[0, 0, 0]) / 4 + 0.5) * 255) // 10
            assert position in {1, 4, 7}
            assert prepared.classes[label] == STILLS[position].label


@pytest.mark.parametrize("policy", [None, Augmentation()])
def test_from_disk_as_from_memory(
    prepared: Prepared, monkeypatch: pytest.MonkeyPatch, policy: Augmentation | None
) -> None:
    resident = ImageStore(prepared, _CPU)
    monkeypatch.setattr(batches, "RESIDENT_BYTES", 0)
    on_disk = ImageStore(prepared, _CPU)
    assert isinstance(resident.images, torch.Tensor) and isinstance(on_disk.images, np.memmap)
    positions = np.array([6, 0, 3, 5, 2])
    both = [list(epoch_batches(pictures, positions, 2, 0, policy)) for pictures in (resident, on_disk)]
    for (images, labels), (images_too, labels_too) in zip(*both, strict=True):
        assert torch.equal(images, images_too) and torch.equal(labels, labels_too)
        assert images.stride() == images_too.stride()


@pytest.mark.filterwarnings("error")
def test_nothing_that_is_done_to_a_batch_reaches_the_store(prepared: Prepared, monkeypatch: pytest.MonkeyPatch) -> None:
    for resident in (batches.RESIDENT_BYTES, 0):
        monkeypatch.setattr(batches, "RESIDENT_BYTES", resident)
        pictures = ImageStore(prepared, _CPU)
        images, labels = pictures.batch(np.arange(8))
        images.zero_(), labels.zero_()
        assert (prepared.images[7] == 70).all() and torch.equal(pictures.batch(np.array([7]))[1], torch.tensor([1]))


def test_the_augmentation_suits_what_was_prepared(prepared: Prepared) -> None:
    clips = prepared_from([replace(sample, frames=Greys((0, 9))) for sample in STILLS], name="clips")
    assert ImageStore(prepared, _CPU).policy == policy_for("still")
    assert ImageStore(clips, _CPU).policy == policy_for("dynamic")


def test_in_order_gives_the_pictures_unchanged(prepared: Prepared) -> None:
    positions = np.array([5, 1, 1, 7, 0])
    made = list(evaluation_batches(ImageStore(prepared, _CPU), positions, batch=2))
    assert [len(images) for images in made] == [2, 2, 1]
    torch.testing.assert_close(torch.cat(made), normalise(torch.from_numpy(prepared.images[positions])))
    assert list(evaluation_batches(ImageStore(prepared, _CPU), positions[:0])) == []


def test_endless_batches_go_through_all_again_and_again_in_new_orders() -> None:
    stream = endless_batches(_numbered(7), np.arange(7), 3, 5, None)
    rounds: list[Any] = [list(itertools.islice(stream, 2)) for _ in range(4)]
    orders = [torch.cat([labels for _, labels in one]).tolist() for one in rounds]
    assert all(sorted(order) == list(range(7)) for order in orders)
    assert len(set(map(tuple, orders))) == 4
    third = torch.cat([labels for _, labels in epoch_batches(_numbered(7), np.arange(7), 3, 7, None)])
    assert orders[2] == third.tolist()


@given(st.integers(1, 60), st.integers(2, 16), st.integers(1, 12), st.integers(0, 5))
def test_a_drawn_epoch_is_full_and_shows_no_sample_twice_more_than_another(
    n: int, batch: int, steps: int, seed: int
) -> None:
    made = [labels for _, labels in training_batches(_numbered(n), np.arange(n), batch, steps, seed, None)]
    assert [len(labels) for labels in made] == [batch] * steps
    times = np.bincount(torch.cat(made).numpy(), minlength=n)
    assert times.max() - times.min() <= 1


def test_a_drawn_epoch_is_its_seeds(prepared: Prepared) -> None:
    pictures = ImageStore(prepared, _CPU)
    policy = Augmentation(mixup=0.4)
    one, same, other = (list(training_batches(pictures, np.arange(8), 4, 2, seed, policy)) for seed in (1, 1, 2))
    assert all(torch.equal(a[0], b[0]) and torch.equal(a[1], b[1]) for a, b in zip(one, same, strict=True))
    assert not torch.equal(one[0][0], other[0][0])


def test_weights_say_how_often_a_sample_is_drawn() -> None:
    weights = np.array([0.0, 1.0, 3.0])
    made = [labels for _, labels in training_batches(_numbered(3), np.arange(3), 50, 40, 0, None, weights)]
    shares = np.bincount(torch.cat(made).numpy(), minlength=3) / 2000
    assert shares[0] == 0 and shares[2] == pytest.approx(0.75, abs=0.04)


def test_several_labels_a_sample_take_the_place_of_the_class(prepared: Prepared) -> None:
    targets = np.eye(8, 3)
    _, labels = ImageStore(prepared, _CPU, targets).batch(np.array([2, 5]))
    assert labels.tolist() == [[0, 0, 1], [0, 0, 0]]
