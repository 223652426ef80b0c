"""The command emonas-compare."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter
from cyclopts.validators import Number

from emonas.console import command_line, run
from emonas.options.types import Seed

app = command_line("emonas-compare", "Compare two results on the same samples.")

# Fewer would leave the ends of the interval to a handful of resamples.
Resamples = Annotated[int, Parameter(validator=Number(gte=200, lte=1_000_000))]


@app.default
def compare(a: Path, b: Path, /, *, seed: Seed = 0, resamples: Resamples = 10_000, json: bool = False) -> None:
    """Say by how much B is better than A, and whether that is more than chance: a paired bootstrap over subjects.

    Both must be about the same samples under the same protocol; with several seeds, each side's scores are averaged.

    Parameters
    ----------
    a
        Run folder of an emonas-train, or its results.json.
    b
        The one to compare with it.
    seed
        Seed of the resamples.
    resamples
        Number of resamples.
    json
        Print JSON.
    """
    from emonas.evaluate.compare.compare import compare as made
    from emonas.evaluate.compare.words import show_comparison

    show_comparison(made(a, b, resamples, seed), json)


def main() -> None:
    """Entry point of the command."""
    run(app)


if __name__ == "__main__":
    main()
