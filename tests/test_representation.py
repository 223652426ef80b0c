"""How samples become pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from made_samples import Greys, still

from emonas.datasets.representation import PictureOptions, picture, resolve
from emonas.datasets.sample import Sample
from emonas.dynamic_image import dynamic_image
from emonas.errors import UserError


def _clip(*greys: int, **phases: int | None) -> Sample:
    return replace(still(0), frames=Greys(greys), **phases)  # type: ignore[arg-type]


@dataclass(frozen=True)
class Noise(Greys):
    """Random frames, so that the dynamic images of different spans differ."""

    def read(self) -> np.ndarray:
        shape = (len(self), self.height, self.width, 3)
        return np.random.default_rng(0).integers(0, 256, shape, dtype=np.uint8)


def _noise(length: int, side: int = 8, **phases: int | None) -> Sample:
    return replace(still(0), frames=Noise((0,) * length, side, side), **phases)  # type: ignore[arg-type]


def test_auto_is_still_for_stills_and_dynamic_for_clips() -> None:
    assert resolve("auto", (still(1), still(2))) == "still"
    assert resolve("auto", (_clip(1, 2), _clip(3))) == "dynamic"


@pytest.mark.parametrize("choice", ["dynamic", "apex"])
def test_what_fits_clips_is_refused_for_stills(choice: Any) -> None:
    assert resolve(choice, (_clip(1, 2),)) == choice
    with pytest.raises(UserError, match=f"--representation {choice} does not fit: .* still images: choose still"):
        resolve(choice, (still(1),))


def test_still_is_refused_for_clips() -> None:
    assert resolve("still", (still(1),)) == "still"
    with pytest.raises(UserError, match="these samples are clips: choose dynamic or apex"):
        resolve("still", (_clip(1, 2),))


@pytest.mark.parametrize("kind", ["exact", "linear", "learnet"])
@pytest.mark.parametrize(
    ("span", "first", "last"), [("onset-offset", 2, 9), ("onset-apex", 2, 5)], ids=["offset", "apex"]
)
def test_a_dynamic_image_pools_its_span_with_both_ends(kind: Any, span: Any, first: int, last: int) -> None:
    sample = _noise(12, onset=2, apex=5, offset=9)
    options = PictureOptions(size=8, representation="dynamic", coefficients=kind, span=span)
    expected = dynamic_image(sample.frames.read()[first : last + 1], kind)
    np.testing.assert_array_equal(picture(sample, options), np.moveaxis(expected, -1, 0))


def test_onset_to_apex_ends_in_the_middle_where_no_apex_is_given() -> None:
    options = PictureOptions(size=8, representation="dynamic", span="onset-apex")
    given, unknown = _noise(9, onset=0, apex=4, offset=8), _noise(9)
    np.testing.assert_array_equal(picture(given, options), picture(unknown, options))


@pytest.mark.parametrize("representation", ["still", "apex", "dynamic"])
@pytest.mark.parametrize(("height", "width"), [(7, 20), (40, 9), (16, 16), (3, 3), (100, 120)])
def test_every_picture_becomes_a_square_of_the_wanted_size(representation: Any, height: int, width: int) -> None:
    sample = replace(still(0), frames=Noise((0, 0, 0), height, width))
    pixels = picture(sample, PictureOptions(size=16, representation=representation))
    assert pixels.shape == (3, 16, 16)
    assert pixels.dtype == np.uint8
    assert pixels.flags.c_contiguous


@pytest.mark.parametrize("size", [8, 16, 64])
def test_resizing_keeps_what_is_left_right_and_above(size: int) -> None:
    frames = np.zeros((1, 32, 32, 3), np.uint8)
    frames[:, :16, :, 0] = 200  # red above
    frames[:, :, 16:, 2] = 100  # blue on the right

    class Drawn(Greys):
        def read(self) -> np.ndarray:
            return frames

    red, green, blue = picture(replace(still(0), frames=Drawn((0,))), PictureOptions(size=size, representation="still"))
    quarter = size // 4
    assert (red[:quarter] == 200).all() and (red[-quarter:] == 0).all()
    assert (blue[:, -quarter:] == 100).all() and (blue[:, :quarter] == 0).all()
    assert not green.any()


def test_shrinking_averages_instead_of_skipping() -> None:
    class Stripes(Greys):
        def read(self) -> np.ndarray:
            return np.broadcast_to(np.array([0, 200], np.uint8).repeat(1)[None, None, [0, 1] * 16, None],
                                   (1, 32, 32, 3)).copy()  # fmt: skip

    pixels = picture(replace(still(0), frames=Stripes((0,))), PictureOptions(size=8, representation="still"))
    assert (pixels == 100).all()


def test_an_apex_on_the_onset_has_no_motion_to_pool() -> None:
    with pytest.raises(UserError, match="nothing moves"):
        picture(_clip(1, 2, 3, onset=1, apex=1), PictureOptions(size=8, representation="dynamic"))
