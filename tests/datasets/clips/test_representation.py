"""How samples become pictures."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pytest
from made_samples import Greys, still

from emonas.datasets.clips.dynamic_image import dynamic_image
from emonas.datasets.clips.flow import flow_picture
from emonas.datasets.clips.interpolation import interpolate
from emonas.datasets.clips.magnification import magnify
from emonas.datasets.clips.representation import (
    REPRESENTATIONS,
    PictureOptions,
    make_picture,
    resolve_representation,
    show_as_picture,
)
from emonas.datasets.clips.sample import Sample, UnusableError
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
    assert resolve_representation("auto", (still(1), still(2))) == "still"
    assert resolve_representation("auto", (_clip(1, 2), _clip(3))) == "dynamic"


_OF_CLIPS = [name for name in REPRESENTATIONS if name != "still"]


@pytest.mark.parametrize("choice", _OF_CLIPS)
def test_what_fits_clips_is_refused_for_stills(choice: Any) -> None:
    assert resolve_representation(choice, (_clip(1, 2),)) == choice
    with pytest.raises(UserError, match=f"--representation {choice} does not fit: .* still images: choose still"):
        resolve_representation(choice, (still(1),))


def test_still_is_refused_for_clips() -> None:
    assert resolve_representation("still", (still(1),)) == "still"
    with pytest.raises(UserError, match=r"are clips: choose from dynamic, dynamic-pair, flow, apex, clip$"):
        resolve_representation("still", (_clip(1, 2),))


@pytest.mark.parametrize("kind", ["exact", "linear", "learnet"])
@pytest.mark.parametrize(
    ("span", "first", "last"), [("onset-offset", 2, 9), ("onset-apex", 2, 5)], ids=["offset", "apex"]
)
def test_a_dynamic_image_pools_its_span_with_both_ends(kind: Any, span: Any, first: int, last: int) -> None:
    sample = _noise(12, onset=2, apex=5, offset=9)
    options = PictureOptions(size=8, representation="dynamic", coefficients=kind, span=span)
    expected = dynamic_image(sample.frames.read()[first : last + 1], kind)
    np.testing.assert_array_equal(make_picture(sample, options), np.moveaxis(expected, -1, 0))


def test_onset_to_apex_ends_in_the_middle_where_no_apex_is_given() -> None:
    options = PictureOptions(size=8, representation="dynamic", span="onset-apex")
    given, unknown = _noise(9, onset=0, apex=4, offset=8), _noise(9)
    np.testing.assert_array_equal(make_picture(given, options), make_picture(unknown, options))


@pytest.mark.parametrize(("representation", "channels"), [*zip(REPRESENTATIONS, (3, 3, 6, 3, 3, 12), strict=True)])
@pytest.mark.parametrize(("height", "width"), [(7, 20), (40, 9), (16, 16), (3, 3), (100, 120)])
def test_every_picture_becomes_a_square_of_the_wanted_size(
    representation: Any, channels: int, height: int, width: int
) -> None:
    sample = replace(still(0), frames=Noise((0, 0, 0), height, width))
    options = PictureOptions(size=16, representation=representation, length=4)
    pixels = make_picture(sample, options)
    assert pixels.shape == (options.channels, 16, 16) == (channels, 16, 16)
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

    red, green, blue = make_picture(
        replace(still(0), frames=Drawn((0,))), PictureOptions(size=size, representation="still")
    )
    quarter = size // 4
    assert (red[:quarter] == 200).all() and (red[-quarter:] == 0).all()
    assert (blue[:, -quarter:] == 100).all() and (blue[:, :quarter] == 0).all()
    assert not green.any()


def test_shrinking_averages_instead_of_skipping() -> None:
    class Stripes(Greys):
        def read(self) -> np.ndarray:
            return np.broadcast_to(np.array([0, 200], np.uint8).repeat(1)[None, None, [0, 1] * 16, None],
                                   (1, 32, 32, 3)).copy()  # fmt: skip

    pixels = make_picture(replace(still(0), frames=Stripes((0,))), PictureOptions(size=8, representation="still"))
    assert (pixels == 100).all()


def _made(sample: Sample, representation: Any, **options: Any) -> np.ndarray:
    return make_picture(sample, PictureOptions(size=8, representation=representation, **options))


@pytest.mark.parametrize("kind", ["exact", "linear", "learnet"])
def test_a_pair_is_two_dynamic_images(kind: Any) -> None:
    sample = _noise(12, onset=2, apex=5, offset=9)
    frames = sample.frames.read()
    halves = [np.moveaxis(dynamic_image(half, kind), -1, 0) for half in (frames[2:6], frames[5:10])]
    np.testing.assert_array_equal(_made(sample, "dynamic-pair", coefficients=kind), np.concatenate(halves))


@pytest.mark.parametrize("method", ["tvl1", "farneback", "dis"])
def test_a_flow_goes_from_onset_to_apex(method: Any) -> None:
    sample = _noise(12, 32, onset=2, apex=5, offset=9)
    frames = sample.frames.read()
    expected = np.moveaxis(np.rint(flow_picture(frames[2], frames[5], method)), -1, 0)
    np.testing.assert_array_equal(
        make_picture(sample, PictureOptions(size=32, representation="flow", flow=method)), expected
    )


@pytest.mark.parametrize("kind", ["none", "linear", "graph"])
@pytest.mark.parametrize(("onset", "offset"), [(0, 11), (2, 9), (3, 4), (5, 5)])
def test_a_clip_keeps_its_first_and_last_frame_and_is_read_back_as_video(kind: Any, onset: int, offset: int) -> None:
    sample = _noise(12, onset=onset, offset=offset)
    frames = np.moveaxis(sample.frames.read(), -1, 1)
    images = np.stack([_made(sample, "clip", length=6, interpolation=kind)])
    video = images.reshape(1, -1, 3, 8, 8)[0]
    assert video.shape == (6, 3, 8, 8)
    assert np.array_equal(video[0], frames[onset]) and np.array_equal(video[-1], frames[offset])
    if kind == "none":
        assert all(any(np.array_equal(one, frame) for frame in frames[onset : offset + 1]) for one in video)


@pytest.mark.parametrize("kind", ["linear", "graph"])
def test_interpolation_comes_before_the_pooling_of_each_span(kind: Any) -> None:
    sample = _noise(12, onset=2, apex=5, offset=9)
    frames = sample.frames.read()
    rise, fall, whole = (
        np.moveaxis(dynamic_image(interpolate(part, 7, kind)), -1, 0)
        for part in (frames[2:6], frames[5:10], frames[2:10])
    )
    more = {"interpolation": kind, "length": 7}
    np.testing.assert_array_equal(_made(sample, "dynamic", **more), rise)
    np.testing.assert_array_equal(_made(sample, "dynamic", span="onset-offset", **more), whole)
    np.testing.assert_array_equal(_made(sample, "dynamic-pair", **more), np.concatenate([rise, fall]))


@pytest.mark.parametrize("representation", _OF_CLIPS)
def test_magnification_comes_before_everything_else(representation: Any) -> None:
    sample = _noise(12, 32, onset=2, apex=5, offset=9)
    options = PictureOptions(size=32, representation=representation, magnify=3.0)
    frames = magnify(sample.frames.read(), 3, 8)

    class Magnified(Greys):
        def read(self) -> np.ndarray:
            return frames

    made = replace(sample, frames=Magnified(tuple(range(12))))
    np.testing.assert_array_equal(make_picture(sample, options), make_picture(made, replace(options, magnify=0.0)))


@pytest.mark.parametrize("representation", ["dynamic", "flow"])
@pytest.mark.parametrize(
    "sample",
    [_clip(1, 2, 3, onset=1, apex=1), _clip(1, 2, 3, apex=0), _clip(5), _clip(5, onset=0, apex=0, offset=0)],
    ids=["apex on the onset", "apex on the first frame", "one frame", "one frame with phases"],
)
def test_without_a_frame_after_the_onset_there_is_no_motion(representation: Any, sample: Sample) -> None:
    with pytest.raises(UnusableError, match=r"^apex on the onset: no frames between|^nothing moves: "):
        _made(sample, representation)


class _Watched(Greys):
    """Frames that tell which of them were read."""

    def part(self, first: int, last: int) -> _Watched:
        return replace(self, values=self.values[first : last + 1])

    def read(self) -> np.ndarray:
        assert len(self) <= 9 * 3, "more is read than the expression and what is around it"
        return super().read()


@pytest.mark.parametrize("representation", ["dynamic", "dynamic-pair", "flow", "apex", "clip"])
@pytest.mark.parametrize("magnify", [0.0, 10.0])
def test_of_a_long_recording_only_the_expression_is_read(representation: Any, magnify: float) -> None:
    recording = replace(still(0), frames=_Watched(tuple(range(250))), onset=98, apex=99, offset=100)
    cut = replace(still(0), frames=Greys((98, 99, 100)), onset=0, apex=1, offset=2)
    options = PictureOptions(size=8, representation=representation, magnify=magnify)
    made = make_picture(recording, options)
    if not magnify:
        np.testing.assert_array_equal(made, make_picture(cut, options))


def test_a_half_of_a_pair_in_which_nothing_moves_is_even_grey() -> None:
    only_fall, only_rise = _noise(6, onset=1, apex=1, offset=5), _noise(6, onset=1, apex=5)
    assert (_made(only_fall, "dynamic-pair")[:3] == 128).all() and np.ptp(_made(only_fall, "dynamic-pair")[3:]) == 255
    assert (_made(only_rise, "dynamic-pair")[3:] == 128).all() and np.ptp(_made(only_rise, "dynamic-pair")[:3]) == 255
    with pytest.raises(UserError, match="nothing moves"):
        _made(_clip(5), "dynamic-pair")


@pytest.mark.parametrize("magnify", [0.0, 10.0])
@pytest.mark.parametrize("kind", ["none", "linear", "graph"])
def test_one_frame_is_its_own_apex_and_a_clip_that_stands_still(kind: Any, magnify: float) -> None:
    assert (_made(_clip(70), "apex", magnify=magnify) == 70).all()
    clip = _made(_clip(70), "clip", length=5, interpolation=kind, magnify=magnify)
    assert clip.shape == (15, 8, 8) and (clip == 70).all()


def test_of_two_frames_the_second_is_the_apex() -> None:
    two, known = _noise(2, 16), _noise(2, 16, onset=0, apex=1, offset=1)
    for representation in _OF_CLIPS:
        np.testing.assert_array_equal(_made(two, representation), _made(known, representation))
    assert np.ptp(_made(two, "dynamic-pair")[:3]) > 0 and (_made(two, "dynamic-pair")[3:] == 128).all()


@pytest.mark.parametrize("representation", _OF_CLIPS)
def test_a_missing_apex_or_offset_is_taken_from_the_clip(representation: Any) -> None:
    known = _noise(9, 16, onset=2, apex=5, offset=8)
    np.testing.assert_array_equal(
        _made(known, representation), _made(replace(known, apex=None, offset=None), representation)
    )
    if representation != "clip":
        with pytest.raises(UserError, match="no apex"):
            _made(replace(known, apex=None), representation, apex_policy="drop")


@pytest.mark.parametrize("representation", ["still", "apex", "flow"])
def test_interpolation_is_refused_where_single_frames_are_taken(representation: Any) -> None:
    with pytest.raises(UserError, match=f"^--interpolation does not fit {representation}, which takes single frames$"):
        PictureOptions(size=8, representation=representation, interpolation="graph")


def test_magnification_of_stills_is_refused() -> None:
    with pytest.raises(UserError, match=r"^--magnify does not fit still images"):
        PictureOptions(size=8, representation="still", magnify=10)


@pytest.mark.parametrize(("representation", "wide"), [("still", 1), ("flow", 1), ("dynamic-pair", 2), ("clip", 3)])
def test_every_prepared_picture_can_be_looked_at(representation: Any, wide: int) -> None:
    channels = PictureOptions(size=4, representation=representation, length=5).channels
    array = np.random.default_rng(0).integers(0, 256, (channels, 4, 4), np.uint8)
    seen = show_as_picture(array, representation)
    assert seen.shape == (4, 4 * wide, 3) and seen.dtype == np.uint8
    np.testing.assert_array_equal(seen[:, :4], np.moveaxis(array[:3], 0, -1))
    np.testing.assert_array_equal(seen[:, -4:], np.moveaxis(array[-3:], 0, -1))
    if representation == "clip":
        np.testing.assert_array_equal(seen[:, 4:8], np.moveaxis(array[6:9], 0, -1))
