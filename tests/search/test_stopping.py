"""Early stopping: what it measures is right, it fires on collapse and on nothing else."""

from __future__ import annotations

import pytest
import torch
import torch.nn.functional as F
from edge_by_edge import plain_searcher
from torch import Tensor
from torch.func import functional_call

from emonas.search import stopping
from emonas.search.controller import Controller
from emonas.search.stopping import PATIENCE, WINDOW, EarlyStopping, Rules, dominant_eigenvalue
from emonas.supernet.supernet import Supernet
from emonas.training.losses import Batch

CPU = torch.device("cpu")


def watched(rules: Rules, skips: list[int], eigenvalues: list[float] | None = None, every: int = 1) -> EarlyStopping:
    """Early stopping that has seen these epochs; an eigenvalue every so many of them."""
    seen = EarlyStopping(rules)
    values = iter(eigenvalues or [])
    for epoch, count in enumerate(skips, 1):
        seen.update(count, next(values) if eigenvalues and epoch % every == 0 else None)
    return seen


COLLAPSE = [0, 1, 2, 2, 3, 4, 5]
GROWTH = [1.0, 1.0, 1.0, 1.0, 2.0, 6.0]


def test_too_many_skips_for_long_enough_end_the_search_at_the_last_good_epoch() -> None:
    verdict = watched(Rules(skips=2), COLLAPSE).check()
    assert verdict is not None
    assert verdict[0] == 3 and f"more than 2 skip connections in the normal cell for {PATIENCE} epochs" in verdict[1]


@pytest.mark.parametrize(
    ("limit", "skips"),
    [
        (None, [8] * 20),
        (2, COLLAPSE[:-1]),
        (2, [0, 3, 4, 2, 3, 4, 2]),
        (4, [4] * 20),
        (2, [0]),
        (2, []),
        # Undecided alphas may give anything: where nothing was good there is nothing to go back to.
        (2, [5] * 20),
    ],
)
def test_harmless_skips_stop_nothing(limit: int | None, skips: list[int]) -> None:
    assert watched(Rules(skips=limit), skips).check() is None


def test_no_skip_at_all_may_be_the_limit() -> None:
    assert watched(Rules(skips=0), [0, 1, 1, 1]).check() is not None


@pytest.mark.parametrize("every", [1, 3])
def test_a_sharper_loss_ends_the_search_where_it_was_still_flat(every: int) -> None:
    seen = watched(Rules(eigenvalue=1.5), [0] * 6 * every, GROWTH, every)
    verdict = seen.check()
    assert verdict is not None
    assert verdict[0] == 3 * every - 1 and "3.0 times as sharp" in verdict[1]


@pytest.mark.parametrize(
    ("factor", "eigenvalues"),
    [
        (None, GROWTH),
        (3.1, GROWTH),
        (1.5, GROWTH[: 2 * WINDOW - 1]),
        (1.5, GROWTH[::-1]),
        (1.5, [1.0] * 20),
        (1.5, [-1.0, -1.0, -1.0, 5.0, 5.0, 5.0]),
    ],
)
def test_a_harmless_curvature_stops_nothing(factor: float | None, eigenvalues: list[float]) -> None:
    assert watched(Rules(eigenvalue=factor), [0] * len(eigenvalues), eigenvalues).check() is None


def test_what_was_seen_survives_a_checkpoint() -> None:
    seen = watched(Rules(skips=2, eigenvalue=1.5), COLLAPSE, [*GROWTH, 6.0])
    other = EarlyStopping(seen.rules)
    other.load_state_dict(seen.state_dict())
    assert (other.check(), other.state_dict()) == (seen.check(), seen.state_dict())
    seen.update(0, None)
    assert other.state_dict() != seen.state_dict(), "the two share no list"


def batch(dtype: torch.dtype = torch.float64) -> Batch:
    generator = torch.Generator().manual_seed(1)
    return torch.randn(6, 3, 8, 8, dtype=torch.float64, generator=generator).to(dtype), torch.tensor([0, 1, 2] * 2)


def hessian(controller: Controller, images: Tensor, labels: Tensor) -> Tensor:
    """The exact one, with respect to all alphas in one vector."""
    names = [f"alpha.{kind}" for kind in controller.alpha]
    shapes = [alpha.shape for alpha in controller.alpha.values()]
    lengths = [shape.numel() for shape in shapes]

    def loss(vector: Tensor) -> Tensor:
        parts = [part.view(shape) for part, shape in zip(vector.split(lengths), shapes, strict=True)]
        return F.cross_entropy(functional_call(controller, dict(zip(names, parts, strict=True)), images), labels)

    vector = torch.cat([alpha.detach().flatten() for alpha in controller.alphas()])
    return torch.autograd.functional.hessian(loss, vector)  # type: ignore[no-any-return]


@pytest.fixture
def plain() -> Controller:
    return plain_searcher()


def test_the_eigenvalue_is_that_of_the_exact_hessian(plain: Controller, monkeypatch: pytest.MonkeyPatch) -> None:
    spectrum = torch.linalg.eigvalsh(hessian(plain, *batch()))
    exact = float(spectrum[spectrum.abs().argmax()])
    # A longer step would span kinks, which lie close together in a network this small.
    monkeypatch.setattr(stopping, "STEP", 1e-5)
    assert dominant_eigenvalue(plain, batch(), CPU) == pytest.approx(exact, rel=0.01)


@pytest.mark.parametrize("training", [True, False])
def test_measuring_moves_nothing(training: bool) -> None:
    torch.manual_seed(0)
    controller = Controller(Supernet(3, 4, 2, 8, nodes=1, exits=(3,)), edge_weights=True).train(training)
    before = {name: tensor.clone() for name, tensor in controller.state_dict().items()}
    value = dominant_eigenvalue(controller, batch(torch.float32), CPU)
    assert value != 0 and value == dominant_eigenvalue(controller, batch(torch.float32), CPU)
    assert controller.training is training
    for name, tensor in controller.state_dict().items():
        assert torch.equal(tensor, before[name]), name


def test_measuring_moves_nothing_even_where_it_fails() -> None:
    torch.manual_seed(0)
    controller = Controller(Supernet(3, 3, 2, 8, nodes=1))
    before = {name: tensor.clone() for name, tensor in controller.state_dict().items()}
    images, labels = batch(torch.float32)
    with pytest.raises(IndexError):
        dominant_eigenvalue(controller, (images, labels + 3), CPU)
    assert all(torch.equal(tensor, before[name]) for name, tensor in controller.state_dict().items())


def test_dropped_identities_do_not_disturb_the_measurement() -> None:
    """P-DARTS drops out pixels: a difference of two gradients under different masks would measure the masks."""
    torch.manual_seed(0)
    controller = Controller(Supernet(3, 3, 2, 8, nodes=1)).train()
    undisturbed = dominant_eigenvalue(controller, batch(torch.float32), CPU)
    controller.supernet.set_skip_dropout(0.5)
    assert dominant_eigenvalue(controller, batch(torch.float32), CPU) == pytest.approx(undisturbed, rel=1e-3)


def test_a_loss_that_the_alphas_do_not_change_is_flat() -> None:
    torch.manual_seed(0)
    controller = Controller(Supernet(3, 3, 2, 8, nodes=1))
    with torch.no_grad():
        controller.supernet.classifier.weight.zero_()
    assert dominant_eigenvalue(controller, batch(torch.float32), CPU) == 0
