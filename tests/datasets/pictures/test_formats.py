"""What a file is, by its content and not by its name."""

from __future__ import annotations

import struct

import pytest

from emonas.datasets.pictures.formats import picture_format, refusal


def _boxes(*brands: bytes) -> bytes:
    return struct.pack(">I", 16 + 4 * len(brands[1:])) + b"ftyp" + brands[0] + bytes(4) + b"".join(brands[1:])


@pytest.mark.parametrize(
    ("head", "form"),
    [
        (b"\xff\xd8\xff\xe0", "JPEG"),
        (b"GIF89a", "GIF"),
        (b"MM\0*\0\0\0\x08", "TIFF"),
        (b"RIFF\x10\0\0\0WEBPVP8 ", "WebP"),
        (b"P6\n3 3\n255\n", "PNM"),
        (b"\xff\x4f\xff\x51\0", "JPEG 2000"),
        (_boxes(b"heic", b"mif1", b"heic"), "HEIC"),
        (_boxes(b"mif1", b"mif1", b"avif"), "AVIF"),
        (_boxes(b"isom", b"isom", b"mp41"), ""),
        (b"P6x", ""),
        (b"", ""),
    ],
)
def test_the_form_of_a_picture(head: bytes, form: str) -> None:
    assert picture_format(head) == form


@pytest.mark.parametrize(
    ("head", "words"),
    [
        (b"8BPS\0\1", "a Photoshop picture: save it as PNG or JPEG"),
        (_boxes(b"isom", b"mp41"), "a video (MP4 or MOV): name it as a video, with its ending"),
        (_boxes(b"crx ", b"crx "), "a camera's raw picture: save it as PNG or JPEG"),
        (b"II*\0\x10\0\0\0CR\2\0", "a camera's raw picture: save it as PNG or JPEG"),
        (b"\xef\xbb\xbf\n<!DOCTYPE html>", "a web page, perhaps instead of a download: download it anew"),
        (
            b"version https://git-lfs.github.com/spec/v1",
            "a pointer of Git LFS, not the picture itself: run git lfs pull",
        ),
        (b'<?xml version="1.0"?><svg ', "an SVG drawing: save it as PNG or JPEG"),
        (b"RIFF\x10\0\0\0WAVEfmt ", "not an image"),
        (b"hello", "not an image"),
    ],
)
def test_what_is_not_read_is_named_as_what_it_is(head: bytes, words: str) -> None:
    assert refusal(head) == words
