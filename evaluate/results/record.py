"""What a training has found, as results.json holds it: fields are its keys, in its order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Annotated, Any, Literal, Protocol

from msgspec import Meta

from emonas.genotype import MOST_CELLS, MOST_CHANNELS
from emonas.records import Count, Number, SetName, Share

#: One sample's answer: the class's position, or for each action unit 0 or 1.
Answer = int | tuple[int, ...]
#: Names and values of options, of which later versions may have others.
Options = Mapping[str, Any]


class Measured(Protocol):
    """What has the three scores."""

    @property
    def accuracy(self) -> float:
        """Share of right answers."""

    @property
    def uf1(self) -> float:
        """Unweighted mean of the classes' F1."""

    @property
    def uar(self) -> float:
        """Unweighted mean of the classes' recall."""


def measure(of: Measured, key: str) -> float:
    """One of the three scores, by its key."""
    return float(getattr(of, key))


@dataclass(frozen=True)
class Measures:
    """The three scores of some answers."""

    accuracy: Share
    uf1: Share
    uar: Share


@dataclass(frozen=True)
class SeedMeasures:
    """The three scores of one seed's answers."""

    seed: Count
    accuracy: Share
    uf1: Share
    uar: Share


@dataclass(frozen=True)
class PartMeasures:
    """The three scores on one source of a composite, with its ``n`` samples; means over the seeds."""

    name: str
    n: Count
    accuracy: Share
    uf1: Share
    uar: Share


@dataclass(frozen=True)
class ClassMeasures:
    """F1 and recall of one class or unit with ``n`` samples; means over the seeds, None for what is undefined."""

    name: str
    n: Count
    f1: Share | None
    recall: Share | None


@dataclass(frozen=True)
class Interval:
    """Standard deviation over the seeds, None for one seed, and the 95 % interval over people, None for one person."""

    std: Share | None
    low: Share | None
    high: Share | None


@dataclass(frozen=True)
class Spread:
    """The spread of each of the three scores."""

    accuracy: Interval
    uf1: Interval
    uar: Interval

    def of(self, key: str) -> Interval:
        """That of one score, by its key."""
        found: Interval = getattr(self, key)
        return found


@dataclass(frozen=True)
class FoldAnswers:
    """What one fold's network answered under one seed, a sample at a place in all the lists.

    ``positions`` are those in the prepared set, ``people`` as "dataset/subject". ``confidence`` is empty for units.
    """

    seed: Count
    fold: str
    subjects: tuple[str, ...]
    n: Count
    epoch: Count
    positions: tuple[Count, ...]
    clips: tuple[str, ...]
    people: tuple[str, ...]
    truth: tuple[Answer, ...]
    predictions: tuple[Answer, ...]
    confidence: tuple[Share | None, ...] = ()


@dataclass(frozen=True)
class NetworkFacts:
    """The judged network; ``parameters`` is the mean over the folds' networks, beside their least and most."""

    arch: str
    cells: Annotated[int, Meta(ge=1, le=MOST_CELLS)] | None
    channels: Annotated[int, Meta(ge=1, le=MOST_CHANNELS)] | None
    parameters: Count
    parameters_of_folds: tuple[Count, Count] | None = None


@dataclass(frozen=True)
class Origin:
    """A data set that weights have learnt from; ``people`` in it by fold, "" for all folds."""

    dataset: SetName
    database: str
    fingerprint: str
    protocol: str
    subjects_known: bool
    people: Mapping[str, tuple[str, ...]]


@dataclass(frozen=True, kw_only=True, repr=False)
class Results:
    """All that a training has found; scores are means over the seeds of each seed's pooled predictions.

    ``n_subjects`` is None where nobody is named. ``confusion``: summed over the seeds, truth in rows; None for units.
    ``per_fold`` has a row for each fold under each seed. ``search_saw_test_subjects`` is None where it cannot be told.
    ``leaks`` are sentences. ``trained_on`` is None in files from before it was written. ``seconds``: None where the
    training was interrupted.
    """

    dataset: SetName
    database: str
    protocol: str
    protocol_in_words: str
    task: Literal["classes", "units"]
    classes: tuple[str, ...]
    n_samples: Count
    n_subjects: Count | None
    n_folds: Count
    seeds: tuple[Count, ...]
    epoch_rule: str
    epoch_rule_in_words: str
    accuracy: Share
    uf1: Share
    uar: Share
    chance: Measures
    confusion: tuple[tuple[Count, ...], ...] | None
    per_class: tuple[ClassMeasures, ...]
    per_seed: tuple[SeedMeasures, ...]
    parts: tuple[PartMeasures, ...]
    spread: Spread
    interval_in_words: str
    per_fold: tuple[FoldAnswers, ...]
    model: NetworkFacts
    parameters: Count
    search_saw_test_subjects: bool | None
    seen_subjects: tuple[str, ...]
    leaks: tuple[str, ...]
    pretrained: str | None = field(default=None)
    trained_on: tuple[Origin, ...] | None = field(default=None)
    recipe: Options
    input: Options
    command: str
    versions: Mapping[str, str]
    seconds: Number | None

    def __repr__(self) -> str:
        people = "people unknown" if self.n_subjects is None else f"{self.n_subjects} people"
        scores = f"UAR {self.uar:.3f}, UF1 {self.uf1:.3f}, accuracy {self.accuracy:.3f}"
        return f"<Results on {self.dataset} ({self.protocol}): {scores}; {self.n_samples} samples, {people}>"
