"""What a trained network must say of itself so that it can be used: its form, its answers, its pictures, its worth.

A model file carries this as JSON beside the weights; a folder of a training's fold gives the same.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from typing import Annotated, Any, Literal, NoReturn

from msgspec import UNSET, Meta, UnsetType

from emonas.datasets.reading.identity import person_key
from emonas.errors import UserError
from emonas.evaluate.results.record import Measures, Options
from emonas.genotype import MOST_CELLS, MOST_CHANNELS, Genotype, check_genotype, from_json
from emonas.records import Count, Format, SetName, Share, check_head, parse_record, plain_record, refuse

#: The one scale of pixels that emonas trains with (see datasets/batches.py): levels 0 and 255 become these.
NORMALISATION: Mapping[str, float] = {"0": -2.0, "255": 2.0}
_MOST_SIDE, _MOST_CHANNELS = 4096, 3 * 128


@dataclass(frozen=True)
class SeenData:
    """A data set that weights have learnt from, and the people in it; what came later may be missing in older files."""

    dataset: SetName
    database: str = field(default="", kw_only=True)
    fingerprint: str = field(default="", kw_only=True)
    protocol: str = field(default="", kw_only=True)
    subjects_known: bool = field(default=True, kw_only=True)
    people: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ModelScore:
    """What is known of weights: scores, how they were come by, and all of it ``in_words``; the rest may be left out."""

    accuracy: Share | UnsetType = UNSET
    uf1: Share | UnsetType = UNSET
    uar: Share | UnsetType = UNSET
    dataset: str | UnsetType = UNSET
    chance: Measures | UnsetType = UNSET
    n_samples: Count | UnsetType = UNSET
    n_subjects: Count | UnsetType | None = UNSET
    protocol: str | UnsetType = UNSET
    protocol_in_words: str | UnsetType = UNSET
    epoch_rule: str | UnsetType = UNSET
    search_saw_test_subjects: bool | UnsetType | None = UNSET
    leaks: tuple[str, ...] | UnsetType = UNSET
    in_words: str


@dataclass(frozen=True)
class ModelInfo:
    """A trained network in words and numbers.

    ``arch`` is "genotype" or a well-known network's name. ``names`` are the answers: classes, or action units where
    ``task`` is "units". ``input``: side and channels of the pictures, and every option by which they were prepared.
    ``trained_on``: data sets with the ``people`` in them, the weights' start included. ``score``: what is honestly
    known of its worth, with the protocol ``in_words``; None where nothing was judged.
    """

    arch: str
    genotype: Genotype | None
    cells: Annotated[int, Meta(ge=1, le=MOST_CELLS)] | None
    channels: Annotated[int, Meta(ge=1, le=MOST_CHANNELS)] | None
    task: Literal["classes", "units"]
    names: tuple[str, ...]
    input: Options
    normalisation: Mapping[str, float]
    trained_on: tuple[SeenData, ...]
    score: ModelScore | None
    versions: Mapping[str, str]

    @property
    def units(self) -> bool:
        """Whether the answers are action units, of which a face shows any number."""
        return self.task == "units"

    @property
    def size(self) -> int:
        """Side of the pictures in pixels."""
        return int(self.input["size"])

    @property
    def in_channels(self) -> int:
        """Channels of the pictures."""
        return int(self.input["channels"])

    @property
    def representation(self) -> str:
        """What the pictures are: "still", or what becomes of a clip (see datasets/representation.py)."""
        return str(self.input["representation"])

    @property
    def people(self) -> frozenset[str]:
        """Everybody, as "dataset/subject", whom the weights have seen."""
        return frozenset(person for origin in self.trained_on for person in origin.people)

    def knows(self, person: str) -> bool:
        """Whether the weights have learnt from a person, however the name is spelled."""
        return person_key(person) in self._keys

    @cached_property
    def _keys(self) -> frozenset[str]:
        return frozenset(map(person_key, self.people))

    @property
    def worth(self) -> str:
        """Its score in a sentence."""
        return self.score.in_words if self.score else "never judged on anybody"

    def as_json(self) -> dict[str, Any]:
        """The documented content of a model file's header as plain data."""
        genotype = {"genotype": self.genotype.as_json()} if self.genotype else {}
        return {**plain_record(self, FORMAT), **genotype}


def read_info(data: Any, name: str) -> ModelInfo:
    """Build a ModelInfo from parsed JSON; ``name`` is how messages call the file. Raises UserError."""
    check_head(data, FORMAT, name)
    if isinstance(data.get("genotype"), dict):
        from_json(data["genotype"], name)
    info = parse_record(data, FORMAT, name)
    if info.normalisation != NORMALISATION:
        raise UserError(f"{name}: its pixels have another scale than this emonas gives them; update emonas")
    return info


def damaged(name: str, flaw: str) -> NoReturn:
    """Refuse a model that is not what it should be. Raises UserError."""
    refuse(FORMAT, name, flaw)


def check_info(info: ModelInfo) -> None:
    """What a model's types do not say of it. Raises ValueError."""
    if (info.arch == "genotype") != (info.genotype is not None):
        raise ValueError('"arch" and "genotype" do not belong together')
    if info.genotype is not None:
        check_genotype(info.genotype)
    if not 0 < len(info.names) == len(set(info.names)):
        raise ValueError('"names" must be different names, at least one')
    if not isinstance(info.input.get("representation"), str):
        raise ValueError('"input" names no representation')
    limits = {"size": _MOST_SIDE, "channels": _MOST_CHANNELS}
    if not all(type(info.input.get(key)) is int and 1 <= info.input[key] <= most for key, most in limits.items()):
        raise ValueError('"input" names no size and channels of pictures')


FORMAT = Format(
    ModelInfo,
    "emonas-model",
    foreign="not a model of emonas; emonas-train writes them",
    repair="take a whole copy or train again",
    paths=frozenset({"input"}),
    check=check_info,
)
