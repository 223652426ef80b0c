"""The tags of a TIFF file, in which anything may be: raw pictures, stacks, floats, planes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, BinaryIO

from PIL.TiffImagePlugin import ImageFileDirectory_v2

from emonas.errors import UserError

_SUBFILE, _WIDTH, _HEIGHT, _BITS, _PHOTOMETRIC, _ORIENTATION, _CHANNELS = 254, 256, 257, 258, 262, 274, 277
_MOST, _PLANES, _SUB_FOLDERS, _FORMAT, _DNG = 281, 284, 330, 339, 50706
#: Where the pixels lie and how many bytes they are, in strips or in tiles.
_PLACES = ((273, 279), (324, 325))
_REDUCED, _FLOATS = 1, 3
_WHITE_IS_ZERO, _GREY_OR_RGB, _RAW = 0, frozenset({0, 1, 2}), frozenset({32803, 34892})


@dataclass(frozen=True)
class TiffTags:
    """Size as stored, and the levels: ``deep`` for more than 8 bits or floats; ``most`` is 0 where none is declared."""

    width: int
    height: int
    orientation: int
    deep: bool
    most: int
    inverted: bool


def read_tiff_tags(file: BinaryIO, size: int) -> TiffTags:
    """The tags of the first picture of a TIFF file of ``size`` bytes.

    Raises UserError for what is more or less than one picture, and what Pillow raises for damage.
    """
    file.seek(0)
    start = file.read(8)
    if start[2:3] == b"+" or start[3:4] == b"+":
        start += file.read(8)
    # Annotated as ours, since Pillow gives each tag a type of its own.
    tags: Any = ImageFileDirectory_v2(start)
    file.seek(tags.next)
    tags.load(file)
    # Of tags that are cut off Pillow takes those that are left.
    width, height = int(tags[_WIDTH]), int(tags[_HEIGHT])
    if not any(at in tags for at, _ in _PLACES):
        raise UserError("cut off")
    _refuse_raw(tags)
    _refuse_stack(file, start, tags)
    for at, length in _PLACES:
        places = zip(_several(tags.get(at, 0)), _several(tags.get(length, 0)), strict=False)
        if max(map(sum, places), default=0) > size:
            raise UserError("cut off")
    bits, form = max(_several(tags.get(_BITS, 1))), max(_several(tags.get(_FORMAT, 1)))
    deep = bits > 8 or form > 1
    if deep and (tags.get(_PLANES, 1) != 1 or tags.get(_PHOTOMETRIC, 1) not in _GREY_OR_RGB):
        raise UserError("a TIFF picture of more than 8 bits in planes or in other colours than RGB: save it as PNG")
    if form == _FLOATS and bits < 32:
        raise UserError("a TIFF picture of floats of 16 bits: save it with floats of 32 bits, or as PNG")
    return TiffTags(
        width=width,
        height=height,
        orientation=turned if (turned := tags.get(_ORIENTATION, 1)) in range(1, 9) else 1,
        deep=deep,
        most=_most(tags, bits) if deep and form == 1 else 0,
        inverted=tags.get(_PHOTOMETRIC, 1) == _WHITE_IS_ZERO,
    )


def _most(tags: Any, bits: int) -> int:
    """The largest level that is declared; the largest of 16 bits says nothing of how many are used."""
    most = max(_several(tags.get(_MOST, 0))) or 2**bits - 1
    return most if 255 < most < 2**16 - 1 else 0


def _refuse_raw(tags: Any) -> None:
    small = bool(tags.get(_SUBFILE, 0) & _REDUCED and _SUB_FOLDERS in tags)
    if _DNG in tags or small or tags.get(_PHOTOMETRIC, 1) in _RAW:
        raise UserError("a camera's raw picture: save it as PNG or JPEG")


def _refuse_stack(file: BinaryIO, start: bytes, tags: Any) -> None:
    """Further pictures of the same size are a stack; smaller ones are previews of the first."""
    if not tags.next:
        return
    second: Any = ImageFileDirectory_v2(start)
    file.seek(tags.next)
    second.load(file)
    same = all(second.get(tag) == tags.get(tag) for tag in (_WIDTH, _HEIGHT))
    if same and not second.get(_SUBFILE, 0) & _REDUCED:
        raise UserError("a stack of pictures (TIFF): save each as a file of its own, in a folder")


def _several(value: Any) -> tuple[int, ...]:
    return tuple(value) if isinstance(value, tuple | list) else (value,)
