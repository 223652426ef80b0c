"""Temporal interpolation: the closed form is the published model, ends stay, motions stay monotone."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pytest

from emonas.datasets.clips.interpolation import interpolate, interpolation_weights
from emonas.options.types import Interpolation

_KINDS = get_args(Interpolation)
_LENGTHS = [1, 2, 3, 8, 31, 200]


def _clip(length: int) -> np.ndarray:
    return np.random.default_rng(length).integers(0, 256, (length, 5, 4, 3), np.uint8)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("length", _LENGTHS)
def test_frames_at_the_original_times_are_the_original_ones(kind: Any, length: int) -> None:
    frames = _clip(length)
    assert interpolate(frames, length, kind) == pytest.approx(frames.astype(float), abs=1e-2)
    if length > 1:
        assert interpolate(frames, 2 * length - 1, kind)[::2] == pytest.approx(frames.astype(float), abs=1e-2)


@pytest.mark.parametrize("kind", _KINDS)
@pytest.mark.parametrize("length", _LENGTHS)
@pytest.mark.parametrize("wanted", [2, 3, 10, 64])
def test_any_length_becomes_the_wanted_one_and_keeps_both_ends(kind: Any, length: int, wanted: int) -> None:
    frames = _clip(length)
    made = interpolate(frames, wanted, kind)
    assert made.shape == (wanted, 5, 4, 3)
    assert made[[0, -1]] == pytest.approx(frames[[0, -1]].astype(float), abs=1e-2)
    assert interpolation_weights(length, wanted, kind).sum(1) == pytest.approx(1)


def test_without_interpolation_frames_are_taken_as_they_are() -> None:
    frames = _clip(9)
    made = interpolate(frames, 5, "none")
    assert made.dtype == np.uint8 and np.array_equal(made, frames[::2])
    assert np.array_equal(interpolate(frames[:2], 4, "none"), frames[[0, 0, 1, 1]])


@pytest.mark.parametrize("kind", ["linear", "graph"])
@pytest.mark.parametrize(("length", "wanted"), [(2, 10), (5, 10), (10, 37), (40, 10)])
def test_a_linear_motion_stays_monotone(kind: Any, length: int, wanted: int) -> None:
    frames = np.linspace(20, 200, length, dtype=np.float32).reshape(-1, 1, 1, 1)
    made = interpolate(frames, wanted, kind)[:, 0, 0, 0]
    assert (np.diff(made) > 0).all()
    tolerance = 1e-2 if kind == "linear" else 180 / (length - 1)
    assert made == pytest.approx(np.linspace(20, 200, wanted), abs=tolerance)


@pytest.mark.parametrize("length", [2, 5, 12])
def test_the_cosines_are_the_eigenvectors_of_the_path_graph(length: int) -> None:
    """The model as published: embed the frames by the graph's Laplacian, fit a linear map, walk along its sines."""
    laplacian = 2 * np.eye(length) - np.eye(length, k=1) - np.eye(length, k=-1)
    laplacian[0, 0] = laplacian[-1, -1] = 1
    vectors = np.linalg.eigh(laplacian)[1][:, 1:]
    at = np.linspace(1 / length, 1, 17)[:, None]
    k = np.arange(1, length)
    # y_k(t) = sin(pi k t + pi (n - k) / (2 n)) passes through the eigenvectors' components at t = i / n.
    curve = np.sin(np.pi * k * at + np.pi * (length - k) / (2 * length))
    there = np.sin(np.pi * k * k[:, None] / length + np.pi * (length - k) / (2 * length)) if length > 1 else curve
    there = np.vstack([there, np.sin(np.pi * k + np.pi * (length - k) / (2 * length))])
    assert np.abs(np.sum(vectors * there / np.linalg.norm(there, axis=0), 0)) == pytest.approx(1)
    frames = np.random.default_rng(0).standard_normal((length, 30))
    centred = frames - frames.mean(0)
    map_back = np.linalg.lstsq(there, centred, rcond=None)[0]
    expected = curve @ map_back + frames.mean(0)
    assert interpolation_weights(length, 17, "graph") @ frames == pytest.approx(expected, abs=1e-9)
