"""What a picture's header says, read without decoding it: form, size, depth, and how the camera was held."""

from __future__ import annotations

import functools
import io
import re
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from typing import BinaryIO

from PIL import ExifTags, Image, UnidentifiedImageError

from emonas.datasets.pictures.formats import HEAD_BYTES, picture_format, refusal
from emonas.datasets.pictures.limits import check_size
from emonas.datasets.pictures.tiff import read_tiff_tags
from emonas.errors import UserError

DAMAGED = "cannot be decoded: damaged or cut off"
#: Bytes of memory that a pixel takes while a picture is decoded.
_PLAIN, _BY_PILLOW, _DEEP = 6, 8, 12
_NUMBER = rb"\s+(?:#[^\n]*\n\s*)*(\d{1,9})"
_PNM = re.compile(rb"P([1-6])" + _NUMBER * 2 + rb"(?:" + _NUMBER + rb")?\s")
_MAY_MOVE = frozenset({"GIF", "WebP", "PNG", "AVIF"})
#: What to do where this Pillow cannot read a form.
_UNREAD = {
    "HEIC": "a HEIC picture: install pillow-heif to read it, or save it as JPEG",
    "AVIF": "an AVIF picture: install Pillow 11.3 or later to read it, or save it as JPEG",
    "JPEG 2000": "a JPEG 2000 picture, which this Pillow was built without: save it as PNG or JPEG",
    "WebP": "a WebP picture, which this Pillow was built without: save it as PNG or JPEG",
}


@dataclass(frozen=True)
class Header:
    """Form and size of a picture as it is stored, and ``orientation``, 1 to 8, by which EXIF sets it upright.

    ``plain``: 8 bits of grey or RGB without anything that needs care. ``deep``: levels of more than 8 bits, or floats.
    ``most`` is the largest level of a deep picture that the file declares, 0 where it declares none. ``inverted``: the
    lowest level of a deep picture is white.
    """

    form: str
    width: int
    height: int
    orientation: int = 1
    plain: bool = False
    deep: bool = False
    most: int = 0
    inverted: bool = False

    @property
    def may_be_deep(self) -> bool:
        """Whether its pixels may have more than 8 bits of which nobody says how many are used."""
        return (self.deep and not self.most) or self.form == "JPEG 2000"

    @property
    def upright(self) -> tuple[int, int]:
        """Width and height as people see them."""
        return (self.height, self.width) if self.orientation >= 5 else (self.width, self.height)


def read_header(file: BinaryIO) -> Header:
    """The header of a seekable file. Raises UserError: no picture, not read here, damaged, too large, moving."""
    file.seek(0)
    head = file.read(HEAD_BYTES)
    form = picture_format(head)
    if not form:
        raise UserError(refusal(head))
    try:
        with quiet_pillow():
            header = _tiff(file) if form == "TIFF" else _pnm(file, head) if form == "PNM" else _other(file, form, head)
    except UserError:
        raise
    except Image.DecompressionBombError:
        raise UserError("too large: more than 178 million pixels do not fit into the memory: shrink it") from None
    except UnidentifiedImageError:
        raise UserError(_UNREAD.get(form, DAMAGED)) from None
    # Pillow tells a damaged header by nearly any error.
    except Exception:
        raise UserError(DAMAGED) from None
    check_size(header.width, header.height, _DEEP if header.deep else _PLAIN if header.plain else _BY_PILLOW)
    return header


@contextmanager
def quiet_pillow() -> Iterator[None]:
    """Without Pillow's warnings of what it makes of a doubtful file."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        yield


def open_picture(file: BinaryIO, form: str) -> Image.Image:
    """The picture as Pillow opens it, not yet decoded. Raises what Pillow raises."""
    if form == "HEIC":
        _learn_heic()
    file.seek(0)
    return Image.open(file)


@functools.cache
def _learn_heic() -> None:
    try:
        import_module("pillow_heif").register_heif_opener()
    except ImportError:
        raise UserError(_UNREAD["HEIC"]) from None


def orientation_of(image: Image.Image) -> int:
    """How EXIF has the picture turned: 1 to 8; 1 where it says nothing, or nothing that can be read."""
    # Where a PNG has no such part before its pixels, Pillow would decode it all to look for one behind them.
    if image.format == "PNG" and not {"exif", "Raw profile type exif"} & image.info.keys():
        return 1
    try:
        turned = image.getexif().get(ExifTags.Base.Orientation, 1)
    except Exception:  # EXIF is written by anybody, and a picture may be whole although it is not
        return 1
    return turned if turned in range(1, 9) else 1


def _other(file: BinaryIO, form: str, head: bytes) -> Header:
    image = open_picture(file, form)
    if form in _MAY_MOVE and getattr(image, "is_animated", False):
        raise UserError(f"an animation ({form}): save its frames as pictures in a folder, or as a video")
    return Header(
        form,
        *image.size,
        orientation_of(image),
        plain=form == "JPEG" and image.mode in {"L", "RGB"},
        deep=form == "PNG" and head[24:25] == b"\x10",
    )


def _pnm(file: BinaryIO, head: bytes) -> Header:
    found = _PNM.match(head)
    if not found:
        raise UserError(DAMAGED)
    kind, width, height, most = (int(number or 0) for number in found.groups())
    # A bitmap has no largest level, and what follows is its pixels.
    deep = kind in {5, 6} and most > 255
    if kind in {5, 6} and found.end() + width * height * (3 if kind == 6 else 1) * (1 + deep) > _size(file):
        raise UserError("cut off")
    return Header("PNM", width, height, deep=deep, most=most if deep and most < 2**16 - 1 else 0)


def _tiff(file: BinaryIO) -> Header:
    tags = read_tiff_tags(file, _size(file))
    return Header(
        "TIFF",
        tags.width,
        tags.height,
        tags.orientation,
        deep=tags.deep,
        most=tags.most,
        inverted=tags.inverted,
    )


def _size(file: BinaryIO) -> int:
    return file.seek(0, io.SEEK_END)
