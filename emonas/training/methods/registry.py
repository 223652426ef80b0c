"""Every training method by the name that users type."""

from __future__ import annotations

from collections.abc import Callable

from emonas.options.types import MethodName
from emonas.training.method import Method
from emonas.training.methods import supervised
from emonas.training.plan import TrainingPlan

METHODS: dict[MethodName, Callable[[TrainingPlan], Method]] = {
    "plain": supervised.build,
}


def make_method(plan: TrainingPlan) -> Method:
    """The plan's method."""
    return METHODS[plan.method](plan)
