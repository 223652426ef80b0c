"""The strategy "pcdarts": partial channels and edge normalisation (Xu et al.: PC-DARTS, ICLR 2020).

A quarter of the channels goes through the mixture, the others pass by and are shuffled in; each edge has a weight of
its own, normalised over the edges of its node; the alphas rest until the weights have warmed up.
"""

from __future__ import annotations

from emonas.errors import UserError
from emonas.search.controller import Controller
from emonas.search.strategies import bilevel
from emonas.search.strategy import Setting

#: One in so many channels goes through the operations.
PART = 4
#: The share of the epochs in which the alphas rest: 15 of 50 in the authors' code.
WARM_UP = 0.3


def build(setting: Setting) -> bilevel.Bilevel:
    """PC-DARTS as published, with the rates that the options give. Raises UserError where channels do not divide."""
    config = setting.config
    assert config.epochs and config.cells and config.channels
    if config.channels % PART:
        raise UserError(f"--channels {config.channels}: pcdarts needs a multiple of {PART}")
    controller = Controller(setting.supernet(part=PART), edge_weights=True)
    warm_up = int(WARM_UP * config.epochs) if config.warm_up is None else config.warm_up
    plan = bilevel.make_plan(setting, warm_up=warm_up)
    penalty = bilevel.make_penalty(setting, config.cells, controller.supernet.depths)
    return bilevel.Bilevel(controller, plan, setting.device, penalty, bilevel.skip_budgets(setting))
