"""What one fold's network answered, as predictions.json in its folder holds it."""

from __future__ import annotations

from dataclasses import dataclass, field

from emonas.evaluate.results.record import Answer
from emonas.records import Count, Format, Number, Share

NAME = "predictions.json"


@dataclass(frozen=True)
class Curves:
    """The course of a training, a value for each epoch; ``inner_uar`` is empty where no rule watches it."""

    loss: tuple[Number, ...] = ()
    accuracy: tuple[Share, ...] = ()
    inner_uar: tuple[Share, ...] = ()


@dataclass(frozen=True)
class Course:
    """All that curves need of a file."""

    history: Curves


@dataclass(frozen=True, kw_only=True)
class Predictions:
    """A judged fold: ``epoch`` is the judged one, ``clips`` as "dataset/subject/clip"; one place a sample.

    ``probabilities`` has for each sample one of every answer. Only what a result is made of must be there.
    """

    fold: str = ""
    seed: Count = 0
    epoch: Count
    clips: tuple[str, ...] = ()
    positions: tuple[Count, ...]
    truth: tuple[Answer, ...] = ()
    probabilities: tuple[tuple[Share, ...], ...]
    history: Curves = field(default_factory=Curves)


def check_predictions(found: Predictions) -> None:
    """Every sample has its probabilities, as many as the others. Raises ValueError."""
    for name, values in (("truth", found.truth), ("clips", found.clips)):
        if len(values) not in (0, len(found.positions)):
            raise ValueError(f'"{name}" does not fit "positions"')
    if len(found.probabilities) != len(found.positions) or len({len(row) for row in found.probabilities}) > 1:
        raise ValueError('"probabilities" does not fit "positions"')


PREDICTIONS = Format(Predictions, check=check_predictions)
COURSE = Format(Course)
