"""Answers for each face of each frame, by a model of still pictures, some frames at a time."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

import numpy as np

from emonas.datasets.representation import PictureOptions, picture
from emonas.datasets.sample import Sample

from .inputs import ArrayFrames, picture_options
from .predict_faces import Person, Tracker
from .predict_rows import Answer, FaceRow, Part, Tally
from .predict_sources import Frame
from .prediction import Prediction
from .trained import Model

#: Faces that go through the network at once; frames that wait for it, of which there are fewer where they are kept.
_FACES, _FRAMES, _KEPT_FRAMES = 32, 32, 8


def answered(model: Model, pictures: list[np.ndarray]) -> list[Answer]:
    """The model's answers for prepared pictures (C, size, size)."""
    if not pictures:
        return []
    said = Prediction(model.info.names, model.probabilities(np.stack(pictures)), model.info.units)
    return [
        Answer(label, float(score), tuple(row.tolist()))
        for label, score, row in zip(said.labels, said.confidence, said.probabilities, strict=True)
    ]


def still_parts(
    model: Model, frames: Iterable[Frame], tracker: Tracker, rate: float, tally: Tally, moving: bool, keep: bool
) -> Iterator[Part]:
    """A Part for each frame that can be read, in order.

    ``moving``: whether frames follow each other in time, so that faces are held between looks and keep their numbers.
    ``keep``: whether the parts bring the frames along.
    """
    options = picture_options(model.info.input)
    waiting: list[tuple[Frame, list[Person]]] = []
    pictures: list[np.ndarray] = []
    for frame in frames:
        if frame.image is None:
            tally.skip(frame)
            continue
        if not moving:
            tracker.forget()
        people = tracker.see(frame.number, frame.image)
        tally.see([person.number for person in people])
        pictures += [_picture(person.cut(frame.image), options) for person in people]
        waiting.append((frame if keep else replace(frame, image=None), people))
        if len(pictures) >= _FACES or len(waiting) >= (_KEPT_FRAMES if keep else _FRAMES):
            yield from _parts(waiting, answered(model, pictures), rate, keep)
            waiting, pictures = [], []
    yield from _parts(waiting, answered(model, pictures), rate, keep)


def _picture(face: np.ndarray, options: PictureOptions) -> np.ndarray:
    return picture(Sample("", None, "", "", ArrayFrames(face[None])), options)


def _parts(waiting: list[tuple[Frame, list[Person]]], answers: list[Answer], rate: float, keep: bool) -> Iterator[Part]:
    left = iter(answers)
    for frame, people in waiting:
        rows = [
            FaceRow(frame.number, frame.number / rate, frame.name, person, answer)
            for person, answer in zip(people, left, strict=False)
        ]
        if not people:
            rows = [FaceRow(frame.number, frame.number / rate, frame.name, None, None)]
        yield Part(tuple(rows), frame if keep else None)
