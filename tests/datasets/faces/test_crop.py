"""Faces: one for each clip, the largest, upright where eyes are seen, at one place in all frames."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from made_samples import Greys, prepared_from, still

from emonas.datasets.clips.sample import ReadResult
from emonas.datasets.databases import registry
from emonas.datasets.faces import lbp as face_detector_lbp
from emonas.datasets.faces import options as face_choice
from emonas.datasets.faces import yunet as face_detector_yunet
from emonas.datasets.faces.crop import FaceFrames, add_face_frames, crop_face, make_finder
from emonas.datasets.faces.face import MARGIN, Face, NoFaceError
from emonas.datasets.faces.lbp import LbpFinder
from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.faces.yunet import YuNetFinder
from emonas.datasets.store.config import PrepareConfig
from emonas.datasets.store.prepare import prepare
from emonas.datasets.synthetic.draw import draw_face, random_identity
from emonas.errors import UserError


@dataclass(frozen=True)
class Told:
    """A finder that finds what it is told to, where a frame's first pixel is of the given grey."""

    faces: tuple[Face, ...]
    grey: int

    def find(self, image: np.ndarray) -> Sequence[Face]:
        return self.faces if image[0, 0, 0] == self.grey else []


@dataclass(frozen=True)
class Noise:
    """A clip of random frames, the first pixel of each the number of the frame."""

    count: int = 3
    height: int = 60
    width: int = 80

    def __len__(self) -> int:
        return self.count

    def read(self) -> np.ndarray:
        frames = np.random.default_rng(0).integers(0, 256, (self.count, self.height, self.width, 3), dtype=np.uint8)
        frames[:, 0, 0] = np.arange(self.count)[:, None]
        return frames

    def flaw(self) -> str:
        return "a flaw of the whole frames"


def _scene(places: Sequence[tuple[int, int, int]], height: int = 360, width: int = 640, roll: float = 0) -> np.ndarray:
    """Drawn people at (left, top, size) before a wall."""
    scene = np.full((height, width, 3), 190, np.uint8)
    for seed, (left, top, size) in enumerate(places):
        scene[top : top + size, left : left + size] = draw_face(
            random_identity(np.random.default_rng(seed)), {}, size, roll=roll
        )
    return scene


def test_the_face_of_the_onset_frame_is_cut_out_of_all_frames_alike() -> None:
    frames = Noise()
    cut = FaceFrames(frames, Told((Face(40, 30, 20 / MARGIN),), grey=1), onset=1).read()
    np.testing.assert_array_equal(cut, frames.read()[:, 20:40, 30:50])
    with pytest.raises(NoFaceError, match=r"^no face found$"):
        FaceFrames(frames, Told((Face(40, 30, 20),), grey=1), onset=2).read()


def test_of_several_faces_the_largest_is_taken() -> None:
    faces = (Face(20, 20, 10), Face(50, 30, 20 / MARGIN), Face(10, 50, 11))
    cut = FaceFrames(Noise(), Told(faces, grey=0)).read()
    np.testing.assert_array_equal(cut, Noise().read()[:, 20:40, 40:60])


def test_beyond_the_frame_its_edge_is_repeated() -> None:
    frames = Noise().read()
    cut = crop_face(frames, Face(0, 30, 20 / MARGIN))
    np.testing.assert_array_equal(cut[:, :, 10:], frames[:, 20:40, :10])
    np.testing.assert_array_equal(cut[:, :, :10], np.repeat(frames[:, 20:40, :1], 10, axis=2))
    assert crop_face(frames, Face(40, 30, 0.1)).shape == (3, 1, 1, 3)
    # Inside, a plain copy; a hair's breadth of tilt takes the other way to the same pixels.
    for side in (20, 21):
        face = Face(33.4, 28.7, side / MARGIN)
        np.testing.assert_array_equal(crop_face(frames, face), crop_face(frames, replace(face, tilt=1e-9)))


@pytest.mark.parametrize("roll", [-25.0, 10.0, 40.0])
def test_a_tilted_head_is_set_upright(roll: float) -> None:
    upright, tilted = _scene([(200, 60, 240)]), _scene([(200, 60, 240)], roll=roll)
    wanted = crop_face(upright[None], Face(320, 180, 130)).astype(int)
    got = crop_face(tilted[None], Face(320, 180, 130, tilt=roll)).astype(int)
    left_alone = crop_face(tilted[None], Face(320, 180, 130)).astype(int)
    middle = np.s_[0, 20:-20, 20:-20]
    error, other = (np.abs(one[middle] - wanted[middle]).mean() for one in (got, left_alone))
    # The light comes from elsewhere after the turn; what is left alone is another picture.
    assert error < 0.5 * other


def test_length_and_flaw_are_those_of_the_frames() -> None:
    frames = FaceFrames(Noise(), LbpFinder())
    assert (len(frames), frames.flaw()) == (3, "a flaw of the whole frames")


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize(("left", "top", "size"), [(60, 20, 120), (300, 90, 200), (250, 20, 330)])
def test_the_embedded_detector_finds_a_face_where_it_is(seed: int, left: int, top: int, size: int) -> None:
    scene = np.full((360, 640, 3), 190, np.uint8)
    scene[top : top + size, left : left + size] = draw_face(random_identity(np.random.default_rng(seed)), {}, size)
    (face,) = LbpFinder().find(scene)
    assert abs(face.x - left - size / 2) < 0.04 * size and abs(face.y - top - size / 2) < 0.04 * size
    assert 0.6 < face.side / size < 0.85
    assert face.tilt == 0


def test_the_embedded_detector_sees_no_face_where_there_is_none() -> None:
    grain = np.random.default_rng(0).integers(0, 256, (60, 90, 3), dtype=np.uint8)
    for scene in (
        _scene([]),
        cv2.resize(grain, (900, 600)),
        np.zeros((5, 4, 3), np.uint8),
        _scene([(0, 0, 300)])[::-1],
    ):
        assert list(LbpFinder().find(np.ascontiguousarray(scene))) == []


def test_two_people_are_two_faces_of_which_the_larger_is_cut_out() -> None:
    scene = _scene([(40, 100, 140), (330, 60, 240)])
    assert len(LbpFinder().find(scene)) == 2

    @dataclass(frozen=True)
    class Scene(Noise):
        def read(self) -> np.ndarray:
            return scene[None]

    cut = FaceFrames(Scene(), LbpFinder()).read()[0]
    larger = next(face for face in LbpFinder().find(scene) if face.x > 320)
    np.testing.assert_array_equal(cut, crop_face(scene[None], larger)[0])


def test_a_small_face_and_a_small_picture_are_found() -> None:
    assert len(LbpFinder().find(_scene([(500, 200, 80)]))) == 1
    identity = random_identity(np.random.default_rng(0))
    assert len(LbpFinder().find(draw_face(identity, {}, 64))) == 1


def test_without_scikit_image_it_is_said_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "skimage.feature", None)
    face_detector_lbp._cascade.cache_clear()
    with pytest.raises(UserError, match="needs scikit-image: pip install scikit-image, or name a --face-model"):
        make_finder(FaceOptions(faces="detect"))


class _YuNet:
    """OpenCV's detector, finding one face in a picture that it must be told the size of."""

    def setInputSize(self, size: tuple[int, int]) -> None:
        self.size = size

    def detect(self, image: np.ndarray) -> tuple[int, np.ndarray | None]:
        assert image.shape[1::-1] == self.size
        if not image.any():
            return 0, None
        assert tuple(image[0, 0]) == (3, 2, 1), "blue, green, red"
        eyes = (120, 100, 160, 140)
        return 1, np.array([[100, 80, 90, 120, *eyes, 140, 130, 125, 160, 150, 165, 0.9]], np.float32)


def test_yunet_gives_middle_side_and_tilt_in_the_pictures_own_pixels(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(face_detector_yunet, "_detector", lambda model: _YuNet())
    finder = YuNetFinder(Path("model.onnx"))
    small = np.full((300, 400, 3), (1, 2, 3), np.uint8)
    assert finder.find(small) == [Face(145, 140, 120, pytest.approx(45))]
    large = np.full((960, 1280, 3), (1, 2, 3), np.uint8)
    assert finder.find(large) == [Face(290, 280, 240, pytest.approx(45))]
    assert finder.find(np.zeros((300, 400, 3), np.uint8)) == []


def test_a_file_that_is_no_model_is_refused_before_any_sample(tmp_path: Path) -> None:
    (tmp_path / "model.onnx").write_bytes(b"no model")
    with pytest.raises(UserError, match=r"--face-model .*model\.onnx: cannot be used as a YuNet model"):
        make_finder(FaceOptions(faces="detect", face_model=tmp_path / "model.onnx"))
    with pytest.raises(UserError, match=r"none\.onnx: no such file"):
        face_choice.record_options(FaceOptions(face_model=tmp_path / "none.onnx"))


def test_a_model_is_recorded_by_its_content(tmp_path: Path) -> None:
    for name, content in (("a.onnx", b"1"), ("b.onnx", b"1"), ("c.onnx", b"2")):
        (tmp_path / name).write_bytes(content)
    a, b, c = (face_choice.record_options(FaceOptions(face_model=tmp_path / f"{name}.onnx")) for name in "abc")
    assert a == b != c
    assert face_choice.record_options(FaceOptions()) == {"faces": "auto", "face_model": ""}


@pytest.mark.parametrize(
    ("faces", "crop", "meaning"),
    [("auto", "full", "detect"), ("auto", "owner", "whole"), ("auto", None, "whole"),
     ("whole", "full", "whole"), ("detect", "owner", "detect"), ("detect", None, "detect")],
)  # fmt: skip
def test_owners_faces_are_taken_as_they_are_and_whole_frames_are_searched(
    faces: face_choice.Faces, crop: str | None, meaning: str
) -> None:
    assert face_choice.resolve_faces(faces, crop) == meaning


@pytest.mark.parametrize(("crop", "dropped"), [("full", {"no face found": 1}), ("owner", {})])
def test_the_crop_that_a_reader_has_settled_decides(
    monkeypatch: pytest.MonkeyPatch, crop: str, dropped: dict[str, int]
) -> None:
    face = random_identity(np.random.default_rng(0))
    pixels = np.stack([draw_face(face, {}, 64)] * 4 + [np.zeros((64, 64, 3), np.uint8)])

    @dataclass(frozen=True)
    class Picture(Greys):
        def read(self) -> np.ndarray:
            return pixels[list(self.values)]

    samples = tuple(still(i, f"s{i}", "ab"[i % 2], frames=Picture((i,))) for i in range(5))
    found = ReadResult(samples, ("a", "b"), choices={"crop": crop})
    monkeypatch.setattr(registry, "read", lambda dataset, source, choices: found)
    prepared = prepare("synthetic-macro", None, PrepareConfig(size=16, jobs=1), quiet=True)
    assert prepared.dropped == dropped
    assert prepared.options["faces"] == ("detect" if crop == "full" else "whole")
    assert prepare("synthetic-macro", None, PrepareConfig(size=16, jobs=1)).fingerprint == prepared.fingerprint


def test_dropped_samples_are_left_alone() -> None:
    sample = still(1).drop("no label")
    assert add_face_frames(sample, LbpFinder()) is sample
    assert add_face_frames(still(1), None) == still(1)
    clip = still(1, frames=Noise(), onset=2)
    assert add_face_frames(clip, LbpFinder()).frames == FaceFrames(Noise(), LbpFinder(), 2)


def test_samples_without_a_face_are_dropped_and_counted() -> None:
    @dataclass(frozen=True)
    class Person(Greys):
        def read(self) -> np.ndarray:
            return _scene([(80, 20, 200)], 240, 320)[None]

    samples = [still(i, f"s{i}", "ab"[i % 2], frames=Greys((i,)) if i == 2 else Person((i,))) for i in range(5)]
    prepared = prepared_from(samples, size=32, faces="detect")
    assert [sample.clip for sample in prepared.samples] == ["clip0", "clip1", "clip3", "clip4"]
    assert prepared.dropped == {"no face found": 1}
    assert (prepared.options["faces"], prepared.options["face_model"]) == ("detect", "")
    scene = _scene([(80, 20, 200)], 240, 320)
    (face,) = LbpFinder().find(scene)
    small = cv2.resize(crop_face(scene[None], face)[0], (32, 32), interpolation=cv2.INTER_AREA)
    np.testing.assert_array_equal(prepared.images[0].transpose(1, 2, 0), small)
