"""Types and defaults of command-line options that several commands share. Light to import: no torch, no numpy."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import Parameter
from cyclopts.validators import Number

from emonas.operations.table import OPERATION_NAMES

DeviceName = Literal["auto", "cpu", "cuda"]
ProtocolName = Literal["auto", "fixed", "loso", "kfold", "au3"]
Representation = Literal["auto", "still", "dynamic", "dynamic-pair", "flow", "apex", "clip"]
Coefficients = Literal["exact", "linear", "learnet"]
Span = Literal["onset-offset", "onset-apex"]
FlowMethod = Literal["farneback", "tvl1", "dis"]
Interpolation = Literal["none", "linear", "graph"]
EpochRule = Literal["last", "inner", "test-best"]
EngineName = Literal["local", "ray"]
Optimiser = Literal["sgd", "adamw"]
Balance = Literal["none", "sampler", "loss"]
MethodName = Literal["plain"]
StrategyName = Literal["emonas", "darts", "pdarts", "pcdarts", "random"]
if TYPE_CHECKING:
    OperationName = str
else:
    # The command line takes its choices from here; a type checker cannot read a Literal that is computed.
    OperationName = Literal[OPERATION_NAMES]

# Upper limits that nobody means to reach: beyond them files cannot hold a number, or lists not the tasks.
Positive = Annotated[int, Parameter(validator=Number(gte=1, lte=10**9))]
Count = Annotated[int, Parameter(validator=Number(gte=0, lte=10**9))]
Seeds = Annotated[int, Parameter(validator=Number(gte=1, lte=10_000))]
# What a genotype file may say.
Channels = Annotated[int, Parameter(validator=Number(gte=1, lte=4096))]
NonNegative = Annotated[float, Parameter(validator=Number(gte=0, lte=1e300))]
Seed = Annotated[int, Parameter(validator=Number(gte=0, lt=2**31))]
Rate = Annotated[float, Parameter(validator=Number(gt=0, lte=1e300))]
Share = Annotated[float, Parameter(validator=Number(gte=0, lt=1))]
Folds = Annotated[int, Parameter(validator=Number(gte=2, lte=10**9))]
# Fewer than three cells would leave no place for a normal one between the two reductions.
Cells = Annotated[int, Parameter(validator=Number(gte=3, lte=200))]
Length = Annotated[int, Parameter(validator=Number(gte=2, lte=128))]
Gain = Annotated[float, Parameter(validator=Number(gte=0, lte=100))]
Bits = Literal[0, 8, 10, 12, 14, 16]
Side = Annotated[int, Parameter(validator=Number(gte=8, lte=1024))]


def power_of_two(wanted: int, low: int, high: int) -> int:
    """The largest power of two up to ``wanted``, kept between ``low`` and ``high``."""
    return max(low, min(high, 1 << (max(1, wanted).bit_length() - 1)))
