"""The second order against the exact derivative of the unrolled objective."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from edge_by_edge import plain_searcher
from tiny_search import RATES
from torch import Tensor
from torch.func import functional_call

from emonas.genotype import KINDS
from emonas.search.controller import Controller
from emonas.search.strategies.bilevel import Bilevel, BilevelPlan
from emonas.search.strategies.unrolled import Virtual, unrolled_gradient
from emonas.supernet.supernet import Supernet
from emonas.training.losses import Batch, RunningMean

CPU = torch.device("cpu")
RATE = 0.3


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(4, 3, 8, 8, dtype=torch.float64, generator=generator), torch.tensor([0, 1, 2, 1])


def velocity(controller: Controller) -> list[Tensor | None]:
    """Momenta as after some steps; one weight has not moved yet."""
    generator = torch.Generator().manual_seed(3)
    momenta: list[Tensor | None] = [
        0.1 * torch.randn(w.shape, dtype=w.dtype, generator=generator) for w in controller.weights()
    ]
    momenta[0] = None
    return momenta


def exact(controller: Controller, train: Batch, validation: Batch, step: Virtual) -> tuple[Tensor, ...]:
    """d L_val(w - xi v(w, alpha), alpha) / d alpha by differentiating through the step."""
    weights = dict(controller.supernet.named_parameters())

    def loss(at: dict[str, Tensor], images: Tensor, labels: Tensor) -> Tensor:
        mixture = controller.mixture()
        logits = functional_call(controller.supernet, at, (images, mixture["normal"], mixture["reduction"]))
        return F.cross_entropy(logits, labels)

    gradients = torch.autograd.grad(loss(weights, *train), list(weights.values()), create_graph=True)
    ahead = {}
    for (name, weight), gradient, momentum in zip(weights.items(), gradients, step.momenta, strict=True):
        velocity = gradient + step.weight_decay * weight + (0 if momentum is None else step.momentum * momentum)
        ahead[name] = weight - step.rate * velocity
    return torch.autograd.grad(loss(ahead, *validation), list(controller.alphas()))


def relative(found: tuple[Tensor, ...], wanted: tuple[Tensor, ...]) -> float:
    difference = sum(float((a - b).square().sum()) for a, b in zip(found, wanted, strict=True))
    return (difference / sum(float(b.square().sum()) for b in wanted)) ** 0.5


@pytest.mark.parametrize("with_momentum", [False, True])
def test_agrees_with_the_exact_gradient(with_momentum: bool) -> None:
    made = plain_searcher()
    momenta = velocity(made) if with_momentum else [None] * len(list(made.weights()))
    step = Virtual(RATE, 0.9 if with_momentum else 0.0, 0.1 if with_momentum else 0.0, momenta, CPU)
    train, validation = batch(1), batch(2)
    wanted = exact(made, train, validation, step)
    loss, logits, found = unrolled_gradient(made, train, lambda: made.architecture_loss(*validation), step, radius=1e-5)
    assert relative(found, wanted) < 1e-6
    assert logits.shape == (4, 3) and torch.allclose(loss, F.cross_entropy(logits, validation[1]))
    # What the central difference is about is no small part of it.
    first = torch.autograd.grad(made.architecture_loss(*validation)[0], list(made.alphas()))
    assert relative(first, wanted) > 0.05


def test_looks_ahead_by_the_step_that_the_weights_then_take() -> None:
    """The weights at which L_val is asked are those after the real step, momentum and decay included."""
    plan = BilevelPlan(epochs=1, **RATES, weight_decay=0.1, grad_clip=1e9, order=2)
    bilevel = Bilevel(plain_searcher(), plan, CPU)
    bilevel.weight_step(batch(5), RunningMean())
    asked: list[list[Tensor]] = []

    def loss() -> tuple[Tensor, Tensor]:
        asked.append([weight.detach().clone() for weight in bilevel.controller.weights()])
        return bilevel.controller.architecture_loss(*batch(2))

    unrolled_gradient(bilevel.controller, batch(1), loss, bilevel._virtual())
    bilevel.weight_step(batch(1), RunningMean())
    assert len(asked) == 1
    for ahead, real in zip(asked[0], bilevel.controller.weights(), strict=True):
        torch.testing.assert_close(ahead, real.detach(), rtol=1e-10, atol=1e-12)


def test_weights_are_as_before_to_the_last_bit() -> None:
    torch.manual_seed(0)
    made = Controller(Supernet(3, 3, 2, 8, nodes=1)).train()
    before = [parameter.detach().clone() for parameter in made.parameters()]
    images, labels = batch(1)
    train = images.float(), labels
    step = Virtual(RATE, 0.9, 0.1, [None] * len(list(made.weights())), CPU)
    *_, found = unrolled_gradient(made, train, lambda: made.architecture_loss(*train), step)
    assert all(torch.equal(a, b) for a, b in zip(before, made.parameters(), strict=True))
    assert len(found) == len(KINDS) and all(gradient.isfinite().all() for gradient in found)


def test_works_with_several_depths_and_edge_weights() -> None:
    torch.manual_seed(0)
    made = Controller(Supernet(3, 4, 2, 8, nodes=1, exits=(3,)), edge_weights=True).train()
    images, labels = batch(1)
    train = images.float(), labels
    step = Virtual(RATE, 0.0, 0.0, [None] * len(list(made.weights())), CPU)
    *_, found = unrolled_gradient(made, train, lambda: made.architecture_loss(*train), step)
    assert [gradient.shape for gradient in found] == [alpha.shape for alpha in made.alphas()]
    assert all(gradient.isfinite().all() and gradient.abs().max() > 0 for gradient in found)
