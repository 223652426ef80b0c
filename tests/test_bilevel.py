"""The first-order bilevel step: who moves when, by which gradient."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F

from emonas.errors import UserError
from emonas.search.bilevel import Bilevel, BilevelPlan
from emonas.search.searcher import Searcher
from emonas.supernet import Supernet
from emonas.trainer import Batch, Tally


def strategy(**options: float) -> Bilevel:
    torch.manual_seed(0)
    return Bilevel(Searcher(Supernet(3, 3, 2, 12)), BilevelPlan(epochs=2, **options), torch.device("cpu"))


def batch(seed: int) -> Batch:
    generator = torch.Generator().manual_seed(seed)
    return torch.randn(6, 3, 12, 12, generator=generator), torch.tensor([0, 1, 2, 0, 1, 2])


def copies(parameters: object) -> list[torch.Tensor]:
    return [p.detach().clone() for p in parameters]  # type: ignore[attr-defined]


def test_the_optimisers_share_no_tensor() -> None:
    bilevel = strategy()
    held = [
        {id(p) for group in optimiser.param_groups for p in group["params"]}
        for optimiser in (bilevel.weight_optimiser, bilevel.alpha_optimiser)
    ]
    assert held[0] and held[1] and not held[0] & held[1]


def test_each_step_moves_its_own_parameters_only() -> None:
    bilevel = strategy()
    searcher = bilevel.searcher
    weights, alphas = copies(searcher.weights()), copies(searcher.alphas())
    bilevel.alpha_step(batch(1), Tally())
    assert all(torch.equal(a, b) for a, b in zip(weights, searcher.weights(), strict=True))
    assert not any(torch.equal(a, b) for a, b in zip(alphas, searcher.alphas(), strict=True))
    alphas = copies(searcher.alphas())
    bilevel.weight_step(batch(2), Tally())
    assert all(torch.equal(a, b) for a, b in zip(alphas, searcher.alphas(), strict=True))
    assert any(not torch.equal(a, b) for a, b in zip(weights, searcher.weights(), strict=True))


def test_the_weight_step_is_sgd_on_the_clipped_gradient() -> None:
    bilevel = strategy(learning_rate=0.1, weight_decay=0.0, clip=0.5)
    searcher = bilevel.searcher.train()
    images, labels = batch(3)
    before = copies(searcher.weights())
    gradients = torch.autograd.grad(F.cross_entropy(searcher(images), labels), list(searcher.weights()))
    norm = torch.stack([g.norm() for g in gradients]).norm()
    assert norm > 0.5
    bilevel.weight_step((images, labels), Tally())
    for old, new, gradient in zip(before, searcher.weights(), gradients, strict=True):
        assert torch.allclose(new, old - 0.1 * gradient * 0.5 / norm, atol=1e-6)


def test_alphas_go_down_the_gradient_of_their_own_people() -> None:
    bilevel = strategy()
    searcher = bilevel.searcher.train()
    before = searcher.alpha["normal"].detach().clone()
    images, labels = batch(4)
    gradient = torch.autograd.grad(F.cross_entropy(searcher(images), labels), searcher.alpha["normal"])[0]
    bilevel.alpha_step((images, labels), Tally())
    moved = searcher.alpha["normal"] - before
    clear = gradient.abs() > 1e-4
    assert clear.any() and (moved[clear].sign() == -gradient[clear].sign()).all()


def test_an_epoch_ends_with_the_weights_people_however_many_alpha_batches_there_are() -> None:
    bilevel = strategy()
    scores = bilevel.epoch([batch(1), batch(2)], (batch(i) for i in range(3, 100)), 0)
    assert set(scores) == {"weights", "alphas"}
    assert 0 <= scores["alphas"].accuracy <= 1


def test_a_ruined_loss_is_one_clear_error() -> None:
    bilevel = strategy()
    images, labels = batch(1)
    with pytest.raises(UserError, match="epoch 1"):
        bilevel.epoch([(images * float("nan"), labels)], [batch(2)], 0)
