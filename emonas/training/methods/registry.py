"""Every training method by the name that users type: each in the module of its name (_ for -), which has ``build``."""

from __future__ import annotations

from collections.abc import Callable
from importlib import import_module
from typing import get_args

from emonas.options.types import MethodName
from emonas.training.method import Method
from emonas.training.plan import TrainingPlan

METHODS: dict[MethodName, Callable[[TrainingPlan], Method]] = {
    name: import_module(f"emonas.training.methods.{name.replace('-', '_')}").build for name in get_args(MethodName)
}


def make_method(plan: TrainingPlan) -> Method:
    """The plan's method."""
    return METHODS[plan.method](plan)
