"""Sums of depthwise-separable convolutions, each normalised over the batch and weighted, in few passes over the pixels.

    z = base + sum_k s_k BN(U_k W_k^T),    U_k = x_k * kernel_k                                             (1)

with * the depthwise convolution, U_k (pixels, c_in) its channels-last pixels, W_k (c_out, c_in) the pointwise one and
BN without affine parameters. The statistics of Y = U W^T follow from two moments of U:

    m = W mu,    v = diag(W M W^T) - m^2,    mu = U^T 1 / P,    M = U^T U / P                               (2)

so that s BN(Y) = U A^T - a m with a = s / d, d = sqrt(v + eps), A = diag(a) W: one matrix product, added in place. No
Y is written, read for its statistics, or kept for the backward pass. With D the gradient of z, G = D^T U, g = D^T 1,
k = (diag(G W^T) - g m) / d and p = a k / (P d), the backward pass of batch normalisation becomes

    dU = D A - U W^T diag(p) W - 1 (a g / P - p m)^T W                                                      (3)
    dW = diag(a) (G - g mu^T) - diag(P p) (W M - m mu^T),    ds = sum(k)                                    (4)

What has no pixels is computed for all terms at once: a first index, the term's, stands before the letters' own. What
has pixels is used while it lies in the cache: the moments right after the convolution, its gradients right after dU.
Ioffe, Szegedy: Batch Normalization, ICML 2015, with the moments taken before the product.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import torch
from torch import Tensor
from torch.autograd.function import once_differentiable

from emonas.supernet.depthwise import convolve, input_gradient, weight_gradient

MOMENTUM, EPSILON = 0.1, 1e-5


class Term(NamedTuple):
    """One summand of (1).

    ``x`` (N, c_in, H, W), ``kernel`` (c_in, 1, k, k) with ``stride`` and ``dilation``, ``mixer`` (c_out, c_in, 1, 1),
    ``scale`` () or None for 1. ``mean`` and ``var`` (c_out,): running statistics, moved in training, used in
    evaluation.
    """

    x: Tensor
    kernel: Tensor
    mixer: Tensor
    scale: Tensor | None
    mean: Tensor
    var: Tensor
    stride: int = 1
    dilation: int = 1


def separable_sum(terms: Sequence[Term], base: Tensor | None, training: bool) -> Tensor:
    """The sum (1), (N, c_out, H, W) and channels last; either all terms have a scale or none has.

    In training, running statistics move by MOMENTUM towards the batch's, the variance by its unbiased estimate.
    Differentiable once, with respect to base, x, kernel, mixer and scale.
    """
    return _apply(terms, [0] * len(terms), base, training, rectify=False)[0]


def separable_rectified(terms: Sequence[Term], training: bool) -> list[Tensor]:
    """The positive part of each term on its own, max(0, s BN(U W^T)); else as `separable_sum`."""
    return list(_apply(terms, list(range(len(terms))), None, training, rectify=True))


class _How(NamedTuple):
    """What is no tensor to differentiate by: for each term the position of its input and of its output, and so on."""

    training: bool
    rectify: bool
    sources: list[int]
    into: list[int]
    shapes: list[tuple[int, int]]
    statistics: list[tuple[Tensor, Tensor]]


class _Known(NamedTuple):
    """The letters of (2), kept for the backward pass; ``mu`` and ``M`` are empty in evaluation."""

    W: Tensor
    mu: Tensor
    M: Tensor
    m: Tensor
    d: Tensor
    a: Tensor


def _apply(
    terms: Sequence[Term], into: list[int], base: Tensor | None, training: bool, rectify: bool
) -> tuple[Tensor, ...]:
    xs: list[Tensor] = []
    sources: list[int] = []
    for term in terms:
        known = [i for i, x in enumerate(xs) if x is term.x]
        sources.append(known[0] if known else len(xs))
        if not known:
            xs.append(term.x)
    shapes = [(term.stride, term.dilation) for term in terms]
    how = _How(training, rectify, sources, into, shapes, [(term.mean, term.var) for term in terms])
    scales = [term.scale for term in terms if term.scale is not None]
    parameters = [*(term.kernel for term in terms), *(term.mixer for term in terms), *scales]
    outputs: tuple[Tensor, ...] = _SeparableSum.apply(how, base, *xs, *parameters)
    return outputs


def _pixels(x: Tensor) -> Tensor:
    """(N, C, H, W), channels last in memory, as (pixels, C) without a copy."""
    return x.permute(0, 2, 3, 1).reshape(-1, x.shape[1])


def _picture(pixels: Tensor, like: Tensor) -> Tensor:
    """(pixels, C) as (N, C, H, W) with the sides of ``like``."""
    n, _, height, width = like.shape
    return pixels.view(n, height, width, -1).permute(0, 3, 1, 2)


def _convolved(
    how: _How, xs: Sequence[Tensor], kernels: Sequence[Tensor], W: Tensor
) -> tuple[list[Tensor], Tensor, Tensor]:
    """U of each term, and in training mu and M."""
    us: list[Tensor] = []
    mu, M = W.new_empty(W.shape[0], W.shape[2]), W.new_empty(W.shape[0], W.shape[2], W.shape[2])
    for i, (source, kernel, shape) in enumerate(zip(how.sources, kernels, how.shapes, strict=True)):
        us.append(convolve(xs[source], kernel, *shape))
        if how.training:
            u = _pixels(us[-1])
            torch.sum(u, 0, out=mu[i])
            torch.addmm(M[i], u.t(), u, beta=0, alpha=1 / len(u), out=M[i])
    P = us[0].numel() // us[0].shape[1]
    return us, mu.div_(P), M


def _know(how: _How, W: Tensor, scales: Tensor | None, mu: Tensor, M: Tensor, P: int) -> _Known:
    """Equation (2), and the running statistics moved; in evaluation m and v are the running ones."""
    if how.training:
        m = (W @ mu[:, :, None]).squeeze(2)
        v = torch.addcmul(((W @ M) * W).sum(2), m, m, value=-1).clamp_min_(0)
        torch._foreach_lerp_([mean for mean, _ in how.statistics], list(m.unbind()), MOMENTUM)
        torch._foreach_lerp_([var for _, var in how.statistics], list((v * (P / max(1, P - 1))).unbind()), MOMENTUM)
    else:
        m, v = (torch.stack(running) for running in zip(*how.statistics, strict=True))
    d = (v + EPSILON).sqrt_()
    return _Known(W, mu, M, m, d, d.reciprocal() if scales is None else scales[:, None] / d)


class _SeparableSum(torch.autograd.Function):
    """Equation (1) forward, (3) and (4) backward, for terms that go into one output or into one each."""

    @staticmethod
    def forward(ctx: Any, how: _How, base: Tensor | None, *inputs: Tensor) -> tuple[Tensor, ...]:
        """``inputs``: the states x (N, C, H, W), then each term's depthwise kernel, mixer W and, if scaled, scale."""
        first, terms = max(how.sources) + 1, len(how.sources)
        xs, kernels, mixers = inputs[:first], inputs[first : first + terms], inputs[first + terms : first + 2 * terms]
        scales = torch.stack(inputs[first + 2 * terms :]) if len(inputs) > first + 2 * terms else None
        W = torch.stack(mixers).flatten(2)
        convolved, mu, M = _convolved(how, xs, kernels, W)
        us = [_pixels(u) for u in convolved]
        known = _know(how, W, scales, mu, M, len(us[0]))
        offsets, A = -known.a * known.m, known.a[:, :, None] * W
        if how.rectify:
            zs = [torch.addmm(offset, u, a.t()).relu_() for offset, u, a in zip(offsets, us, A, strict=True)]
        else:
            offset = offsets.sum(0)
            zs = [torch.addmm(offset, us[0], A[0].t()) if base is None else _pixels(base) + offset]
            for i in range(0 if base is not None else 1, terms):
                zs[0].addmm_(us[i], A[i].t())
        outputs = tuple(_picture(z, convolved[0]) for z in zs)
        ctx.how, ctx.known = how, known
        ctx.save_for_backward(*xs, *kernels, *convolved, *(outputs if how.rectify else ()))
        return outputs

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, *gradients: Tensor) -> tuple[Tensor | None, ...]:
        """A gradient for each argument of `forward`, in its order; None where none is wanted."""
        how, wanted = ctx.how, ctx.needs_input_grad
        first, terms = max(how.sources) + 1, len(how.sources)
        saved = ctx.saved_tensors
        xs, kernels, convolved = saved[:first], saved[first : first + terms], saved[first + terms : first + 2 * terms]
        gradients = tuple(gradient.contiguous(memory_format=torch.channels_last) for gradient in gradients)
        if how.rectify:
            pairs = zip(gradients, saved[first + 2 * terms :], strict=True)
            gradients = tuple(torch.ops.aten.threshold_backward(gradient, z, 0) for gradient, z in pairs)
        back = _Backward(how, ctx.known, [_pixels(gradient) for gradient in gradients], [_pixels(u) for u in convolved])
        of_xs: list[Tensor | None] = [None] * first
        of_kernels: list[Tensor | None] = []
        for i, (source, kernel, shape) in enumerate(zip(how.sources, kernels, how.shapes, strict=True)):
            du = _picture(back.of_pixels(i), gradients[0])
            if wanted[2 + source]:
                of_x, so_far = input_gradient(du, xs[source], kernel, *shape), of_xs[source]
                of_xs[source] = of_x if so_far is None else so_far.add_(of_x)
            of_kernels.append(weight_gradient(du, xs[source], kernel, *shape) if wanted[2 + first + i] else None)
        of_mixers = back.of_mixers() if wanted[2 + first + terms] else [None] * terms
        of_scales = back.k.sum(1).unbind() if len(wanted) > 2 + first + 2 * terms else ()
        return (None, gradients[0] if wanted[1] else None, *of_xs, *of_kernels, *of_mixers, *of_scales)


class _Backward:
    """Equations (3) and (4); in evaluation the statistics are constants and only the first terms remain."""

    def __init__(self, how: _How, known: _Known, Ds: list[Tensor], us: list[Tensor]) -> None:
        self.how, self.known, self.Ds, self.us = how, known, Ds, us
        W, a = known.W, known.a
        self.G = torch.empty_like(W)
        for i, output in enumerate(how.into):
            torch.mm(Ds[output].t(), us[i], out=self.G[i])
        sums = torch.stack([D.sum(0) for D in Ds])
        self.g = sums if how.rectify else sums.expand(len(us), -1)
        self.k = torch.addcmul((self.G * W).sum(2), self.g, known.m, value=-1).div_(known.d)
        self.A = a[:, :, None] * W
        if how.training:
            P = len(us[0])
            self.Pp = a * self.k / known.d
            self.offset = ((self.Pp * known.m - a * self.g)[:, None, :] @ W).squeeze(1).div_(P)
            self.pull = (W.transpose(1, 2) @ (self.Pp[:, :, None] * W)).div_(-P)

    def of_pixels(self, i: int) -> Tensor:
        """dU of one term."""
        D = self.Ds[self.how.into[i]]
        if not self.how.training:
            return D @ self.A[i]
        return torch.addmm(self.offset[i], D, self.A[i]).addmm_(self.us[i], self.pull[i])

    def of_mixers(self) -> tuple[Tensor, ...]:
        """dW of all terms, as 1x1 convolutions."""
        W, mu, M, m, _, a = self.known
        dW = a[:, :, None] * self.G
        if self.how.training:
            dW -= (a * self.g)[:, :, None] * mu[:, None, :]
            dW -= self.Pp[:, :, None] * (W @ M - m[:, :, None] * mu[:, None, :])
        return dW[:, :, :, None, None].unbind()
