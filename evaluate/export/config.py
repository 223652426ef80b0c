"""The options of emonas-export."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

Pictures = Annotated[int, Parameter(validator=Number(gte=1, lte=100_000))]


@dataclass(frozen=True, kw_only=True)
class ExportConfig:
    """Options of emonas-export."""

    check: Pictures = 100
    """How many random pictures, and how many of the prepared set where it is there, must get PyTorch's answers."""
    int8: bool = False
    """Make a second model with whole-number weights and activations, beside the first, and say what that costs."""
    dataset: str | None = None
    """Prepared data set that gives the real pictures. [default: the one that the network was trained on]"""
