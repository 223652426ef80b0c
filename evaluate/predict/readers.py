"""Answers for the expressions of a long clip, by a model of clips: found by their motion, then made into pictures as in
preparing.

A face is cut out at one place as long as it stays there, as boxes of their own for each frame would jitter by more than
a micro-expression moves. Some seconds are held at a time, so that a film of any length takes the same memory.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field, replace

import numpy as np

from emonas.datasets.clips.representation import PictureOptions, make_picture
from emonas.datasets.clips.sample import Sample
from emonas.datasets.faces.framing import UnfitPictureError
from emonas.errors import UserError
from emonas.evaluate.model.inputs import ArrayFrames, picture_options
from emonas.evaluate.model.model import Model, Prediction
from emonas.evaluate.predict.rows import Answer, Chunk, ExpressionRow, FaceRow, Progress
from emonas.evaluate.predict.sources import Frame
from emonas.evaluate.predict.spotting import Motion, Spotted, evenly, motion_features, spot
from emonas.evaluate.predict.tracking import Track, Tracker, overlap

#: Seconds of a face that are looked through at once, and pixels of all faces together that are held; of a face there
#: are always so many windows, and of a clip that is one expression at most so many bytes.
_SECONDS, _BYTES, _WINDOWS, _MOST_BYTES = 30.0, 2**28, 6, 2**32
#: A face that shares less than this with where it was has moved away.
_STAYS = 0.7


@dataclass(eq=False)
class _Stretch:
    """A face at one place: the frames' numbers and times, what was cut out, its features.

    Up to the frame ``done`` all is told; the last expression that was told ends in the frame ``told``.
    """

    person: Track
    numbers: list[int] = field(default_factory=list)
    seconds: list[float] = field(default_factory=list)
    cuts: list[np.ndarray] = field(default_factory=list)
    levels: list[np.ndarray] = field(default_factory=list)
    done: int = -1
    told: int = -1

    @property
    def nbytes(self) -> int:
        return len(self.cuts) * self.cuts[0].nbytes if self.cuts else 0

    def fits(self, person: Track, image: np.ndarray) -> bool:
        """Whether the face is still at its place, and whole frames are still of one size."""
        if person.face is None:
            return self.person.face is None and self.cuts[0].shape == image.shape
        return overlap(self.person.face, person.face) >= _STAYS


@dataclass(frozen=True)
class ClipReader:
    """How a model's clips are read: ``window`` in frames is the longest expression; None takes the clip as one.

    ``apex`` is the frame of that one's, where it is known.
    """

    model: Model
    rate: float
    window: int | None
    apex: int | None = None

    def parts(self, frames: Iterable[Frame], tracker: Tracker, tally: Progress) -> Iterator[Chunk]:
        """A Part for each stretch of each face, with its motion and the expressions in it. Raises UserError."""
        stretches: dict[int, _Stretch] = {}
        for frame in frames:
            if frame.image is None:
                tally.skip(frame)
                continue
            try:
                people = tracker.see(frame.number, frame.image)
            except UnfitPictureError as error:
                tally.skip(replace(frame, image=None, flaw=str(error)))
                continue
            tally.see([person.number for person in people])
            if self.window is None:
                # One expression, cut out where its first frame has the faces.
                people = [one.person for one in stretches.values()] if stretches else people
            here = {person.number: person for person in people}
            for number in [number for number in stretches if number not in here]:
                yield from self._told(stretches.pop(number), last=True)
            for person in people:
                yield from self._add(stretches, person, frame, frame.image, tracker)
        for stretch in stretches.values():
            yield from self._told(stretch, last=True)

    def _add(
        self, stretches: dict[int, _Stretch], person: Track, frame: Frame, image: np.ndarray, tracker: Tracker
    ) -> Iterator[Chunk]:
        old = stretches.get(person.number)
        if old is not None and not old.fits(person, image):
            yield from self._told(stretches.pop(person.number), last=True)
        stretch = stretches.setdefault(person.number, _Stretch(person))
        cut = tracker.cut(stretch.person, image)
        stretch.numbers.append(frame.number)
        stretch.seconds.append(frame.seconds)
        stretch.cuts.append(cut)
        held = sum(one.nbytes for one in stretches.values())
        if self.window is None:
            if held > _MOST_BYTES:
                raise UserError("the clip is too long to be one expression: leave out --whole-clip or cut it down")
            return
        stretch.levels.append(motion_features(cut))
        lasting = 1 + round((frame.seconds - stretch.seconds[0]) * self.rate)
        if lasting >= _WINDOWS * self.window and (held > _BYTES or lasting >= _SECONDS * self.rate):
            yield from self._told(stretch, last=False)

    def _told(self, stretch: _Stretch, last: bool) -> Iterator[Chunk]:
        """What is in a stretch; unless it is the last of it, its end is kept for what may go on there."""
        if self.window is None:
            apex = stretch.numbers.index(self.apex) if self.apex in stretch.numbers else -1
            row = self._row(stretch, Motion(0, apex, len(stretch.cuts) - 1, 0.0))
            yield Chunk((row,), number=stretch.person.number, first=stretch.numbers[0])
            return
        even = evenly(stretch.seconds, self.rate)
        spotted = _at_frames(spot([stretch.levels[at] for at in even], self.window), even, len(stretch.cuts))
        begin = sum(number <= stretch.done for number in stretch.numbers)
        end = len(stretch.cuts) if last else int(even[-self.window])
        rows = []
        for motion in spotted.motions:
            if begin <= motion.apex < end and stretch.numbers[motion.onset] > stretch.told:
                rows.append(self._row(stretch, motion))
                stretch.told = stretch.numbers[motion.offset]
        if begin < end:
            yield Chunk(
                tuple(rows),
                number=stretch.person.number,
                first=stretch.numbers[begin],
                curve=spotted.curve[begin:end],
                seconds=tuple(stretch.seconds[begin:end]),
            )
        if not last:
            stretch.done = stretch.numbers[end - 1]
            gone = int(even[-3 * self.window])
            for kept in (stretch.numbers, stretch.seconds, stretch.cuts, stretch.levels):
                del kept[:gone]

    def _row(self, stretch: _Stretch, motion: Motion) -> ExpressionRow:
        whole = self.window is None
        frames = np.stack(stretch.cuts[motion.onset : motion.offset + 1])
        apex = None if motion.apex < 0 else motion.apex - motion.onset
        sample = Sample("", None, "", "", ArrayFrames(frames), 0, apex, len(frames) - 1)
        pictures, note = _pictures(sample, picture_options(self.model.info.input))
        said = predict_faces(self.model, pictures)
        return ExpressionRow(
            person=stretch.person,
            onset=stretch.numbers[motion.onset],
            apex=None if apex is None else stretch.numbers[motion.apex],
            offset=stretch.numbers[motion.offset],
            seconds=(
                stretch.seconds[motion.onset],
                None if apex is None else stretch.seconds[motion.apex],
                stretch.seconds[motion.offset],
            ),
            strength=None if whole else motion.strength,
            answer=said[0] if said else None,
            note=note,
        )


def _at_frames(spotted: Spotted, even: np.ndarray, count: int) -> Spotted:
    """What was found among the even ones of so many frames, told of the frames themselves."""
    motions = tuple(
        replace(one, onset=int(even[one.onset]), apex=int(even[one.apex]), offset=int(even[one.offset]))
        for one in spotted.motions
    )
    # A frame that was taken several times has the first of them, one that was not taken the next one.
    return Spotted(motions, spotted.curve[np.minimum(np.searchsorted(even, np.arange(count)), len(even) - 1)])


def _pictures(sample: Sample, options: PictureOptions) -> tuple[list[np.ndarray], str]:
    """The one picture of an expression, or none and why."""
    try:
        return [make_picture(sample, options)], ""
    except UserError as error:
        return [], str(error)


#: Faces that go through the network at once; frames that wait for it, of which there are fewer where they are kept.
_FACES, _FRAMES, _KEPT_FRAMES = 32, 32, 8


def predict_faces(model: Model, pictures: list[np.ndarray]) -> list[Answer]:
    """The model's answers for prepared pictures (C, size, size)."""
    if not pictures:
        return []
    said = Prediction(model.info.names, model.probabilities(np.stack(pictures)), model.info.units)
    return [
        Answer(label, float(score), tuple(row.tolist()))
        for label, score, row in zip(said.labels, said.confidence, said.probabilities, strict=True)
    ]


def still_chunks(
    model: Model, frames: Iterable[Frame], tracker: Tracker, tally: Progress, moving: bool, keep: bool
) -> Iterator[Chunk]:
    """A Part for each frame that can be read, in order.

    ``moving``: whether frames follow each other in time, so that faces are held between looks and keep their numbers.
    ``keep``: whether the parts bring the frames along.
    """
    options = picture_options(model.info.input)
    waiting: list[tuple[Frame, list[Track]]] = []
    pictures: list[np.ndarray] = []
    for frame in frames:
        if frame.image is None:
            tally.skip(frame)
            continue
        if not moving:
            tracker.forget()
        try:
            people = tracker.see(frame.number, frame.image)
        except UnfitPictureError as error:
            tally.skip(replace(frame, image=None, flaw=str(error)))
            continue
        tally.see([person.number for person in people])
        pictures += [_picture(tracker.cut(person, frame.image), options) for person in people]
        waiting.append((frame if keep else replace(frame, image=None), people))
        if len(pictures) >= _FACES or len(waiting) >= (_KEPT_FRAMES if keep else _FRAMES):
            yield from _parts(waiting, predict_faces(model, pictures), keep)
            waiting, pictures = [], []
    yield from _parts(waiting, predict_faces(model, pictures), keep)


def _picture(face: np.ndarray, options: PictureOptions) -> np.ndarray:
    return make_picture(Sample("", None, "", "", ArrayFrames(face[None])), options)


def _parts(waiting: list[tuple[Frame, list[Track]]], answers: list[Answer], keep: bool) -> Iterator[Chunk]:
    left = iter(answers)
    for frame, people in waiting:
        rows = [
            FaceRow(frame.number, frame.seconds, frame.name, person, answer)
            for person, answer in zip(people, left, strict=False)
        ]
        if not people:
            rows = [FaceRow(frame.number, frame.seconds, frame.name, None, None)]
        yield Chunk(tuple(rows), frame if keep else None)
