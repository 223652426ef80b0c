"""A look at a picture's first bytes says what it is, how large it is, and what to do where it is not read."""

from __future__ import annotations

import io
import struct
import sys
import zlib

import numpy as np
import pytest
from PIL import Image

from emonas.datasets.pictures import header, limits
from emonas.datasets.pictures.header import read_header
from emonas.errors import UserError


def _saved(image: Image.Image, form: str, **options: object) -> io.BytesIO:
    file = io.BytesIO()
    image.save(file, form, **options)
    return file


def _claiming(width: int, height: int, depth: int = 8) -> io.BytesIO:
    """A PNG that claims a size and has a few bytes of it."""
    chunks = ((b"IHDR", struct.pack(">IIBBBBB", width, height, depth, 0, 0, 0, 0)), (b"IDAT", zlib.compress(b"")))
    parts = [struct.pack(">I", len(c)) + name + c + struct.pack(">I", zlib.crc32(name + c)) for name, c in chunks]
    return io.BytesIO(b"\x89PNG\r\n\x1a\n" + b"".join(parts))


def test_a_bomb_is_refused_by_the_size_that_it_claims() -> None:
    for width, height, depth in ((20_000, 20_000, 8), (12_000, 12_000, 8), (10_000, 10_000, 16)):
        with pytest.raises(UserError, match=r"too large: .*million pixels.*: shrink it"):
            read_header(_claiming(width, height, depth))
    assert read_header(_claiming(8_000, 8_000)).upright == (8_000, 8_000)
    with pytest.raises(UserError, match="too long"):
        read_header(_claiming(40_000, 2))


def test_a_smaller_machine_takes_smaller_pictures(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "memory", lambda: 2**20)
    with pytest.raises(UserError, match="300x300, and 0 million pixels fit"):
        read_header(_claiming(300, 300))
    assert read_header(_claiming(100, 100)).width == 100


def test_the_memory_of_this_machine_is_known() -> None:
    assert 2**26 < limits.memory() < 2**45


def test_a_heic_picture_is_named_with_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the library that reads it is not there."""
    monkeypatch.setitem(sys.modules, "pillow_heif", None)
    header._learn_heic.cache_clear()
    box = struct.pack(">I", 24) + b"ftypheic" + bytes(4) + b"mif1heic"
    with pytest.raises(UserError, match="a HEIC picture: install pillow-heif to read it, or save it as JPEG"):
        read_header(io.BytesIO(box + bytes(600)))


def test_films_and_stacks_are_no_single_pictures() -> None:
    first, second = (Image.fromarray(np.full((9, 9), level, np.uint8)) for level in (0, 200))
    for form in ("GIF", "PNG"):
        with pytest.raises(UserError, match=f"an animation \\({form}\\)"):
            read_header(_saved(first, form, save_all=True, append_images=[second]))
    with pytest.raises(UserError, match="a stack of pictures"):
        read_header(_saved(first, "TIFF", save_all=True, append_images=[second]))
    # A smaller second picture is a preview of the first.
    small = second.resize((3, 3))
    assert read_header(_saved(first, "TIFF", save_all=True, append_images=[small])).upright == (9, 9)


def test_the_size_is_that_of_the_upright_picture() -> None:
    exif = Image.Exif()
    exif[274] = 6
    for form in ("JPEG", "PNG", "TIFF"):
        assert read_header(_saved(Image.new("RGB", (30, 20)), form, exif=exif)).upright == (20, 30), form
        exif = Image.Exif()
        exif[274] = 6


@pytest.mark.parametrize("form", ["PNG", "JPEG", "TIFF", "GIF", "WEBP", "BMP", "PPM", "JPEG2000"])
def test_any_damage_to_a_header_is_one_line_or_none(form: str) -> None:
    whole = _saved(Image.fromarray(np.arange(48, dtype=np.uint8).reshape(4, 4, 3)), form).getvalue()
    rng = np.random.default_rng(0)
    for _ in range(150):
        data = bytearray(whole)
        for at in rng.integers(0, min(len(data), 200), 3):
            data[at] = rng.integers(0, 256)
        try:
            read_header(io.BytesIO(data))
        except UserError as error:
            assert "\n" not in str(error)
