"""What a training method is given: a network that may be asked under other weights, without being moved."""

from __future__ import annotations

import random
from dataclasses import dataclass

import torch
from known_cells import random_genotype
from torch import Tensor

from emonas.network import Network
from emonas.training.losses import correct
from emonas.training.method import Losses, NamedBatch, WeightedNetwork
from emonas.training.methods.plain import Supervised
from emonas.training.plan import TrainingPlan
from emonas.training.recipe import Recipe
from emonas.training.trainer import Trainer


def network() -> Network:
    torch.manual_seed(0)
    return Network(random_genotype(random.Random(3), nodes=2, cells=3, channels=4), classes=3, size=8).double()


def batch(seed: int) -> dict[str, Tensor]:
    luck = torch.Generator().manual_seed(seed)
    images = torch.randn(6, 3, 8, 8, generator=luck, dtype=torch.float64)
    return {"images": images, "targets": torch.randint(3, (6,), generator=luck)}


def test_under_its_own_weights_given_by_name_a_network_answers_the_same() -> None:
    module = network()
    weights = {key: tensor.detach().clone() for key, tensor in module.state_dict().items()}
    images = batch(0)["images"]
    for one, other in zip(WeightedNetwork(module)(images), WeightedNetwork(module).at(weights)(images), strict=True):
        assert one is not None and other is not None
        torch.testing.assert_close(one, other, rtol=1e-12, atol=1e-12)


def test_a_call_under_other_weights_moves_nothing() -> None:
    module = network()
    before = {key: tensor.clone() for key, tensor in module.state_dict().items()}
    moved = {key: tensor.clone() * 1.5 for key, tensor in module.state_dict().items()}
    WeightedNetwork(module, moved)(batch(0)["images"])
    assert all(torch.equal(tensor, before[key]) for key, tensor in module.state_dict().items())


@dataclass(frozen=True)
class OneStepAhead:
    """A method with an inner step: the loss at the weights that one step of plain descent would reach."""

    rate: float

    def losses(self, network: WeightedNetwork, batch: NamedBatch) -> Losses:
        module = network.network
        own = dict(module.named_parameters())
        buffers = {name: tensor.clone() for name, tensor in module.named_buffers()}
        inner = Supervised().losses(network.at({**own, **buffers}), batch).loss
        gradients = torch.autograd.grad(inner, list(own.values()), create_graph=True)
        ahead = {name: own[name] - self.rate * step for name, step in zip(own, gradients, strict=True)}
        logits, _ = network.at({**ahead, **buffers})(batch["images"])
        loss = torch.nn.functional.cross_entropy(logits, batch["targets"])
        return Losses(loss, correct(logits.detach(), batch["targets"]))


def test_a_method_may_look_ahead_through_inner_steps() -> None:
    """The gradient through the inner step agrees with a central difference in a random direction."""
    module, method, data = network(), OneStepAhead(0.05), batch(1)
    own = dict(module.named_parameters())
    method.losses(WeightedNetwork(module), data).loss.backward()
    direction = {name: torch.randn_like(tensor) for name, tensor in own.items()}
    slope = sum(float((own[name].grad * step).sum()) for name, step in direction.items() if own[name].grad is not None)

    def at(distance: float) -> float:
        with torch.no_grad():
            for name, step in direction.items():
                own[name].add_(distance * step)
        value = method.losses(WeightedNetwork(module), data).loss.item()
        with torch.no_grad():
            for name, step in direction.items():
                own[name].sub_(distance * step)
        return value

    difference = (at(1e-7) - at(-1e-7)) / 2e-7
    assert abs(difference - slope) < 1e-4 * abs(slope)


def test_the_training_step_serves_such_a_method() -> None:
    trainer = Trainer(network(), TrainingPlan(8, Recipe(learning_rate=0.1)), torch.device("cpu"), OneStepAhead(0.01))
    scores = [trainer.epoch([batch(0), batch(0)], epoch) for epoch in range(8)]
    assert scores[-1].loss < scores[0].loss / 2
