"""Values from Python are held to the types and ranges of a config, and what is near enough is made to fit."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Literal

import numpy as np
import pytest

from emonas.errors import UserError
from emonas.options.keywords import check_values, takes_options
from emonas.options.types import Count, Positive, Rate, Share


@dataclass(frozen=True, kw_only=True)
class Config:
    epochs: Positive | None = None
    rate: Rate = 0.1
    share: Share = 0.0
    kind: Literal["slow", "fast"] = "slow"
    order: Literal[1, 2] | None = None
    budget: Count | Literal["auto"] | None = None
    counts: tuple[Positive, ...] = ()
    names: tuple[str, ...] = ()
    out: Path | None = None
    quiet: bool = False


@pytest.mark.parametrize(
    ("given", "made"),
    [
        ({"epochs": np.int64(3)}, {"epochs": 3}),
        ({"rate": 1}, {"rate": 1.0}),
        ({"rate": np.float32(0.5)}, {"rate": 0.5}),
        ({"budget": "auto", "order": 2}, {"budget": "auto", "order": 2}),
        ({"budget": 0}, {"budget": 0}),
        ({"counts": [1, 2]}, {"counts": (1, 2)}),
        ({"names": [1, "12", Path("s1")]}, {"names": ("1", "12", "s1")}),
        ({"out": "runs/x", "quiet": True}, {"out": Path("runs/x"), "quiet": True}),
    ],
    ids=str,
)
def test_what_is_near_enough_is_made_to_fit(given: dict[str, Any], made: dict[str, Any]) -> None:
    found = check_values(replace(Config(), **given))
    assert found == replace(Config(), **made)
    assert {type(getattr(found, name)) for name in made} == {type(value) for value in made.values()}


@pytest.mark.parametrize(
    ("given", "words"),
    [
        ({"epochs": 0}, "--epochs 0: must be >= 1"),
        ({"epochs": 1.5}, "--epochs 1.5: must be a whole number"),
        ({"epochs": True}, "--epochs True: must be a whole number"),
        ({"epochs": "3"}, "--epochs '3': must be a whole number"),
        ({"rate": 0.0}, "--rate 0.0: must be > 0"),
        ({"rate": float("nan")}, "--rate nan: must be <= 1e+300"),
        ({"rate": float("inf")}, "--rate inf: must be <= 1e+300"),
        ({"rate": None}, "--rate None: must be a number"),
        ({"share": 1}, "--share 1: must be < 1"),
        ({"kind": "quick"}, "--kind 'quick': must be one of slow, fast"),
        ({"order": True}, "--order True: must be one of 1, 2"),
        ({"budget": -1}, "--budget -1: must be >= 0"),
        ({"budget": "all"}, "--budget 'all': must be a whole number or one of auto"),
        ({"counts": (2, 0)}, r"--counts (2, 0): must be >= 1"),
        ({"counts": 3}, "--counts 3: must be a list or a tuple"),
        ({"names": "12"}, "--names '12': must be a list or a tuple"),
        ({"out": 3}, "--out 3: must be a path"),
        ({"quiet": "no"}, "--quiet 'no': must be True or False"),
    ],
    ids=str,
)
def test_what_does_not_fit_is_refused_in_one_line(given: dict[str, Any], words: str) -> None:
    with pytest.raises(UserError) as refused:
        check_values(replace(Config(), **given))
    assert str(refused.value) == words


def test_a_function_keeps_its_name_and_words() -> None:
    @takes_options(Config)
    def run(config: Config) -> int:
        """Run it."""
        return config.epochs or 0

    assert run(epochs=3) == run(Config(epochs=3)) == 3 and run() == 0
    assert (run.__name__, run.__doc__) == ("run", "Run it.")  # type: ignore[attr-defined]
    with pytest.raises(TypeError, match=r"run\(\) got an unexpected keyword argument 'epoch'; did you mean epochs\?"):
        run(epoch=3)  # type: ignore[call-overload]
