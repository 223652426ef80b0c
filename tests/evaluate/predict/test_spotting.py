"""Spotting: short movements are found where they are, and a face at rest, however it sways, has none."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from predicting import longer

from emonas.datasets.synthetic.draw import ACTION_UNITS
from emonas.datasets.synthetic.sets import DrawnFrames, read_micro
from emonas.evaluate.predict.spotting import SIDE, Spotted, evenly, motion_features, spot, unexplained_motion

#: Half a second of a film of 60 frames a second; drawn expressions last 15 to 38 frames.
WINDOW = 30
TRIALS = 20


def spotted(frames: DrawnFrames) -> Spotted:
    return spot([motion_features(frame) for frame in frames.read()], WINDOW)


def overlap(one: tuple[int, int], other: tuple[int, int]) -> float:
    shared = min(one[1], other[1]) - max(one[0], other[0]) + 1
    return max(0, shared) / (one[1] - one[0] + other[1] - other[0] + 2 - max(0, shared))


def test_drawn_expressions_in_a_long_rest_are_found_where_they_are_and_nothing_else() -> None:
    # Other people than those by whom the thresholds were chosen (seed 0).
    by_person = {sample.subject: sample for sample in read_micro(7, subjects=TRIALS, clips=3, size=64).samples}
    found, strangers, apexes = 0, 0, []
    for seed, sample in enumerate(by_person.values()):
        assert isinstance(sample.frames, DrawnFrames) and sample.onset and sample.apex and sample.offset
        before = 60 + 7 * seed % 50
        motions = spotted(longer(sample.frames, before, 70, seed)).motions
        truth = (before + sample.onset, before + sample.offset)
        hits = [one for one in motions if overlap((one.onset, one.offset), truth) > 0.5]
        found += bool(hits)
        apexes += [abs(one.apex - before - sample.apex) for one in hits]
        strangers += sum(overlap((one.onset, one.offset), truth) == 0 for one in motions)
        assert all(one.onset <= one.apex <= one.offset and one.strength > 1 for one in motions)
    print(f"found {found} of {TRIALS}, apex off by {np.mean(apexes):.1f} frames, {strangers} where nothing is")
    assert found >= 14
    assert strangers <= 1
    assert np.median(apexes) <= 2


def test_faces_at_rest_that_sway_in_changing_light_have_next_to_none() -> None:
    alarms = 0
    for seed, sample in enumerate(read_micro(4, subjects=3, clips=3, size=64).samples[::4]):
        assert isinstance(sample.frames, DrawnFrames)
        result = spotted(longer(replace(sample.frames, track=sample.frames.track[:1]), 90, 90, seed))
        assert len(result.curve) == 181
        alarms += len(result.motions)
    assert alarms <= 1


def test_frames_are_taken_at_even_times_and_all_of_them_once_where_they_are_even() -> None:
    assert evenly([0.0, 0.033, 0.067, 0.1], 30).tolist() == [0, 1, 2, 3]
    assert evenly([0.0, 0.1, 0.2, 0.5, 0.6], 10).tolist() == [0, 1, 2, 2, 3, 3, 4]
    assert evenly([0.0, 0.02, 0.04, 0.06, 0.1, 0.2], 10).tolist() == [0, 4, 5]
    assert evenly([0.7], 10).tolist() == [0]
    assert evenly([0.0, 0.0, 0.0], 10).tolist() == [0, 1, 2]


def bump(noise: float, width: int = 5, steepness: int = 2) -> list[np.ndarray]:
    """Features of a face of which one place darkens around frame 100 of 200, for about four widths."""
    rng = np.random.default_rng(0)
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    plane = 1 + 0.3 * np.sin(7 * x + 3 * y) * np.cos(5 * y)
    place = np.exp(-((x - 0.5) ** 2 + (y - 0.7) ** 2) / 0.005)
    course = np.exp(-(np.abs((np.arange(200) - 100) / width) ** steepness))
    frames = (plane - 0.1 * share * place + noise * rng.standard_normal(plane.shape) for share in course)
    return [frame.ravel().astype(np.float32) for frame in frames]


@pytest.mark.parametrize("noise", [0.0, 0.003])
def test_one_strong_movement_is_one_in_spite_of_its_echoes_and_without_any_noise(noise: float) -> None:
    result = spot(bump(noise), WINDOW)
    (motion,) = result.motions
    assert abs(motion.apex - 100) <= 1 and 85 <= motion.onset <= 95 and 105 <= motion.offset <= 115
    assert np.isfinite(result.curve).all()
    assert (result.curve[[85, 115]] > 1).all()  # the echoes


def test_a_movement_somewhat_longer_than_the_window_is_not_two() -> None:
    assert len(spot(bump(0.003, width=20, steepness=8), WINDOW).motions) == 1


def test_a_film_that_stands_still_has_none() -> None:
    result = spot(bump(0.0)[:1] * 90, WINDOW)
    assert result.motions == ()
    assert np.isfinite(result.curve).all()


def test_two_movements_are_two_in_their_order() -> None:
    sample = read_micro(3, subjects=3, clips=3, size=64).samples[0]
    frames = sample.frames
    assert isinstance(frames, DrawnFrames)
    one = frames.track
    twice = longer(replace(frames, track=one + one[:1] * 60 + one), 60, 60, 2)
    motions = spotted(twice).motions
    assert len(motions) == 2
    assert motions[0].offset < motions[1].onset
    assert abs(motions[1].apex - motions[0].apex - len(one) - 60) <= 3


def test_a_clip_no_longer_than_the_window_shows_nothing_at_rest_and_has_none() -> None:
    frames = bump(0.003)[100 - WINDOW // 2 :]
    short, longer_one = (spot(frames[: WINDOW + more], WINDOW) for more in (0, 2 * WINDOW))
    assert (short.motions, len(short.curve)) == ((), WINDOW)
    assert len(longer_one.motions) == 1


@pytest.mark.parametrize("change", ["shift", "light", "slant"])
def test_small_motions_of_the_head_and_light_are_explained_and_a_mouth_is_not(change: str) -> None:
    y, x = np.mgrid[:SIDE, :SIDE] / SIDE
    plane = (1 + 0.3 * np.sin(7 * x + 3 * y) * np.cos(5 * y)).astype(np.float32)
    moved = {
        "shift": 1 + 0.3 * np.sin(7 * (x + 0.01) + 3 * y) * np.cos(5 * y),
        "light": 1.05 * plane,
        "slant": plane * (1 + 0.05 * x),
    }[change]
    mouth = plane + 0.05 * np.exp(-((x - 0.5) ** 2 + (y - 0.7) ** 2) / 0.005)
    left, kept = (
        np.abs(unexplained_motion((other - plane).reshape(1, -1).astype(np.float32), plane.ravel())).max()
        for other in (moved, mouth)
    )
    assert left < 0.1 * np.abs(moved - plane).max()
    assert kept > 0.5 * 0.05


def test_a_closing_eye_counts_as_a_movement_as_is_said() -> None:
    frames = read_micro(3, subjects=3, clips=3, size=64).samples[0].frames
    assert isinstance(frames, DrawnFrames)
    rest = longer(replace(frames, track=frames.track[:1]), 80, 80, 1)
    track = np.array(rest.track)
    track[78:84, ACTION_UNITS.index(43)] = 1
    motions = spotted(replace(rest, track=tuple(map(tuple, track.tolist())))).motions
    assert len(motions) == 1
    assert abs(motions[0].apex - 81) <= 4
