"""The training loop: its schedule, that it learns, and that a resumed run is the run never stopped."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import torch
from known_cells import random_genotype
from torch import Tensor

from emonas.device import epoch_seed, seed_everything
from emonas.errors import UserError
from emonas.network import Network
from emonas.training import checkpoint
from emonas.training.losses import EpochScore, RunningMean, correct
from emonas.training.method import NamedBatch, name_tensors
from emonas.training.plan import TrainingPlan, cosine_rate, draw_drop_path
from emonas.training.recipe import Recipe
from emonas.training.trainer import Trainer, predict

CPU = torch.device("cpu")
SIZE = 8


def problem(samples: int = 64) -> tuple[Tensor, Tensor]:
    """Noise, brighter on the left (class 0) or on the right (class 1)."""
    generator = torch.Generator().manual_seed(0)
    labels = torch.arange(samples) % 2
    images = torch.randn(samples, 3, SIZE, SIZE, generator=generator) / 4
    images[labels == 0, :, :, : SIZE // 2] += 1
    images[labels == 1, :, :, SIZE // 2 :] += 1
    return images, labels


def trainer(epochs: int, seed: int = 0, **options: Any) -> Trainer:
    torch.manual_seed(seed)
    network = Network(random_genotype(random.Random(3), nodes=2, cells=3, channels=4), classes=2, size=SIZE)
    return Trainer(network, TrainingPlan(epochs, Recipe(**{"learning_rate": 0.1, "drop_path": 0.3, **options})), CPU)


def batches_of(epoch: int) -> Iterator[NamedBatch]:
    """The problem in another order each epoch, drawn from the epoch's seed."""
    seed_everything(epoch_seed(0, epoch))
    images, labels = problem()
    for chosen in torch.randperm(len(labels)).split(16):
        yield {"images": images[chosen], "targets": labels[chosen]}


def train_from(subject: Trainer, start: int, end: int) -> list[EpochScore]:
    """Train epochs ``start`` to ``end`` of the plan."""
    return [subject.epoch(batches_of(epoch), epoch) for epoch in range(start, end)]


def test_rate_falls_from_top_to_least() -> None:
    rates = [cosine_rate(0.1, 0.001, epoch, 50) for epoch in range(51)]
    assert (rates[0], rates[-1]) == (0.1, pytest.approx(0.001))
    assert rates[25] == pytest.approx((0.1 + 0.001) / 2)
    assert rates == sorted(rates, reverse=True)


def test_rate_warms_up_in_even_steps_to_the_top() -> None:
    rates = [cosine_rate(0.1, 0.0, epoch, 20, warm_up=4) for epoch in range(21)]
    assert rates[:5] == pytest.approx([0.02, 0.04, 0.06, 0.08, 0.1])
    assert rates[5] < rates[4]
    assert rates[-1] == pytest.approx(0)


@pytest.mark.parametrize(("epochs", "warm_up"), [(1, 0), (1, 1), (3, 5)])
def test_rate_of_very_short_plans_is_positive(epochs: int, warm_up: int) -> None:
    assert all(0 < cosine_rate(0.1, 0.0, epoch, epochs, warm_up) <= 0.1 for epoch in range(epochs))


def test_tally_weighs_batches_by_their_samples() -> None:
    tally = RunningMean()
    tally.add(torch.tensor(1.0), correct(torch.tensor([[2.0, 1.0]] * 3), torch.tensor([0, 0, 1])))
    tally.add(torch.tensor(3.0), correct(torch.tensor([[0.0, 1.0]]), torch.tensor([0])))
    assert tally.score() == EpochScore(loss=1.5, accuracy=0.5)


def test_a_separable_problem_is_learnt() -> None:
    subject = trainer(epochs=8)
    scores = train_from(subject, 0, 8)
    assert scores[-1].loss < scores[0].loss / 2
    assert scores[-1].accuracy > 0.9
    images, labels = problem()
    assert (predict(subject.network, iter([images]), CPU).argmax(1) == labels).float().mean() > 0.95


def test_mode_rate_and_drop_path_follow_the_plan() -> None:
    subject = trainer(epochs=4)
    subject.epoch(batches_of(0), 0)
    assert subject.update.optimiser.param_groups[0]["lr"] == 0.1
    predict(subject.network, iter([problem()[0]]), CPU)
    subject.epoch(batches_of(3), 3)
    assert subject.network.training
    assert subject.update.optimiser.param_groups[0]["lr"] == pytest.approx(cosine_rate(0.1, 0, 3, 4))


def test_drop_path_grows_from_nothing_to_the_plans_rate() -> None:
    plan = TrainingPlan(4, Recipe(drop_path=0.4))
    assert draw_drop_path(3, 5, plan, 0, CPU) is None
    torch.manual_seed(0)
    factors = draw_drop_path(10, 2000, plan, 3, CPU)
    assert factors is not None
    assert (factors == 0).float().mean().item() == pytest.approx(0.3, abs=0.02)


def test_of_mixed_labels_the_heaviest_counts() -> None:
    assert correct(torch.tensor([[0.0, 1.0]]), torch.tensor([[0.4, 0.6]])).tolist() == [1.0]


@pytest.mark.parametrize("options", [{"optimiser": "adamw", "learning_rate": 1e-2}, {"ema_decay": 0.8}])
def test_other_plans_learn_it_too(options: dict[str, Any]) -> None:
    subject = trainer(8, **options)
    train_from(subject, 0, 8)
    images, labels = problem()
    assert (predict(subject.inference_network(), iter([images]), CPU).argmax(1) == labels).float().mean() > 0.9


def test_the_average_of_the_weights_answers_and_follows_slowly() -> None:
    subject = trainer(2, ema_decay=0.9)
    images, labels = problem(16)
    for step in range(4):
        before = [tensor.clone() for tensor in subject.update.average]
        if step > 1:
            subject.update.steps = 1000
        subject.epoch(name_tensors([(images, labels)]), 0)
        now = [tensor for tensor in subject.network.state_dict().values() if tensor.is_floating_point()]
        decay = (1 + step) / (10 + step) if step < 2 else 0.9
        for old, mean, after in zip(before, subject.update.average, now, strict=True):
            torch.testing.assert_close(mean, decay * old + (1 - decay) * after)
    assert subject.inference_network() is not subject.network
    plain = trainer(2)
    assert plain.inference_network() is plain.network


@pytest.mark.parametrize("ruin", [math.nan, math.inf])
def test_a_ruined_loss_stops_the_training(ruin: float) -> None:
    images, labels = problem(16)
    with pytest.raises(UserError, match=r"loss became nan in epoch 3.*--learning-rate") as raised:
        trainer(epochs=4).epoch(name_tensors([(images * ruin, labels)]), 2)
    assert len(str(raised.value).splitlines()) == 1


def same(a: Any, b: Any) -> None:
    torch.testing.assert_close(a, b, rtol=0, atol=0)


@pytest.mark.parametrize("options", [{}, {"optimiser": "adamw", "ema_decay": 0.9}])
@pytest.mark.parametrize("stop", [1, 3])
def test_a_resumed_run_equals_one_never_stopped(stop: int, options: dict[str, Any], tmp_path: Path) -> None:
    whole = trainer(4, **options)
    scores = train_from(whole, 0, 4)

    stopped = trainer(4, **options)
    first = train_from(stopped, 0, stop)
    checkpoint.save(tmp_path / "checkpoint.pt", stopped.state_dict())
    resumed = trainer(4, seed=99, **options)
    resumed.load_state_dict(checkpoint.load(tmp_path / "checkpoint.pt"))

    assert first + train_from(resumed, stop, 4) == scores
    same(resumed.state_dict(), whole.state_dict())


def test_runs_of_the_same_seed_are_the_same_and_others_are_not() -> None:
    one, again, other = (trainer(epochs=2, seed=seed) for seed in (0, 0, 1))
    assert train_from(one, 0, 2) == train_from(again, 0, 2) != train_from(other, 0, 2)


def test_prediction_is_a_probability_for_each_class_however_it_is_batched() -> None:
    subject = trainer(epochs=2)
    subject.epoch(batches_of(0), 0)
    images, _ = problem()
    whole = predict(subject.network, iter([images]), CPU)
    assert not subject.network.training
    assert (whole.shape, whole.dtype) == ((len(images), 2), torch.float32)
    assert ((whole >= 0) & (whole <= 1)).all()
    torch.testing.assert_close(whole.sum(1), torch.ones(len(images)))
    for batch in (1, 7, 50):
        torch.testing.assert_close(predict(subject.network, iter(images.split(batch)), CPU), whole)
