"""The embedded data sets: the same for everyone, honest splits, and movement that says more than one frame."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from dataclasses import replace
from typing import Any, cast

import cv2
import numpy as np
import pytest
from sklearn.linear_model import LogisticRegression
from sklearn.metrics import recall_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from emonas.datasets.clips.sample import ReadResult, Sample
from emonas.datasets.synthetic.sets import DrawnFrames, read_macro, read_micro
from emonas.errors import UserError

cv2.setNumThreads(1)

READERS = pytest.mark.parametrize("read", [read_macro, read_micro])


def _drawn(sample: Sample) -> DrawnFrames:
    return cast(DrawnFrames, sample.frames)


@READERS
def test_a_seed_means_the_same_samples_and_bytes_in_any_order(read: Callable[..., ReadResult]) -> None:
    first, second = read(7, subjects=3).samples, read(7, subjects=3).samples
    assert first == second
    forwards = [sample.frames.read() for sample in first[:3]]
    backwards = [sample.frames.read() for sample in reversed(second[:3])]
    assert all(np.array_equal(a, b) for a, b in zip(forwards, reversed(backwards), strict=True))


@READERS
def test_other_seeds_mean_other_people(read: Callable[..., ReadResult]) -> None:
    first, second = read(0, subjects=3).samples, read(1, subjects=3).samples
    assert _drawn(first[0]).identity != _drawn(second[0]).identity


@READERS
def test_more_subjects_leave_the_first_ones_as_they_were(read: Callable[..., ReadResult]) -> None:
    few, more = read(subjects=3).samples, read(subjects=5).samples
    assert more[: len(few)] == few


@READERS
def test_samples_travel_to_other_processes(read: Callable[..., ReadResult]) -> None:
    sample = read(subjects=3).samples[0]
    copy = pickle.loads(pickle.dumps(sample))
    assert copy == sample
    assert np.array_equal(copy.frames.read(), sample.frames.read())


@READERS
def test_frames_are_rgb_bytes_of_the_size_asked_for(read: Callable[..., ReadResult]) -> None:
    sample = read(subjects=3, size=32).samples[0]
    assert sample.frames.read().shape == (len(sample.frames), 32, 32, 3)
    assert sample.frames.read().dtype == np.uint8


@READERS
def test_the_fixed_split_shares_no_subject_and_every_class_is_in_both_parts(read: Callable[..., ReadResult]) -> None:
    found = read()
    parts = {part: [s for s in found.samples if s.part == part] for part in ("train", "test")}
    assert len(parts["train"]) + len(parts["test"]) == len(found.samples)
    people = {part: {s.person for s in samples} for part, samples in parts.items()}
    assert not people["train"] & people["test"]
    assert len(people["train"]) == 2 * len(people["test"]) or len(people["train"]) == 2 * len(people["test"]) + 1
    for samples in parts.values():
        assert {s.label for s in samples} == set(found.classes)


@READERS
def test_no_two_samples_of_a_subject_share_a_name(read: Callable[..., ReadResult]) -> None:
    found = read()
    assert len({(s.subject, s.clip) for s in found.samples}) == len(found.samples) == len(found.used)


@READERS
@pytest.mark.parametrize("wrong", [{"subjects": 2}, {"size": 8}, {"seed": -1}])
def test_impossible_wishes_are_refused_in_words(read: Callable[..., ReadResult], wrong: dict[str, Any]) -> None:
    with pytest.raises(UserError, match="must be at least"):
        read(**wrong)


def test_macro_has_the_same_number_of_stills_of_every_class() -> None:
    found = read_macro()
    assert len(found.samples) == 40 * 7 * 3
    assert all(len(s.frames) == 1 for s in found.samples)
    assert {s.label: s.action_units for s in found.samples}["neutral"] == ()
    for sample in found.samples:
        assert sample.label != "happiness" or {"6", "12"} <= set(sample.action_units)


def test_micro_phases_are_in_order_and_rest_outside_of_them() -> None:
    lengths = set()
    for sample in read_micro().samples:
        onset, apex, offset = cast(tuple[int, int, int], (sample.onset, sample.apex, sample.offset))
        assert 0 < onset < apex < offset < len(sample.frames)
        assert 20 <= len(sample.frames) <= 60
        lengths.add(apex - onset)
        track = np.array(_drawn(sample).track)[:, :-1]  # without the blink
        assert (track[: onset + 1] == track[0]).all()
        assert (track[offset:] == track[0]).all()
        strength = np.abs(track - track[0]).sum(axis=1)
        assert strength.argmax() == apex
        assert (np.diff(strength[onset : apex + 1]) > 0).all()
        assert (np.diff(strength[apex : offset + 1]) < 0).all()
    assert len(lengths) > 5


def test_micro_classes_and_subjects_are_unequal_and_negative_is_the_largest() -> None:
    found = read_micro()
    counts = {label: sum(s.label == label for s in found.samples) for label in found.classes}
    assert counts["negative"] > max(counts["positive"], counts["surprise"])
    assert len({sum(s.subject == name for s in found.samples) for name in {s.subject for s in found.samples}}) > 2


def test_intensity_scales_the_movement_and_not_the_person() -> None:
    plain, weak = _drawn(read_micro(subjects=3).samples[0]), _drawn(read_micro(subjects=3, intensity=0.5).samples[0])
    moved = [np.array(frames.track) - frames.track[0] for frames in (plain, weak)]
    assert plain.identity == weak.identity
    assert np.allclose(moved[0][:, :-1], 2 * moved[1][:, :-1])
    with pytest.raises(UserError, match="intensity"):
        read_micro(intensity=0)


def test_people_rest_with_faces_of_their_own_as_strong_as_the_expressions() -> None:
    resting, moving = {}, []
    for sample in read_micro().samples:
        track = np.array(_drawn(sample).track)[:, :-1]
        resting[sample.subject] = track[0]
        moving.append(np.abs(track[sample.apex] - track[0]).sum())
    faces = np.array(list(resting.values()))
    assert len(np.unique(faces, axis=0)) == len(faces)
    assert faces.sum(axis=1).mean() > np.mean(moving)


@READERS
def test_every_sample_has_noise_and_pose_of_its_own(read: Callable[..., ReadResult]) -> None:
    drawn = [_drawn(sample) for sample in read().samples]
    assert len({frames.seed for frames in drawn}) == len({frames.roll for frames in drawn}) == len(drawn)


def test_the_camera_noise_of_a_still_wall_is_two_to_three_grey_levels() -> None:
    for sample in read_micro(subjects=3).samples[:4]:
        wall = sample.frames.read()[:, :6, :6].astype(float)
        noise = np.diff(wall, axis=0).std() / np.sqrt(2)
        assert 1.8 < noise < 3.3


def test_movement_tells_the_class_of_unseen_people_and_the_apex_alone_does_not() -> None:
    samples = read_micro(subjects=18, size=48).samples
    apex, movement = [], []
    for sample in samples:
        frames = _between(sample, cast(int, sample.onset), cast(int, sample.apex) + 1).read().mean(axis=-1)
        weights = np.linspace(-1, 1, len(frames))
        apex.append(frames[-1].ravel())
        movement.append(np.tensordot(weights, frames, 1).ravel())
    assert _recall(np.array(movement), samples) > 0.7
    assert _recall(np.array(apex), samples) < 0.6


def _between(sample: Sample, first: int, end: int) -> DrawnFrames:
    frames, part = _drawn(sample), slice(first, end)
    return replace(frames, track=frames.track[part], drift=frames.drift[part], light=frames.light[part])


def _recall(pictures: np.ndarray, samples: tuple[Sample, ...]) -> float:
    """Unweighted average recall of a linear model on the people of the part "test"."""
    labels = np.array([sample.label for sample in samples])
    train = np.array([sample.part == "train" for sample in samples])
    model = make_pipeline(StandardScaler(), LogisticRegression(C=1e-3, max_iter=500, class_weight="balanced"))
    model.fit(pictures[train], labels[train])
    return float(recall_score(labels[~train], model.predict(pictures[~train]), average="macro"))
