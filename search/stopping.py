"""Early stopping of a search that collapses: what shows that it goes wrong, and the rules that stop it.

A search that runs too long fills its cells with skip connections, which are easy to learn through and worth little. Two
signs of it are known: the number of skip connections in the normal cell (Liang et al.: DARTS+, 2019), and the dominant
eigenvalue of the Hessian of the validation loss with respect to the alphas, which grows when the found minimum gets
sharp, so that deriving a discrete cell falls off it (Zela et al.: Understanding and Robustifying DARTS, ICLR 2020).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, NamedTuple

import torch
from torch import Tensor

from emonas.device import mixed_precision
from emonas.search.controller import Controller
from emonas.training.losses import Batch

#: A rule must hold for so many epochs in a row: one epoch's cell is chance.
PATIENCE = 3
#: Measurements of the eigenvalue that are averaged on both sides of the comparison.
WINDOW = 3
ITERATIONS = 8
#: Length of the step of the central difference, in units of the alphas.
STEP = 1e-2


def dominant_eigenvalue(controller: Controller, probe: Batch, device: torch.device) -> float:
    """The largest eigenvalue of the Hessian of the loss on ``probe`` with respect to the alphas, by power iteration.

    Hessian times vector is a central difference of gradients. No running statistic and no alpha is moved for good.
    """
    kept = {name: buffer.clone() for name, buffer in controller.named_buffers()}
    dropout = controller.supernet.skip_dropout
    controller.supernet.set_skip_dropout(0.0)  # else the difference would measure two masks
    alphas: list[Tensor] = list(controller.alphas())
    before = [alpha.detach().clone() for alpha in alphas]

    def gradient(direction: list[Tensor], sign: int) -> list[Tensor]:
        with torch.no_grad():
            torch._foreach_copy_(alphas, torch._foreach_add(before, direction, alpha=sign * STEP))
        with mixed_precision(device):
            loss, _ = controller.architecture_loss(*probe)
        return list(torch.autograd.grad(loss, alphas))

    def times_hessian(vector: list[Tensor]) -> list[Tensor]:
        difference = torch._foreach_sub(gradient(vector, 1), gradient(vector, -1))
        return list(torch._foreach_div(difference, 2 * STEP))

    generator = torch.Generator().manual_seed(0)
    start = [torch.randn(alpha.shape, generator=generator).to(alpha) for alpha in alphas]
    try:
        return _power_iteration(times_hessian, start)
    finally:
        controller.supernet.set_skip_dropout(dropout)
        with torch.no_grad():
            torch._foreach_copy_(alphas, before)
            for name, buffer in controller.named_buffers():
                buffer.copy_(kept[name])


def _power_iteration(times: Callable[[list[Tensor]], list[Tensor]], vector: list[Tensor]) -> float:
    eigenvalue = 0.0
    for _ in range(ITERATIONS):
        length = float(torch.stack(torch._foreach_norm(vector)).norm())
        if length < 1e-12:
            return 0.0
        vector = list(torch._foreach_div(vector, length))
        image = times(vector)
        eigenvalue = sum(float((v * w).sum()) for v, w in zip(vector, image, strict=True))
        vector = image
    return eigenvalue


@dataclass(frozen=True)
class Rules:
    """When to stop: more than ``skips`` skip connections in the normal cell; an eigenvalue ``eigenvalue`` times the
    earlier one. None: never."""

    skips: int | None = None
    eigenvalue: float | None = None


class Stop(NamedTuple):
    """Why a search must end: the last good epoch, counted from 0, and the reason in words."""

    epoch: int
    reason: str


class EarlyStopping:
    """What was seen epoch by epoch, and whether a rule has been broken for good."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self.skips: list[int] = []
        self.eigenvalues: list[tuple[int, float]] = []

    def update(self, skips: int, eigenvalue: float | None) -> None:
        """Note an epoch: skip connections of the normal cell, and the eigenvalue where it was measured."""
        self.skips.append(skips)
        if eigenvalue is not None:
            self.eigenvalues.append((len(self.skips) - 1, eigenvalue))

    def check(self) -> Stop | None:
        """Why the search must end; None while all is well."""
        return self._skips() or self._eigenvalue()

    def _skips(self) -> Stop | None:
        most = self.rules.skips
        if most is None or len(self.skips) <= PATIENCE:
            return None
        good = [epoch for epoch, skips in enumerate(self.skips) if skips <= most]
        if not good or len(self.skips) - 1 - good[-1] < PATIENCE:
            return None
        return Stop(good[-1], f"more than {most} skip connections in the normal cell for {PATIENCE} epochs")

    def _eigenvalue(self) -> Stop | None:
        factor = self.rules.eigenvalue
        if factor is None or len(self.eigenvalues) < 2 * WINDOW:
            return None
        values = [value for _, value in self.eigenvalues]
        earlier, now = sum(values[-2 * WINDOW : -WINDOW]) / WINDOW, sum(values[-WINDOW:]) / WINDOW
        if earlier <= 0 or now <= factor * earlier:
            return None
        return Stop(
            self.eigenvalues[-WINDOW - 1][0], f"the loss became {now / earlier:.1f} times as sharp in the alphas"
        )

    def state_dict(self) -> dict[str, Any]:
        """What was seen."""
        return {"skips": list(self.skips), "eigenvalues": [list(pair) for pair in self.eigenvalues]}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Continue from what `state_dict` gave."""
        if not all(isinstance(skips, int) for skips in state["skips"]):
            raise TypeError("skips that are no whole numbers")
        self.skips = list(state["skips"])
        self.eigenvalues = [(int(epoch), float(value)) for epoch, value in state["eigenvalues"]]
