"""One picture under two names: saved again, resized, mirrored, brightened or slightly cropped.

Two such pictures defeat a split by person, and names know nothing of it. Thumbnails are compared in two stages. The low
frequencies of all of them, without what the whole set has in common, are compared by one matrix product; the few
nearest of each picture are then laid on each other, one of them cropped a little.

Measured on 8 000 pictures of FER2013 and all drawn faces: pictures saved again, resized, mirrored or darkened have a
likeness of at least 0.996, those cropped by 4 % of 0.98, by 8 % mostly above 0.95, while faces of different drawn
people stay below 0.945. Among all pairs of FER2013's training and public test part the first two photographs that
were not one lay at 0.95.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product

import cv2
import numpy as np

from emonas.datasets.clips.sample import Sample

#: Side of a thumbnail in pixels, and of the field of colours beside it.
SIDE, COLOURS = 32, 4
#: Numbers of a thumbnail: grey levels, then two colour differences.
LENGTH = SIDE * SIDE + 2 * COLOURS * COLOURS
#: From this correlation on, after the best crop, two pictures count as one.
LIKENESS = 0.96

_CANDIDATE = 0.85
_NEAREST = 2
_COARSE, _FINE = 8, 14
#: Sets below this size tell too little of what all their pictures have in common.
_ENOUGH = 8
_BLOCK = 512
#: Sides of the windows that a crop may have left.
_WINDOWS = (0.97, 0.94, 0.91, 0.88)
_NAMED = 3
#: Spread of grey levels below which a picture is even and like no other.
_EVEN = 0.5


@dataclass(frozen=True)
class NearCopy:
    """The positions of two samples that show nearly the same picture, and how alike they are, up to 1."""

    first: int
    second: int
    likeness: float


@dataclass(frozen=True)
class _Candidate:
    """A pair to be looked at, and whether the first is nearer to the second when it is mirrored."""

    first: int
    second: int
    mirrored: bool


def make_thumbnail(frame: np.ndarray) -> np.ndarray:
    """A frame (H, W, 3), uint8, as (LENGTH,), uint8."""
    small = cv2.resize(np.ascontiguousarray(frame), (SIDE, SIDE), interpolation=cv2.INTER_AREA)
    grey, *colours = cv2.split(cv2.cvtColor(small, cv2.COLOR_RGB2YCrCb))
    coarse = [cv2.resize(one, (COLOURS, COLOURS), interpolation=cv2.INTER_AREA) for one in colours]
    return np.concatenate([one.ravel() for one in (grey, *coarse)])


def find_near_copies(thumbnails: np.ndarray, samples: Sequence[Sample]) -> list[NearCopy]:
    """The pairs of samples of different people that are near copies, in the order of the first.

    ``thumbnails`` are (N, LENGTH), uint8. Where nobody is named, only pairs of a tested and another sample count.
    Each sample is held against its two nearest, so of many copies of one picture each is in a pair.
    """
    tested = sum(sample.part == "test" for sample in samples)
    named = all(sample.subject is not None for sample in samples)
    if len(samples) < 2 or not (named or 0 < tested < len(samples)):
        return []
    pictures = thumbnails[:, : SIDE * SIDE].reshape(-1, SIDE, SIDE).astype(np.float32)
    colours = thumbnails[:, SIDE * SIDE :].reshape(-1, 2, COLOURS, COLOURS).astype(np.float32) - 128
    coarse, fine = _Descriptors.fitted(pictures, _COARSE), _Descriptors.fitted(pictures, _FINE)
    pairs: dict[tuple[int, int], float] = {}
    candidates = _candidates(pictures, coarse, samples)
    for start in range(0, len(candidates), _BLOCK):
        block = candidates[start : start + _BLOCK]
        ones = np.stack([pictures[one.first][:, :: -1 if one.mirrored else 1] for one in block])
        others = pictures[[one.second for one in block]]
        for one, likeness in zip(block, _best_likeness(ones, others, fine).tolist(), strict=True):
            if likeness >= LIKENESS and _same_colours(colours[one.first], colours[one.second], one.mirrored):
                key = (min(one.first, one.second), max(one.first, one.second))
                pairs[key] = max(likeness, pairs.get(key, 0.0))
    return [NearCopy(*key, round(pairs[key], 3)) for key in sorted(pairs)]


@dataclass(frozen=True)
class _Descriptors:
    """Unit vectors of the ``kept`` x ``kept`` lowest frequencies without the mean, and without ``common``.

    The product of two of them is the correlation of two pictures, whatever their brightness and contrast.
    """

    cosines: np.ndarray
    common: np.ndarray | None = None

    @staticmethod
    def fitted(pictures: np.ndarray, kept: int) -> _Descriptors:
        """``common`` is the mean of a set that is large enough."""
        k, x = np.arange(kept)[:, None], np.arange(SIDE)[None]
        cosines = np.sqrt(2 / SIDE) * np.cos(np.pi * (2 * x + 1) * k / (2 * SIDE))
        plain = _Descriptors(cosines.astype(np.float32))
        if len(pictures) < _ENOUGH:
            return plain
        return _Descriptors(plain.cosines, _unit(plain.of(pictures).mean(0, keepdims=True))[0])

    def of(self, pictures: np.ndarray) -> np.ndarray:
        """(N, SIDE, SIDE) as (N, kept * kept - 1)."""
        return self._of(self.cosines, pictures, self.cosines)

    def of_crops(self, pictures: np.ndarray) -> np.ndarray:
        """(N, SIDE, SIDE) as (crops, N, kept * kept - 1); the first crop is the whole."""
        return np.stack([self._of(self.cosines @ down, pictures, self.cosines @ right) for down, right in _CROPS])

    def _of(self, down: np.ndarray, pictures: np.ndarray, right: np.ndarray) -> np.ndarray:
        weights = (down @ pictures @ right.T).reshape(len(pictures), -1)[:, 1:]
        # The length is SIDE times the spread of the levels.
        found = _unit(np.where(np.linalg.norm(weights, axis=1, keepdims=True) < _EVEN * SIDE, 0, weights))
        return found if self.common is None else _unit(found - (found @ self.common)[:, None] * self.common)


def _unit(vectors: np.ndarray) -> np.ndarray:
    """Vectors of length 1; what is 0 stays so."""
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.where(lengths > 1e-3, vectors / np.maximum(lengths, 1e-3), 0)


def _candidates(pictures: np.ndarray, descriptors: _Descriptors, samples: Sequence[Sample]) -> list[_Candidate]:
    """Each sample with its nearest ones among those that matter, and whether it is nearer when mirrored."""
    _, person = np.unique([sample.person for sample in samples], return_inverse=True)
    tested = np.array([sample.part == "test" for sample in samples])
    named = all(sample.subject is not None for sample in samples)
    asking = np.arange(len(samples)) if named else np.flatnonzero(~tested)
    answering = asking if named else np.flatnonzero(tested)
    plain, mirrored = descriptors.of(pictures), descriptors.of(pictures[:, :, ::-1])
    found: list[_Candidate] = []
    for start in range(0, len(asking), _BLOCK):
        block = asking[start : start + _BLOCK]
        straight, turned = plain[block] @ plain[answering].T, mirrored[block] @ plain[answering].T
        likeness = np.maximum(straight, turned)
        likeness[person[block][:, None] == person[answering][None]] = -1
        nearest = np.argpartition(-likeness, min(_NEAREST, len(answering)) - 1, axis=1)[:, :_NEAREST]
        rows = np.arange(len(block))[:, None]
        alike = likeness[rows, nearest] >= _CANDIDATE
        for row, column in zip(*np.nonzero(alike), strict=True):
            other = nearest[row, column]
            is_mirrored = bool(turned[row, other] > straight[row, other])
            found.append(_Candidate(int(block[row]), int(answering[other]), is_mirrored))
    return found


def _same_colours(one: np.ndarray, other: np.ndarray, mirrored: bool) -> bool:
    """Whether two fields of colours (2, COLOURS, COLOURS) may be those of one picture, brightened or saved again."""
    apart = np.sqrt(np.mean((one[..., :: -1 if mirrored else 1] - other) ** 2))
    return bool(apart <= 4 + 0.3 * np.sqrt(max(np.mean(one**2), np.mean(other**2))))


def _crop_matrices() -> list[tuple[np.ndarray, np.ndarray]]:
    """What resamples a picture as a window of itself, (down, right): the whole, and nine places of each size."""
    made = [(np.eye(SIDE, dtype=np.float32),) * 2]
    for side in _WINDOWS:
        free = (1 - side) * SIDE / 2
        lines = [_resampling(side, free * (1 + place)) for place in (-1, 0, 1)]
        made += list(product(lines, lines))
    return made


def _resampling(scale: float, start: float) -> np.ndarray:
    """The matrix (SIDE, SIDE) that resamples a line linearly, from ``start`` on in steps of ``scale`` pixels."""
    centres = np.clip((np.arange(SIDE) + 0.5) * scale + start - 0.5, 0, SIDE - 1)
    left = np.minimum(np.floor(centres).astype(int), SIDE - 2)
    matrix = np.zeros((SIDE, SIDE), np.float32)
    matrix[np.arange(SIDE), left] = 1 - (centres - left)
    matrix[np.arange(SIDE), left + 1] += centres - left
    return matrix


_CROPS = _crop_matrices()


def _best_likeness(ones: np.ndarray, others: np.ndarray, descriptors: _Descriptors) -> np.ndarray:
    """The correlations (N,) of pictures (N, SIDE, SIDE) with others, each under the best crop of either."""
    first, second = descriptors.of_crops(ones), descriptors.of_crops(others)
    cropped_ones = np.einsum("cnf,nf->cn", first, second[0]).max(0)
    cropped_others = np.einsum("cnf,nf->cn", second, first[0]).max(0)
    return np.maximum(cropped_ones, cropped_others)


def drop_near_copies(samples: Sequence[Sample], pairs: Sequence[NearCopy]) -> list[Sample]:
    """The samples, of each pair the one that is not tested dropped; where both may be tested, the second."""
    left = list(samples)
    for pair in pairs:
        keep, go = (pair.second, pair.first) if samples[pair.second].part == "test" else (pair.first, pair.second)
        if not left[keep].dropped and not left[go].dropped:
            left[go] = left[go].drop(f"near copy: of {samples[keep].clip}")
    return left


def near_copies_note(samples: Sequence[Sample], pairs: Sequence[NearCopy]) -> tuple[str, ...]:
    """A note that counts the near copies and names some; none if there are none."""
    if not pairs:
        return ()
    examples = "; ".join(f"{_name(samples[pair.first])} and {_name(samples[pair.second])}" for pair in pairs[:_NAMED])
    more = "; ..." if len(pairs) > _NAMED else ""
    counted = "1 near copy" if len(pairs) == 1 else f"{len(pairs)} near copies"
    whose = "of another person's picture" if samples[pairs[0].first].subject is not None else "of tested pictures"
    return (
        f"{counted} {whose} (saved again, resized, mirrored, slightly cropped or brightened): {examples}{more}; "
        "--drop-near-copies leaves them out",
    )


def _name(sample: Sample) -> str:
    return sample.clip if sample.subject is None else f"{sample.subject}/{sample.clip}"
