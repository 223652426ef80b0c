"""Two embedded data sets of drawn faces, so that every command works before a database has arrived.

``synthetic-macro`` holds stills of the six basic expressions and the neutral face, ``synthetic-micro`` short clips of
the three MEGC2019 classes. The expressions follow the prototypes of EMFACS (Ekman & Friesen). Both name a fixed split
by subject. Nothing is stored: pixels are drawn when a sample is read, always the same ones for the same seed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from itertools import product

import numpy as np

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.synthetic.draw import ACTION_UNITS, Identity, draw_face, random_identity
from emonas.errors import UserError

MACRO = "synthetic-macro"
MICRO = "synthetic-micro"
MACRO_CLASSES = ("anger", "disgust", "fear", "happiness", "neutral", "sadness", "surprise")
MICRO_CLASSES = ("negative", "positive", "surprise")

_BLINK = 43
_NOTE = "drawn faces, not photographs: results on them say nothing about people"


@dataclass(frozen=True)
class _Prototype:
    """Action units that always take part in an expression, and others that do half of the time; share of the peak."""

    always: Mapping[int, float]
    often: Mapping[int, float] = field(default_factory=dict)


_MACRO_PROTOTYPES: dict[str, tuple[_Prototype, ...]] = {
    "anger": (_Prototype({4: 1.0, 5: 0.6, 7: 0.8, 23: 0.9}, {17: 0.5}),),
    "disgust": (_Prototype({9: 1.0, 10: 0.8}, {4: 0.4, 15: 0.4, 17: 0.5}),),
    "fear": (_Prototype({1: 1.0, 2: 0.7, 4: 0.7, 5: 0.9, 20: 0.9}, {25: 0.7}),),
    "happiness": (_Prototype({6: 0.8, 12: 1.0}, {25: 0.8}),),
    "neutral": (_Prototype({}),),
    "sadness": (_Prototype({1: 1.0, 4: 0.7, 15: 1.0}, {17: 0.6}),),
    "surprise": (_Prototype({1: 1.0, 2: 1.0, 5: 0.8, 25: 0.6, 26: 0.8}),),
}
# Negative micro-expressions: disgust, sadness, repression and anger.
_MICRO_PROTOTYPES: dict[str, tuple[_Prototype, ...]] = {
    "negative": (
        _Prototype({9: 1.0, 10: 0.8}, {4: 0.7}),
        _Prototype({1: 0.8, 4: 1.0, 15: 1.0}),
        _Prototype({15: 1.0, 17: 1.0}),
        _Prototype({4: 1.0, 7: 0.8}, {23: 0.8}),
    ),
    "positive": (_Prototype({12: 1.0}, {25: 0.5}), _Prototype({6: 0.8, 12: 1.0})),
    "surprise": (_Prototype({1: 1.0, 2: 1.0}, {5: 0.8}), _Prototype({1: 0.9, 2: 0.9, 5: 0.9, 25: 0.7})),
}
_MICRO_SHARES = (0.46, 0.28, 0.26)  # of the clips, in the order of MICRO_CLASSES
_RESTING_UNITS = (1, 2, 4, 5, 6, 7, 10, 12, 15, 17, 20, 23)


@dataclass(frozen=True)
class DrawnFrames:
    """Frames of one drawn person, a row or number for each frame; see draw_face for the units.

    ``track`` holds the intensities in the order of ACTION_UNITS, ``drift`` the shifts and ``light`` factors on the
    grey levels; ``noise`` is the camera's standard deviation in grey levels, ``seed`` makes it repeatable.
    """

    identity: Identity
    track: tuple[tuple[float, ...], ...] = field(repr=False)
    drift: tuple[tuple[float, float], ...] = field(repr=False)
    light: tuple[float, ...] = field(repr=False)
    roll: float
    scale: float
    turn: tuple[float, float]
    noise: float
    seed: int
    size: int

    def __len__(self) -> int:
        return len(self.track)

    def flaw(self) -> str:
        """Drawn frames have none."""
        return ""

    def read(self) -> np.ndarray:
        """All frames, uint8 of shape (T, size, size, 3), RGB; the same bytes at every call."""
        rng = np.random.default_rng(self.seed)
        frames = np.empty((len(self), self.size, self.size, 3), dtype=np.uint8)
        for frame, units, drift, light in zip(frames, self.track, self.drift, self.light, strict=True):
            drawn = draw_face(
                self.identity,
                dict(zip(ACTION_UNITS, units, strict=True)),
                self.size,
                drift=drift,
                roll=self.roll,
                scale=self.scale,
                turn=self.turn,
            )
            grain = rng.standard_normal(drawn.shape, dtype=np.float32)
            frame[:] = np.clip(drawn * np.float32(light) + grain * np.float32(self.noise) + 0.5, 0, 255)
        return frames


def read_macro(seed: int = 0, *, subjects: int = 40, stills: int = 3, size: int = 64) -> ReadResult:
    """Stills of seven classes: ``stills`` of every class from each of the subjects.

    Every third subject is of the part "test", the others of "train".
    """
    _check(seed=(seed, 0), subjects=(subjects, 3), stills=(stills, 1), size=(size, 16))
    samples: list[Sample] = []
    for number in range(subjects):
        identity, resting = _person(_generator(seed, 1, number), 0.15)
        for (index, label), still in product(enumerate(MACRO_CLASSES), range(stills)):
            rng = _generator(seed, 1, number, index, still)
            active = _expression(rng, _MACRO_PROTOTYPES[label], rng.uniform(0.45, 1.0))
            samples.append(
                Sample(
                    dataset=MACRO,
                    subject=_name(number),
                    clip=f"{label}{still + 1}",
                    label=label,
                    frames=_still(rng, identity, _sum(resting, active), size),
                    action_units=_names(active),
                    part=_part(number),
                )
            )
    return ReadResult(tuple(samples), MACRO_CLASSES, (_NOTE,))


def read_micro(
    seed: int = 0, *, subjects: int = 24, clips: int = 9, size: int = 64, intensity: float = 1.0
) -> ReadResult:
    """Clips of 20 to 60 frames of three classes, from each subject about ``clips`` (at least one of each class).

    A clip rests for some frames, moves from its onset (the last frame at rest) to its apex and back to its offset
    (the first frame at rest again), and rests. People rest with faces of their own, drawn as strongly as the
    expressions, so that one frame says less than the movement. ``intensity`` scales all movements: below 1 is
    harder. Every third subject is of the part "test", the others of "train".
    """
    _check(seed=(seed, 0), subjects=(subjects, 3), clips=(clips, 3), size=(size, 16))
    if not 0 < intensity <= 2:
        raise UserError(f"intensity is {intensity}, but must be more than 0 and at most 2")
    samples: list[Sample] = []
    for number in range(subjects):
        rng = _generator(seed, 2, number)
        identity, resting = _person(rng, 0.35)
        for index, label in enumerate(_micro_labels(rng, clips)):
            clip_rng = _generator(seed, 2, number, index)
            active = _expression(clip_rng, _MICRO_PROTOTYPES[label], clip_rng.uniform(0.14, 0.28) * intensity)
            phases = _phases(clip_rng)
            samples.append(
                Sample(
                    dataset=MICRO,
                    subject=_name(number),
                    clip=f"c{index + 1:02d}",
                    label=label,
                    frames=_clip(clip_rng, identity, resting, active, phases, size),
                    onset=phases.onset,
                    apex=phases.apex,
                    offset=phases.offset,
                    action_units=_names(active),
                    part=_part(number),
                )
            )
    return ReadResult(tuple(samples), MICRO_CLASSES, (_NOTE,))


def _check(**values: tuple[int, int]) -> None:
    for name, (value, least) in values.items():
        if value < least:
            raise UserError(f"{name} is {value}, but must be at least {least}")


def _generator(seed: int, *place: int) -> np.random.Generator:
    """Random numbers of one place (data set, subject, ...) that do not depend on what is drawn elsewhere."""
    return np.random.default_rng(np.random.SeedSequence(seed, spawn_key=place))


def _name(number: int) -> str:
    return f"s{number + 1:02d}"


def _part(number: int) -> str:
    return "test" if number % 3 == 2 else "train"


def _names(active: Mapping[int, float]) -> tuple[str, ...]:
    return tuple(str(unit) for unit in sorted(active))


def _sum(first: Mapping[int, float], second: Mapping[int, float]) -> dict[int, float]:
    return {unit: first.get(unit, 0.0) + second.get(unit, 0.0) for unit in ACTION_UNITS}


def _person(rng: np.random.Generator, resting: float) -> tuple[Identity, dict[int, float]]:
    """Somebody, and the face that they make when they feel nothing: traces of two expressions and of single muscles.

    ``resting`` is the largest intensity of a trace.
    """
    identity = random_identity(rng)
    units = dict.fromkeys(ACTION_UNITS, 0.0)
    traces = [_expression(rng, _MICRO_PROTOTYPES[str(label)], 1.0) for label in rng.choice(MICRO_CLASSES, size=2)]
    traces += [{int(unit): 1.0} for unit in rng.choice(_RESTING_UNITS, size=3, replace=False)]
    for trace in traces:
        strength = rng.uniform(0.2, 1.0) * resting
        for unit, share in trace.items():
            units[unit] += share * strength
    return identity, units


def _expression(rng: np.random.Generator, prototypes: Sequence[_Prototype], peak: float) -> dict[int, float]:
    """Intensities at the apex: one of the prototypes, every action unit somewhat stronger or weaker."""
    prototype = prototypes[int(rng.integers(len(prototypes)))]
    shares = dict(prototype.always)
    shares.update({unit: share for unit, share in prototype.often.items() if rng.random() < 0.5})
    return {unit: min(share * peak * rng.uniform(0.75, 1.25), 1.0) for unit, share in shares.items()}


def _still(rng: np.random.Generator, identity: Identity, units: Mapping[int, float], size: int) -> DrawnFrames:
    return DrawnFrames(
        identity=identity,
        track=(tuple(units[unit] for unit in ACTION_UNITS),),
        drift=((rng.normal(0, 0.012), rng.normal(0, 0.012)),),
        light=(rng.uniform(0.85, 1.1),),
        roll=rng.normal(0, 3.0),
        scale=rng.uniform(0.94, 1.04),
        turn=(rng.normal(0, 5.0), rng.normal(0, 3.0)),
        noise=rng.uniform(2.0, 3.0),
        seed=int(rng.integers(2**62)),
        size=size,
    )


def _micro_labels(rng: np.random.Generator, clips: int) -> list[str]:
    """The classes of a subject's clips: each at least once, and unequal numbers from subject to subject."""
    count = max(clips + int(rng.integers(-2, 3)), len(MICRO_CLASSES))
    more = rng.choice(MICRO_CLASSES, size=count - len(MICRO_CLASSES), p=_MICRO_SHARES)
    return [str(label) for label in rng.permutation([*MICRO_CLASSES, *more])]


@dataclass(frozen=True)
class _Phases:
    onset: int
    apex: int
    offset: int
    length: int


def _phases(rng: np.random.Generator) -> _Phases:
    onset = int(rng.integers(3, 7))
    apex = onset + int(rng.integers(6, 17))
    offset = apex + int(rng.integers(8, 22))
    return _Phases(onset, apex, offset, offset + 1 + int(rng.integers(2, 10)))


def _clip(
    rng: np.random.Generator,
    identity: Identity,
    resting: Mapping[int, float],
    active: Mapping[int, float],
    phases: _Phases,
    size: int,
) -> DrawnFrames:
    rest = np.array([resting[unit] for unit in ACTION_UNITS])
    peak = np.array([active.get(unit, 0.0) for unit in ACTION_UNITS])
    track = rest + _course(phases)[:, None] * peak
    track[:, ACTION_UNITS.index(_BLINK)] = _blink(rng, phases.length)
    return DrawnFrames(
        identity=identity,
        track=tuple(map(tuple, track.tolist())),
        drift=tuple((x, y) for x, y in _drift(rng, phases.length).tolist()),
        light=tuple(_flicker(rng, phases.length).tolist()),
        roll=rng.normal(0, 1.5),
        scale=rng.uniform(0.98, 1.03),
        turn=(rng.normal(0, 3.0), rng.normal(0, 2.0)),
        noise=rng.uniform(2.0, 3.0),
        seed=int(rng.integers(2**62)),
        size=size,
    )


def _course(phases: _Phases) -> np.ndarray:
    """The share of the peak in every frame, (length,): 0 up to the onset, 1 at the apex, 0 from the offset on."""
    knots = (phases.onset, phases.apex, phases.offset)
    linear = np.interp(np.arange(phases.length), knots, (0.0, 1.0, 0.0))
    return (1 - np.cos(np.pi * linear)) / 2


def _blink(rng: np.random.Generator, length: int) -> np.ndarray:
    """How far the lids are closed in every frame: in some clips once, for a few frames."""
    if rng.random() > 0.15:
        return np.zeros(length)
    middle = rng.uniform(0, length)
    return np.clip(1.3 - np.abs(np.arange(length) - middle) / rng.uniform(1.5, 3.0), 0, 1)


def _drift(rng: np.random.Generator, length: int) -> np.ndarray:
    """A slow sway of the head of about half a pixel, (length, 2) in fractions of its height."""
    time = np.arange(length)[:, None]
    period, phase = rng.uniform(40, 120, size=2), rng.uniform(0, 2 * np.pi, size=2)
    sway = rng.uniform(0.001, 0.008, size=2) * np.sin(2 * np.pi * time / period + phase)
    return sway + rng.normal(0, 0.01, size=2)


def _flicker(rng: np.random.Generator, length: int) -> np.ndarray:
    """Factors on the grey levels, (length,): light that swells and fades by up to one per cent."""
    wave = np.sin(2 * np.pi * np.arange(length) / rng.uniform(15, 60) + rng.uniform(0, 2 * np.pi))
    return rng.uniform(0.94, 1.04) * (1 + rng.uniform(0.0, 0.01) * wave)
