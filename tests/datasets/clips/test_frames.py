"""Frames read as they are, in their order, or one clear line about the file that is at fault."""

from __future__ import annotations

import errno
import io
import os
import pickle
import random
from pathlib import Path

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image, features

from emonas.datasets.clips import frames as frames_module
from emonas.datasets.clips.flaws import image_flaw
from emonas.datasets.clips.frames import (
    IMAGE_SUFFIXES,
    ImageFiles,
    PixelGrid,
    VideoFile,
    frame_number,
    sorted_frames,
    whole_video,
)
from emonas.datasets.clips.sample import UnusableError
from emonas.errors import UserError


def _picture(height: int = 24, width: int = 20, seed: int = 0) -> np.ndarray:
    """A smooth colour image (RGB), so that lossy formats keep it."""
    noise = np.random.default_rng(seed).integers(0, 256, (height, width, 3), dtype=np.uint8)
    return cv2.GaussianBlur(noise, (7, 7), 3)


#: Forms that Pillow writes in these tests, by their endings; those of HEIC need a library of their own.
_BY_PILLOW = {
    **dict.fromkeys((".gif",), "GIF"),
    **dict.fromkeys((".jp2", ".j2k", ".jpf", ".jpx"), "JPEG2000"),
    **dict.fromkeys((".avif",), "AVIF"),
    **dict.fromkeys((".heic", ".heif", ".hif"), "HEIF"),
    **dict.fromkeys((".jfif", ".jpe"), "JPEG"),
    **dict.fromkeys((".dib",), "BMP"),
    **dict.fromkeys((".pbm", ".pnm"), "PPM"),
}
#: What the other forms lose.
_COARSE = {".gif": 30, ".pgm": 255}


def _encoded(ending: str, image: np.ndarray, *options: int) -> bytes:
    if form := _BY_PILLOW.get(ending):
        if form == "HEIF":
            pytest.importorskip("pillow_heif").register_heif_opener()
        if form == "AVIF" and not features.check("avif"):
            pytest.skip("this Pillow has no AVIF")
        file = io.BytesIO()
        Image.fromarray(image).save(file, form)
        return file.getvalue()
    image = cv2.cvtColor(image, cv2.COLOR_RGB2GRAY) if ending == ".pgm" else image[..., ::-1]
    return cv2.imencode(ending, image, list(options))[1].tobytes()


def _file(path: Path, content: bytes) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(content)
    return path


def _video(path: Path, count: int = 20, size: tuple[int, int] = (48, 32)) -> Path:
    """Frame i is grey, 10 * i bright."""
    writer = cv2.VideoWriter(str(path), cv2.CAP_FFMPEG, cv2.VideoWriter_fourcc(*"mp4v"), 25.0, size)
    if not writer.isOpened():
        pytest.skip("this OpenCV cannot write videos")
    for index in range(count):
        writer.write(np.full((size[1], size[0], 3), 10 * index, np.uint8))
    writer.release()
    return path


@pytest.mark.parametrize("ending", sorted(IMAGE_SUFFIXES))
def test_every_image_format_is_read(tmp_path: Path, ending: str) -> None:
    path = _file(tmp_path / f"a{ending}", _encoded(ending, _picture()))
    frames = ImageFiles((path,))
    assert frames.flaw() == ""
    pixels = frames.read()
    assert pixels.shape == (1, 24, 20, 3)
    assert pixels.dtype == np.uint8
    assert np.abs(pixels[0].astype(int) - _picture()).mean() < _COARSE.get(ending, 6)


def test_channels_are_red_green_blue(tmp_path: Path) -> None:
    red = np.zeros((8, 8, 3), np.uint8)
    red[..., 0] = 255
    path = _file(tmp_path / "red.png", _encoded(".png", red))
    assert ImageFiles((path,)).read()[0, 0, 0].tolist() == [255, 0, 0]


def test_grey_16_bit_and_alpha_become_three_channels_of_8_bit(tmp_path: Path) -> None:
    grey = _file(tmp_path / "grey.png", cv2.imencode(".png", np.full((4, 4), 77, np.uint8))[1].tobytes())
    deep = _file(tmp_path / "deep.png", cv2.imencode(".png", np.full((4, 4), 0x4D80, np.uint16))[1].tobytes())
    pixels = np.dstack([np.full((4, 4, 3), 77, np.uint8), np.full((4, 4), 255, np.uint8)])
    opaque = _file(tmp_path / "opaque.png", cv2.imencode(".png", pixels)[1].tobytes())
    read = ImageFiles((grey, deep, opaque), bits=16).read()
    assert read.shape == (3, 4, 4, 3)
    assert (read == 77).all()


def test_frames_of_16_bits_are_as_bright_as_each_other(tmp_path: Path) -> None:
    """All by the fewest bits that hold the lightest one, or by those that a data set has found."""
    levels = (250, 1000, 4000)
    paths = tuple(
        _file(tmp_path / f"{level}.png", cv2.imencode(".png", np.full((4, 4), level, np.uint16))[1].tobytes())
        for level in levels
    )
    assert ImageFiles(paths).largest() == 4000
    assert ImageFiles(paths).read()[:, 0, 0, 0].tolist() == [15, 62, 250]
    assert ImageFiles(paths, bits=10).read()[:, 0, 0, 0].tolist() == [62, 250, 255]


def test_a_pipe_and_a_device_are_named_and_never_read(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "f.png")
    for path, what in ((tmp_path / "f.png", "a named pipe"), (Path("/dev/zero"), "a device")):
        for frames in (ImageFiles((path,)), VideoFile(path, 1)):
            assert frames.flaw().startswith(f"{what}, not a file")
            with pytest.raises(UserError, match=f"{what}, not a file"):
                frames.read()
    assert ImageFiles(tuple(sorted_frames(tmp_path))).flaw().startswith("a named pipe, not a file")


def test_a_clip_keeps_the_order_of_its_paths(tmp_path: Path) -> None:
    values = [5, 200, 90]
    paths = [_file(tmp_path / f"{v}.png", _encoded(".png", np.full((4, 4, 3), v, np.uint8))) for v in values]
    clip = ImageFiles(tuple(paths))
    assert len(clip) == 3
    assert clip.read()[:, 0, 0, 0].tolist() == values


def test_names_outside_ascii(tmp_path: Path) -> None:
    path = _file(tmp_path / "Müller 笑顔" / "bild é.jpg", _encoded(".jpg", _picture()))
    assert ImageFiles((path,)).read().shape == (1, 24, 20, 3)


def test_faces_cut_out_one_by_one_get_the_size_of_the_first_and_others_are_named(tmp_path: Path) -> None:
    sizes = {"0.png": (24, 20), "1.png": (25, 21), "2.png": (22, 18)}
    paths = [_file(tmp_path / name, _encoded(".png", _picture(*size))) for name, size in sizes.items()]
    read = ImageFiles(tuple(paths)).read()
    assert read.shape == (3, 24, 20, 3) and read[2].std() > 10
    odd = _file(tmp_path / "odd.png", _encoded(".png", _picture(width=40)))
    with pytest.raises(UnusableError, match=r"^frames of unequal size: odd\.png has 40x24, the first one 20x24$"):
        ImageFiles((*paths, odd)).read()


@pytest.mark.parametrize(
    ("content", "reason"),
    [
        (b"", "empty file"),
        (b"hello", "not an image"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not an image"),
        (b"\xff\xd8\xff\xd9", "damaged"),
        (b"GIF89a;", "damaged"),
        (b"%PDF-1.4", "a PDF document: save it as PNG or JPEG"),
        (b"\x89PNG\r\n\x1a\nIEND\xaeB\x60\x82", "damaged"),
    ],
)
def test_what_is_no_image_says_so(tmp_path: Path, content: bytes, reason: str) -> None:
    path = _file(tmp_path / "bad.png", content)
    with pytest.raises(UserError, match=reason) as raised:
        ImageFiles((path,)).read()
    assert str(path) in str(raised.value)
    assert "\n" not in str(raised.value)


def test_missing_files_and_folders(tmp_path: Path) -> None:
    for path, reason in ((tmp_path / "none.png", "no such file"), (tmp_path, "cannot be read")):
        assert reason in ImageFiles((path,)).flaw()
        assert reason in VideoFile(path, 1).flaw()
        for frames in (ImageFiles((path,)), VideoFile(path, 1)):
            with pytest.raises(UserError, match=reason):
                frames.read()
    with pytest.raises(UserError, match="no such file"):
        sorted_frames(tmp_path / "nowhere")


def test_a_file_without_rights(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = _file(tmp_path / "a.png", _encoded(".png", _picture()))

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(errno.EACCES, "Permission denied")

    monkeypatch.setattr(Path, "open", refuse)
    monkeypatch.setattr(Path, "read_bytes", refuse)
    assert ImageFiles((path,)).flaw() == "cannot be read: Permission denied"
    with pytest.raises(UserError, match=r"a\.png: cannot be read: Permission denied"):
        ImageFiles((path,)).read()


@pytest.mark.parametrize("ending", sorted(IMAGE_SUFFIXES))
@pytest.mark.parametrize("kept", [0.05, 0.5, 0.9, 0.99])
def test_a_cut_off_image_is_never_read(tmp_path: Path, ending: str, kept: float) -> None:
    whole = _encoded(ending, _picture(60, 50))
    path = _file(tmp_path / f"a{ending}", whole[: int(len(whole) * kept)])
    with pytest.raises(UserError, match=r"cut off"):
        ImageFiles((path,)).read()
    if ending not in (".tif", ".tiff"):
        assert ImageFiles((path,)).flaw() == "cut off"


@pytest.mark.parametrize("ending", [".jpg", ".png", ".bmp", ".webp"])
def test_bytes_after_the_end_of_an_image_are_tolerated(tmp_path: Path, ending: str) -> None:
    path = _file(tmp_path / f"a{ending}", _encoded(ending, _picture()) + b"\0" * 40 + b"appended by a camera")
    assert ImageFiles((path,)).flaw() == ""
    assert ImageFiles((path,)).read().shape == (1, 24, 20, 3)


def test_the_end_of_a_thumbnail_is_not_the_end_of_its_image(tmp_path: Path) -> None:
    thumbnail, whole = _encoded(".jpg", _picture(8, 8)), _encoded(".jpg", _picture(60, 50))
    segment = b"\xff\xe1" + (len(thumbnail) + 2).to_bytes(2, "big") + thumbnail
    with_thumbnail = whole[:2] + segment + whole[2:]
    path = _file(tmp_path / "a.jpg", with_thumbnail)
    assert image_flaw(path) == ""
    path.write_bytes(with_thumbnail[:-200])
    assert image_flaw(path) == "cut off"


@pytest.mark.parametrize("options", [(), (cv2.IMWRITE_JPEG_PROGRESSIVE, 1), (cv2.IMWRITE_JPEG_RST_INTERVAL, 2)])
def test_no_cut_of_a_jpeg_goes_unseen(tmp_path: Path, options: tuple[int, ...]) -> None:
    whole = _encoded(".jpg", _picture(), *options)
    for length in range(3, len(whole) - 1, 5):
        assert image_flaw(_file(tmp_path / "a.jpg", whole[:length] + b"\0" * 9)) == "cut off"
    assert image_flaw(_file(tmp_path / "a.jpg", whole + b"\0" * 9)) == ""


def test_the_flaw_of_a_clip_names_its_frame(tmp_path: Path) -> None:
    good = _file(tmp_path / "1.png", _encoded(".png", _picture()))
    bad = _file(tmp_path / "2.png", b"")
    assert ImageFiles((good, bad)).flaw() == "empty file: frame 2.png"
    assert ImageFiles(()).flaw() == "no frames"
    with pytest.raises(UserError, match="without frames"):
        ImageFiles(()).read()


def test_pixels_in_memory() -> None:
    grid = PixelGrid(bytes(range(6)), height=2, width=3)
    assert len(grid) == 1
    assert grid.flaw() == ""
    assert grid.read().shape == (1, 2, 3, 3)
    assert grid.read()[0, :, :, 2].tolist() == [[0, 1, 2], [3, 4, 5]]
    assert PixelGrid(b"123", 2, 2).flaw() == "3 pixels for 2x2"
    with pytest.raises(UserError, match="3 pixels for 2x2"):
        PixelGrid(b"123", 2, 2).read()


def test_a_video_and_a_stretch_of_it(tmp_path: Path) -> None:
    video = whole_video(_video(tmp_path / "clip007.mp4"))
    assert len(video) == 20
    assert video.flaw() == ""
    pixels = video.read()
    assert pixels.shape == (20, 32, 48, 3)
    assert np.abs(pixels[:, 16, 24, 0].astype(int) - np.arange(0, 200, 10)).max() < 6
    stretch = VideoFile(video.path, count=3, first=5)
    assert stretch.flaw() == ""
    np.testing.assert_array_equal(stretch.read(), pixels[5:8])
    np.testing.assert_array_equal(stretch.part(1, 2).read(), pixels[6:8])
    np.testing.assert_array_equal(video.part(2, 3).read(), pixels[2:4])


def test_a_video_that_was_written_anew_is_read_anew(tmp_path: Path) -> None:
    path = _video(tmp_path / "a.mp4")
    VideoFile(path, 2).read()
    _video(path, size=(64, 64))
    assert VideoFile(path, 2, first=10).read().shape == (2, 64, 64, 3)


def test_a_video_that_claims_a_few_frames_too_many_is_filled_up(tmp_path: Path) -> None:
    path = _video(tmp_path / "a.mp4")
    pixels = VideoFile(path, count=22).read()
    assert pixels.shape[0] == 22
    np.testing.assert_array_equal(pixels[20], pixels[19])
    np.testing.assert_array_equal(pixels[21], pixels[19])
    with pytest.raises(UserError, match=r"a\.mp4: cut off: 20 of 23 frames"):
        VideoFile(path, count=23).read()
    assert VideoFile(path, count=23).flaw() == "too short: 20 of 23 frames"
    with pytest.raises(UserError, match="no frame 20 in it"):
        VideoFile(path, count=1, first=20).read()


@pytest.mark.parametrize("content", [b"", b"no video at all" * 99, None])
def test_what_is_no_video_says_so(tmp_path: Path, content: bytes | None) -> None:
    path = tmp_path / "clip01.mp4"
    if content is None:
        whole = _video(path).read_bytes()
        content = whole[: len(whole) // 2]
    path.write_bytes(content)
    video = whole_video(path)
    assert len(video) == 0
    assert video.flaw()
    with pytest.raises(UserError, match=r"clip01\.mp4: ") as raised:
        video.read()
    assert "\n" not in str(raised.value)


def test_a_video_too_long_for_the_memory(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(frames_module, "MAX_VIDEO_BYTES", 20 * 48 * 32 * 3 - 1)
    with pytest.raises(UserError, match="20 frames of 48x32 do not fit"):
        whole_video(_video(tmp_path / "a.mp4")).read()


def test_broken_files_leave_no_chatter(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    whole = _encoded(".png", _picture())
    for name, content in (("a.png", whole[:-30]), ("b.mp4", b"nothing" * 99), ("c07.avi", b"RIFF" * 99)):
        path = _file(tmp_path / name, content)
        frames = ImageFiles((path,)) if name.endswith("png") else whole_video(path)
        with pytest.raises(UserError):
            frames.read()
    assert capfd.readouterr().err == ""


@pytest.mark.parametrize("frames", [ImageFiles((Path("a.png"),)), PixelGrid(b"\1", 1, 1), VideoFile(Path("a.avi"), 3)])
def test_frames_travel_to_worker_processes(frames: ImageFiles | PixelGrid | VideoFile) -> None:
    assert pickle.loads(pickle.dumps(frames)) == frames
    assert hash(frames) == hash(pickle.loads(pickle.dumps(frames)))


@settings(deadline=None, max_examples=40)
@given(
    numbers=st.lists(st.integers(0, 10**7), min_size=1, max_size=12, unique=True),
    prefix=st.sampled_from(["", "img", "reg_image", "S005_001_"]),
    seed=st.integers(0, 99),
)
def test_frames_are_ordered_by_number_and_not_by_text(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int], prefix: str, seed: int
) -> None:
    folder = tmp_path_factory.mktemp("frames")
    random.Random(seed).shuffle(numbers)
    for number in numbers:
        (folder / f"{prefix}{number}.jpg").touch()
    assert [frame_number(path) for path in sorted_frames(folder)] == sorted(numbers)


def test_the_last_number_counts_and_ties_go_by_name(tmp_path: Path) -> None:
    names = ["9_clip_1.png", "1_clip_10.png", "5_clip_2.png", "b_002.png", "5_clip_2.jpg", "face.png", "eyes.png"]
    for name in names:
        (tmp_path / name).touch()
    ordered = [path.name for path in sorted_frames(tmp_path)]
    assert ordered == [
        "eyes.png",
        "face.png",
        "9_clip_1.png",
        "5_clip_2.jpg",
        "5_clip_2.png",
        "b_002.png",
        "1_clip_10.png",
    ]


def test_debris_and_other_files_are_no_frames(tmp_path: Path) -> None:
    for name in ("1.JPG", ".2.jpg", "._1.jpg", ".DS_Store", "Thumbs.db", "3.jpg.lnk", "notes.txt", "4.mp4"):
        (tmp_path / name).touch()
    (tmp_path / "__MACOSX").mkdir()
    (tmp_path / "5.png").mkdir()
    assert [path.name for path in sorted_frames(tmp_path)] == ["1.JPG"]
