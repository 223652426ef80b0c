"""Drawn faces: movement smaller than a pixel, in the right place, and nothing that chance decides."""

from __future__ import annotations

import pickle

import cv2
import numpy as np
import pytest

from emonas.datasets.synthetic.draw import ACTION_UNITS, Identity, draw_face, random_identity
from emonas.datasets.synthetic.parts import lips

cv2.setNumThreads(1)

SIZE = 64
PIXEL = 2.3 / 2 / SIZE  # of the height of a head: the picture is 2.3 and a head 2 face units high


def _person(seed: int = 3) -> Identity:
    return random_identity(np.random.default_rng(seed))


def _change(unit: int, intensity: float = 1.0, seed: int = 3) -> np.ndarray:
    """How much every row and column changes from rest, (SIZE, SIZE) in grey levels."""
    person = _person(seed)
    rest, moved = draw_face(person, {}, SIZE), draw_face(person, {unit: intensity}, SIZE)
    change: np.ndarray = np.abs(moved.astype(float) - rest).mean(axis=-1)
    return change


def test_the_same_state_of_chance_gives_the_same_person_and_picture() -> None:
    assert _person(5) == _person(5)
    assert _person(5) != _person(6)
    assert np.array_equal(draw_face(_person(5), {12: 0.5}, SIZE), draw_face(_person(5), {12: 0.5}, SIZE))


def test_an_identity_travels_to_other_processes() -> None:
    assert pickle.loads(pickle.dumps(_person())) == _person()


@pytest.mark.parametrize("size", [48, 64, 112])
def test_a_picture_is_square_rgb_bytes(size: int) -> None:
    picture = draw_face(_person(), {}, size)
    assert picture.shape == (size, size, 3)
    assert picture.dtype == np.uint8


def test_the_background_is_in_rgb_order() -> None:
    person = _person()
    corner = draw_face(person, {}, SIZE)[0, 0].astype(float)
    assert np.abs(corner - person.backdrop).max() <= 1


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_every_action_unit_moves_something(unit: int) -> None:
    assert _change(unit).max() > 15


@pytest.mark.parametrize("unit", ACTION_UNITS)
def test_movement_is_smaller_than_a_pixel_and_smooth(unit: int) -> None:
    person = _person()
    steps = np.arange(0.2, 0.41, 0.02)
    frames = np.stack([draw_face(person, {unit: step}, SIZE).astype(float) for step in steps])
    step_by_step = np.abs(np.diff(frames, axis=0))
    assert (step_by_step.max(axis=(1, 2, 3)) > 0).all(), "a small change alters the picture"
    assert step_by_step.max() < 50, "no edge jumps by a whole pixel"
    # to and fro would make the path longer than its end is far
    assert step_by_step.sum() < 2.5 * np.abs(frames[-1] - frames[0]).sum()


@pytest.mark.parametrize("unit", [1, 2, 4])
def test_brow_units_leave_the_mouth_alone(unit: int) -> None:
    change = _change(unit)
    assert change[:30].max() > 15
    assert change[44:].max() == 0


@pytest.mark.parametrize("unit", [12, 15, 17, 20, 23, 25, 26])
def test_mouth_units_leave_the_forehead_alone(unit: int) -> None:
    change = _change(unit)
    assert change[40:].max() > 15
    assert change[:22].max() == 0


def test_a_smile_lifts_the_corners_of_the_mouth_and_sadness_lowers_them() -> None:
    corner = {}
    for unit in (12, 15, 43):
        units = dict.fromkeys(ACTION_UNITS, 0.0) | {unit: 0.2}
        corner[unit] = lips(_person(), units).upper[[0, -1]]
    assert (corner[12] < corner[43]).all()
    assert (corner[43] < corner[15]).all()


def test_intensities_stop_at_one_and_unknown_units_are_left_out() -> None:
    person = _person()
    assert np.array_equal(draw_face(person, {12: 3.0}, SIZE), draw_face(person, {12: 1.0}, SIZE))
    assert np.array_equal(draw_face(person, {12: -1.0, 99: 1.0}, SIZE), draw_face(person, {}, SIZE))


def test_drift_moves_the_whole_face_by_fractions_of_its_height() -> None:
    person = _person()
    here, there = draw_face(person, {}, SIZE), draw_face(person, {}, SIZE, drift=(2 * PIXEL, PIXEL))
    error = np.abs(there[9:57, 10:58].astype(float) - here[8:56, 8:56]).mean()
    assert error < 1.0 < np.abs(there[9:57, 10:58].astype(float) - here[9:57, 10:58]).mean()


def test_a_sixteenth_of_a_pixel_moves_every_outline_a_little() -> None:
    person = _person()
    frames = [draw_face(person, {}, SIZE, drift=(PIXEL * step / 16, 0.0)).astype(float) for step in range(17)]
    change = np.abs(np.diff(frames, axis=0))
    assert change.mean(axis=(1, 2, 3)).min() > 0.5 * change.mean()
    assert change.max() < 30, "no outline jumps"


def test_roll_and_turn_change_the_pose() -> None:
    person = _person()
    front = draw_face(person, {}, SIZE).astype(float)
    for other in (draw_face(person, {}, SIZE, roll=5.0), draw_face(person, {}, SIZE, turn=(10.0, 0.0))):
        assert np.abs(front - other).mean() > 1
