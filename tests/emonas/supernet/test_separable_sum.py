"""Sums of separable convolutions, normalised and weighted, against the same written with torch's own layers."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
import torch
import torch.nn.functional as F
from torch import Tensor

from emonas.supernet.separable_sum import EPSILON, MOMENTUM, Term, separable_rectified, separable_sum

C_IN, C_OUT = 3, 4


@dataclass
class Case:
    """Terms of one sum in double precision, their base, and all that can be differentiated by."""

    terms: list[Term]
    base: Tensor | None

    @property
    def leaves(self) -> list[Tensor]:
        """Each input once, then kernels, mixers, scales and the base."""
        inputs = {id(term.x): term.x for term in self.terms}
        parameters = [tensor for term in self.terms for tensor in (term.kernel, term.mixer, term.scale)]
        return [tensor for tensor in (*inputs.values(), *parameters, self.base) if tensor is not None]

    def twin(self) -> Case:
        """The same with running statistics of its own."""
        return Case([replace_statistics(term) for term in self.terms], self.base)


def replace_statistics(term: Term) -> Term:
    return term._replace(mean=term.mean.clone(), var=term.var.clone())


def single(term: Term) -> Term:
    """The same in single precision, with running statistics of its own."""
    return Term(*(part.detach().float() if isinstance(part, Tensor) else part for part in replace_statistics(term)))


def random(*shape: int) -> Tensor:
    return torch.randn(shape, dtype=torch.float64, requires_grad=True)


def picture(batch: int, height: int, width: int, channels: int = C_IN) -> Tensor:
    """Channels last, as all activations of the supernet are."""
    made = torch.randn(batch, channels, height, width, dtype=torch.float64)
    return made.contiguous(memory_format=torch.channels_last).requires_grad_()


def term(x: Tensor, kernel: int, stride: int = 1, dilation: int = 1, scaled: bool = True) -> Term:
    return Term(
        x=x,
        kernel=random(x.shape[1], 1, kernel, kernel),
        mixer=random(C_OUT, x.shape[1], 1, 1),
        scale=random() if scaled else None,
        mean=torch.randn(C_OUT, dtype=torch.float64),
        var=torch.rand(C_OUT, dtype=torch.float64) + 0.5,
        stride=stride,
        dilation=dilation,
    )


def plain(term: Term, training: bool) -> Tensor:
    """One summand as torch's layers give it."""
    padding = term.dilation * (term.kernel.shape[-1] // 2)
    u = F.conv2d(term.x, term.kernel, None, term.stride, padding, term.dilation, groups=len(term.kernel))
    normalised = F.batch_norm(
        F.conv2d(u, term.mixer), term.mean, term.var, training=training, momentum=MOMENTUM, eps=EPSILON
    )
    return normalised if term.scale is None else term.scale * normalised


def assert_same(case: Case, ours: list[Tensor], twin: Case, theirs: list[Tensor]) -> None:
    """Values, gradients of a random functional, running statistics.

    Gradients agree to ten digits of the largest in their tensor; where normalisation undoes a scale, and all of a
    tensor's gradient is rounding, to thirteen of the largest of all.
    """
    directions = [torch.randn_like(each) for each in theirs]
    gradients = []
    for found in (ours, theirs):
        loss = sum((direction * each).sum() for direction, each in zip(directions, found, strict=True))
        assert isinstance(loss, Tensor)
        gradients.append(torch.autograd.grad(loss, case.leaves))
    for left, right in zip(ours, theirs, strict=True):
        torch.testing.assert_close(left, right, rtol=1e-11, atol=1e-12)
    least = 1e-3 * max(float(right.abs().max()) for right in gradients[1])
    for left, right in zip(*gradients, strict=True):
        assert left.shape == right.shape
        assert (left - right).abs().max() < 1e-10 * max(least, float(right.abs().max()))
    for left, right in zip(case.terms, twin.terms, strict=True):
        torch.testing.assert_close(left.mean, right.mean, rtol=1e-12, atol=1e-12)
        torch.testing.assert_close(left.var, right.var, rtol=1e-12, atol=1e-12)


def compare(terms: list[Term], base: Tensor | None, training: bool) -> None:
    """The sum against the sum of the plain summands."""
    case = Case(terms, base)
    twin = case.twin()
    theirs = torch.stack([plain(each, training) for each in twin.terms]).sum(0)
    assert_same(case, [separable_sum(terms, base, training)], twin, [theirs if base is None else base + theirs])


def compare_rectified(terms: list[Term], training: bool) -> None:
    """Each rectified term against the plain one."""
    case = Case(terms, None)
    twin = case.twin()
    theirs = [F.relu(plain(each, training)) for each in twin.terms]
    assert_same(case, separable_rectified(terms, training), twin, theirs)


@pytest.fixture(autouse=True)
def seed() -> None:
    torch.manual_seed(0)


SHAPES = [(kernel, stride, dilation) for kernel in (3, 5) for stride in (1, 2) for dilation in (1, 2)]


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize(("kernel", "stride", "dilation"), SHAPES)
@pytest.mark.parametrize("sides", [(6, 8), (7, 5)])
def test_one_term_equals_torchs_layers(
    kernel: int, stride: int, dilation: int, sides: tuple[int, int], training: bool
) -> None:
    compare([term(picture(2, *sides), kernel, stride, dilation)], None, training)
    compare_rectified([term(picture(2, *sides), kernel, stride, dilation, scaled=False)], training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("based", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_a_sum_of_terms_that_share_an_input_or_not(scaled: bool, based: bool, training: bool) -> None:
    shared, other, larger = picture(2, 5, 6), picture(2, 5, 6), picture(2, 9, 11)
    terms = [
        term(shared, 3, scaled=scaled),
        term(other, 5, scaled=scaled),
        term(shared, 5, dilation=2, scaled=scaled),
        term(larger, 3, stride=2, scaled=scaled),
    ]
    compare(terms, picture(2, 5, 6, C_OUT) if based else None, training)


@pytest.mark.parametrize("training", [True, False])
@pytest.mark.parametrize("scaled", [True, False])
def test_rectified_terms_that_share_an_input_or_not(scaled: bool, training: bool) -> None:
    shared, other = picture(2, 5, 6), picture(2, 5, 6)
    compare_rectified([term(x, 3, scaled=scaled) for x in (shared, other, shared)], training)


def test_a_base_that_is_not_channels_last_is_read_alike() -> None:
    base = torch.randn(2, C_OUT, 5, 6, dtype=torch.float64, requires_grad=True)
    compare([term(picture(2, 5, 6), 3)], base, training=True)


def test_an_input_that_is_not_channels_last_is_read_alike() -> None:
    x = torch.randn(2, C_IN, 5, 6, dtype=torch.float64, requires_grad=True)
    compare([term(x, 3), term(x, 5)], None, training=True)


@pytest.mark.parametrize("stride", [1, 2])
def test_a_batch_of_two_pixels(stride: int) -> None:
    """The variance of two numbers is all but nothing where they are alike, and the unbiased one is twice the biased."""
    sides = (1, 2) if stride == 1 else (2, 4)
    compare([term(picture(1, *sides), 3, stride), term(picture(1, *sides), 5, stride)], None, training=True)


def test_a_single_pixel_is_normalised_to_nothing() -> None:
    only = term(picture(1, 1, 1), 3)
    z = separable_sum([only], None, training=True)
    assert z.abs().max() < 1e-10
    assert all(gradient.isfinite().all() for gradient in torch.autograd.grad(z.sum(), [only.x, only.kernel]))


def constant(value: float) -> Term:
    """A term that sees the same number everywhere, without a rim of padding: its variance is 0."""
    x = torch.full((2, C_IN, 4, 4), value, dtype=torch.float64).requires_grad_()
    return term(x, 1)


def test_a_constant_channel_gives_nothing_and_finite_gradients() -> None:
    for even, tolerance in ((constant(3.0), 1e-8), (single(constant(3.0)), 0.1)):
        even = even._replace(kernel=even.kernel.detach().requires_grad_())
        z = separable_sum([even], None, training=True)
        assert z.abs().max() < tolerance
        assert torch.autograd.grad(z.square().sum(), even.kernel)[0].isfinite().all()


def test_a_variance_that_rounding_makes_negative_is_none() -> None:
    for _ in range(20):
        z = separable_sum([single(constant(300.0))], None, training=True)
        assert z.isfinite().all()


def test_gradients_are_found_for_what_is_asked_only() -> None:
    x, base = picture(2, 5, 6), picture(2, 5, 6, C_OUT)
    terms = [term(x, 3), term(x, 5)]
    whole = torch.autograd.grad(separable_sum(terms, base, True).square().sum(), Case(terms, base).leaves)
    frozen = [t._replace(kernel=t.kernel.detach(), mixer=t.mixer.detach()) for t in terms]
    alone = torch.autograd.grad(separable_sum(frozen, base, True).square().sum(), [t.scale for t in terms])
    for left, right in zip(alone, (whole[3], whole[6]), strict=True):
        assert torch.allclose(left, right, rtol=1e-12)
    without = [t._replace(x=x.detach(), scale=t.scale.detach()) for t in terms]
    of_kernel, of_mixer = torch.autograd.grad(
        separable_sum(without, base.detach(), True).square().sum(), [terms[1].kernel, terms[1].mixer]
    )
    assert torch.allclose(of_kernel, whole[4], rtol=1e-12) and torch.allclose(of_mixer, whole[5], rtol=1e-12)


def test_evaluation_moves_no_statistic_and_training_moves_them_a_tenth() -> None:
    one = term(picture(4, 6, 6), 3)
    mean, var = one.mean.clone(), one.var.clone()
    separable_sum([one], None, training=False)
    assert torch.equal(one.mean, mean) and torch.equal(one.var, var)
    separable_sum([one], None, training=True)
    y = F.conv2d(F.conv2d(one.x, one.kernel, padding=1, groups=C_IN), one.mixer).transpose(0, 1).flatten(1)
    torch.testing.assert_close(one.mean, 0.9 * mean + 0.1 * y.mean(1))
    torch.testing.assert_close(one.var, 0.9 * var + 0.1 * y.var(1))


@pytest.mark.parametrize(("offset", "tolerance"), [(0.0, 1e-5), (10.0, 1e-3), (100.0, 1e-1)])
def test_single_precision_suffers_where_the_mean_is_large_beside_the_spread(offset: float, tolerance: float) -> None:
    """Variance from moments cancels (mean / spread)^2 digits; activations after normalisation have a ratio near 1."""
    exact = term(picture(8, 16, 16), 1)
    with torch.no_grad():
        exact.x.add_(offset)
    error = separable_sum([single(exact)], None, True).double() - plain(replace_statistics(exact), True)
    assert error.abs().max() < tolerance * exact.scale.abs()


def test_terms_may_have_one_channel() -> None:
    x = picture(2, 4, 4, channels=1)
    compare([term(x, 3), term(x, 5)], None, training=True)


def test_the_second_derivative_is_refused_and_not_wrong() -> None:
    one = term(picture(2, 4, 4), 3)
    (first,) = torch.autograd.grad(separable_sum([one], None, True).square().sum(), one.kernel, create_graph=True)
    with pytest.raises(RuntimeError, match="once_differentiable"):
        first.sum().backward()
