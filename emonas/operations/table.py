"""The operations of the search space, one line each: all else about them is derived from this table.

Genotypes, options and pictures read it too, so it is light to import: no torch. A further size of a family that is here
is one more line. Put it last: the lines are the columns of the alphas.
Liu, Simonyan, Yang: DARTS, ICLR 2019, section 3.1; without its "none".
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

#: What computes an operation. A separable convolution is applied twice, a dilated one is separable and applied once.
Family = Literal["max_pool", "avg_pool", "skip", "sep_conv", "dil_conv"]

# Of the palette of Okabe and Ito, safe for the colour-blind.
ORANGE, PURPLE, GREEN, BLUE, VERMILION = "#e69f00", "#cc79a7", "#009e73", "#0072b2", "#d55e00"


@dataclass(frozen=True)
class Operation:
    """An operation: ``name`` in files and options, ``short_name`` and ``colour`` in pictures, and what it computes.

    ``kernel`` is the side of its window in pixels, odd; ``dilation`` is that of a dilated convolution.
    """

    name: str
    short_name: str
    colour: str
    family: Family
    kernel: int = 1
    dilation: int = 1


_LINES = (
    Operation("max_pool_3x3", "max pool 3×3", ORANGE, "max_pool", kernel=3),
    Operation("avg_pool_3x3", "avg pool 3×3", PURPLE, "avg_pool", kernel=3),
    Operation("skip_connect", "skip", GREEN, "skip"),
    Operation("sep_conv_3x3", "sep conv 3×3", BLUE, "sep_conv", kernel=3),
    Operation("sep_conv_5x5", "sep conv 5×5", BLUE, "sep_conv", kernel=5),
    Operation("dil_conv_3x3", "dil conv 3×3", VERMILION, "dil_conv", kernel=3, dilation=2),
    Operation("dil_conv_5x5", "dil conv 5×5", VERMILION, "dil_conv", kernel=5, dilation=2),
)

#: Every operation by its name, in the order of the alphas' columns.
OPERATIONS = {operation.name: operation for operation in _LINES}
OPERATION_NAMES = tuple(OPERATIONS)
#: The column of the skip connection.
SKIP = OPERATION_NAMES.index("skip_connect")


def select_family(*families: Family) -> dict[int, Operation]:
    """The operations of these families by their columns."""
    return {column: operation for column, operation in enumerate(_LINES) if operation.family in families}
