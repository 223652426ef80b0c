"""Pixels as people see them, whatever the file: upright, on white, in their own brightness."""

from __future__ import annotations

import io
import struct
import zlib
from typing import Any

import cv2
import numpy as np
import pytest
from PIL import Image, features

from emonas.datasets.pictures.decode import decode_picture
from emonas.errors import UserError

tifffile = pytest.importorskip("tifffile")


def _saved(image: Image.Image, form: str, **options: Any) -> bytes:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file.getvalue()


def _tiff(array: np.ndarray, **options: Any) -> bytes:
    file = io.BytesIO()
    tifffile.imwrite(file, array, **options)
    return file.getvalue()


def _png(array: np.ndarray) -> bytes:
    return cv2.imencode(".png", array)[1].tobytes()


def _corners() -> np.ndarray:
    """A picture of which no turn and no mirror image is like another: red above left, blue below right, green left."""
    picture = np.zeros((80, 48, 3), np.uint8)
    picture[:, :8] = (0, 255, 0)
    picture[:24, :24] = (255, 0, 0)
    picture[56:, 24:] = (0, 0, 255)
    return picture


@pytest.mark.parametrize("orientation", range(1, 9))
def test_a_turned_camera_turns_the_picture_in_every_form_alike(orientation: int) -> None:
    forms: dict[str, dict[str, Any]] = {"JPEG": {"quality": 100, "subsampling": 0}, "PNG": {}, "TIFF": {}}
    forms |= {"WEBP": {"lossless": True}} if features.check("webp") else {}
    tag = {"extratags": [(274, 3, 1, orientation, True)], "photometric": "rgb"}
    files = [_tiff(_corners().astype(np.uint16) * 257, **tag), _tiff(_corners().astype(np.float32) / 255, **tag)]
    for form, options in forms.items():
        exif = Image.Exif()
        exif[274] = orientation
        files.append(_saved(Image.fromarray(_corners()), form, exif=exif, **options))
    turned = [decode_picture(file) for file in files]
    turned = [image if image.dtype == np.uint8 else (image >> 8).astype(np.uint8) for image in turned]
    wanted = cv2.cvtColor(cv2.imdecode(np.frombuffer(files[2], np.uint8), cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    for image in turned:
        assert image.shape == wanted.shape
        assert np.abs(image.astype(int) - wanted).max() <= 2


def test_what_is_transparent_is_white() -> None:
    pixels = np.full((4, 6, 4), 40, np.uint8)
    pixels[:, :2, 3], pixels[:, 2:4, 3], pixels[:, 4:, 3] = 0, 51, 255
    for form in ("PNG", "TIFF"):
        image = decode_picture(_saved(Image.fromarray(pixels), form))
        assert image[0, ::2, 0].tolist() == [255, 212, 40], form
    palette = Image.fromarray(np.array([[0, 1]], np.uint8), "P")
    palette.putpalette([10, 20, 30, 40, 50, 60])
    for form in ("PNG", "GIF"):
        image = decode_picture(_saved(palette, form, transparency=0))
        assert image[0].tolist() == [[255, 255, 255], [40, 50, 60]], form


def test_deep_transparency_is_white_and_a_full_one_is_none() -> None:
    pixels = np.full((2, 2, 4), 4000, np.uint16)
    assert (decode_picture(_png(pixels)) == 4000).all()
    pixels[0, :, 3], pixels[1, :, 3] = 0, 65535
    assert decode_picture(_png(pixels))[:, 0, 0].tolist() == [65535, 4000]


def test_printing_colours_become_those_of_the_screen() -> None:
    cyan = Image.new("CMYK", (8, 8), (255, 0, 0, 0))
    for form in ("JPEG", "TIFF"):
        red, green, blue = (int(level) for level in decode_picture(_saved(cyan, form))[4, 4])
        assert red < 60 < 150 < min(green, blue), form


def test_16_bits_are_kept_in_colour_and_in_grey() -> None:
    levels = np.arange(4 * 5 * 3, dtype=np.uint16).reshape(4, 5, 3) * 60
    assert (decode_picture(_png(levels))[..., ::-1] == levels).all()
    assert (decode_picture(_tiff(levels, photometric="rgb")) == levels).all()
    assert (decode_picture(_png(levels[..., 0]))[..., 2] == levels[..., 0]).all()
    assert (decode_picture(_tiff(levels[..., 0].astype(np.int32)))[..., 1] == levels[..., 0]).all()


def test_a_declared_largest_level_is_obeyed() -> None:
    levels = np.array([[0, 2048, 4095]], ">u2")
    assert decode_picture(b"P5\n# camera\n3 1\n4095\n" + levels.tobytes())[0, :, 0].tolist() == [0, 128, 255]


def test_packed_bits_of_a_tiff_are_those_of_the_camera() -> None:
    """12 bits a level, two levels in three bytes."""
    pixels = bytes.fromhex("0008 00ff ffff".replace(" ", ""))
    tags = [(256, 4), (257, 1), (258, 12), (259, 1), (262, 1), (273, 8), (277, 1), (278, 1), (279, 6)]
    folder = struct.pack("<H", len(tags)) + b"".join(struct.pack("<HHII", tag, 4, 1, value) for tag, value in tags)
    image = decode_picture(struct.pack("<2sHI", b"II", 42, 14) + pixels + folder + bytes(4))
    assert image[0, :, 0].tolist() == [0, 128, 255, 255]


@pytest.mark.parametrize("kind", [np.float32, np.float64])
def test_floats_are_shares_or_levels(kind: type) -> None:
    shares = np.array([[0, 0.5, 1]], kind)
    assert decode_picture(_tiff(shares))[0, :, 0].tolist() == [0, 128, 255]
    assert decode_picture(_tiff(shares * 4000))[0, :, 0].tolist() == [0, 2000, 4000]
    for odd in (np.nan, np.inf, -2.0, 1e6):
        with pytest.raises(UserError, match="a picture with levels"):
            decode_picture(_tiff(np.full((3, 3), odd, kind)))


def test_the_first_picture_of_a_telephone_that_keeps_several_is_read() -> None:
    image = Image.fromarray(_corners())
    data = _saved(image, "MPO", save_all=True, append_images=[image.resize((8, 8))], quality=100)
    assert decode_picture(data).shape == (80, 48, 3)


def test_damage_is_told_without_a_word_of_the_libraries(capfd: pytest.CaptureFixture[str]) -> None:
    def chunk(name: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content))

    for side, depth in ((0, 8), (9, 8), (0, 16), (9, 16)):
        header = struct.pack(">IIBBBBB", side, side, depth, 2, 0, 0, 0)
        body = chunk(b"IHDR", header) + chunk(b"IDAT", b"no pixels") + chunk(b"IEND", b"")
        with pytest.raises(UserError, match="damaged"):
            decode_picture(b"\x89PNG\r\n\x1a\n" + body)
    odd = bytearray(_saved(Image.fromarray(_corners()), "JPEG"))
    odd[-200:-190] = b"\xff\xd1" * 5
    decode_picture(bytes(odd))
    packed = bytearray(_saved(Image.fromarray(_corners()), "TIFF", compression="tiff_lzw"))
    packed[20:40] = bytes(20)
    with pytest.raises(UserError, match="damaged"):
        decode_picture(bytes(packed))
    assert capfd.readouterr().err == ""
