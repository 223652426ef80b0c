"""The strategy "pcdarts": partial channels and edge normalisation (Xu et al.: PC-DARTS, ICLR 2020).

A quarter of the channels goes through the mixture, the others pass by and are shuffled in; each edge has a weight of
its own, normalised over the edges of its node; the alphas rest until the weights have warmed up.
"""

from __future__ import annotations

from emonas.errors import UserError
from emonas.search.controller import Controller
from emonas.search.plan import SearchPlan
from emonas.search.strategies.bilevel import Bilevel, make_bilevel
from emonas.search.strategy import StrategyEntry, make_supernet

#: One in so many channels goes through the operations.
PART = 4


def build(plan: SearchPlan) -> Bilevel:
    """PC-DARTS as published, with the plan's rates. Raises UserError where channels do not divide."""
    if plan.channels % PART:
        raise UserError(f"--channels {plan.channels}: pcdarts needs a multiple of {PART}")
    return make_bilevel(Controller(make_supernet(plan, part=PART), edge_weights=True), plan)


#: The alphas rest in 15 of 50 epochs in the authors' code.
STRATEGY = StrategyEntry(build, alpha_rate=6e-4, warm_up=0.3)
