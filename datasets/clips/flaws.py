"""Whether a file is what it should be and whole, by its header and trailer; nothing is decoded."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import BinaryIO

_JPEG = b"\xff\xd8\xff"
_PNG = b"\x89PNG\r\n\x1a\n"
_PNG_END = b"IEND\xaeB\x60\x82"
_TIFF_OR_PNM = (b"II*\0", b"MM\0*", b"P5", b"P6")
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def file_flaw(path: Path) -> str:
    """Why a file cannot be opened: missing, a folder, no rights, empty; else an empty string."""
    try:
        with path.open("rb") as file:
            return "" if file.read(1) else "empty file"
    except OSError as error:
        return os_error_text(error)


def image_flaw(path: Path) -> str:
    """Why a file is no whole image, by its header and trailer; an empty string if it looks like one."""
    try:
        with path.open("rb") as file:
            return content_flaw(file)
    except OSError as error:
        return os_error_text(error)


def content_flaw(file: BinaryIO) -> str:
    """Why the bytes of a seekable file are no whole image; an empty string if they look like one."""
    head = file.read(34)
    size = file.seek(0, io.SEEK_END)
    file.seek(max(0, size - 16))
    tail = file.read()
    if not head:
        return "empty file"
    if head.startswith(_JPEG):
        whole = tail.endswith(b"\xff\xd9") or _jpeg_ends(_all(file))
    elif head.startswith(_PNG):
        whole = _PNG_END in tail or _PNG_END in _all(file)
    elif head.startswith(b"BM"):
        whole = size >= _bmp_size(head)
    elif head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        whole = size >= 8 + _number(head, 4)
    elif head.startswith(_TIFF_OR_PNM):
        whole = True  # their decoders refuse what is cut off
    else:
        return "not an image"
    return "" if whole else "cut off"


def os_error_text(error: OSError) -> str:
    """An error of the operating system in a few words, without the path."""
    if isinstance(error, FileNotFoundError | NotADirectoryError):
        return "no such file"
    return f"cannot be read: {error.strerror or error}"


def _all(file: BinaryIO) -> bytes:
    file.seek(0)
    return file.read()


def _jpeg_ends(data: bytes) -> bool:
    # OpenCV 4 fills the missing rest of a JPEG with grey and says nothing. A search for the end marker alone
    # would find the one of an embedded thumbnail, so segments are skipped by their lengths.
    at = 2
    while found := _JPEG_MARKER.search(data, at):
        if found[0] == b"\xff\xd9":
            return True
        at = found.end() + int.from_bytes(data[found.end() : found.end() + 2], "big")
    return False


def _bmp_size(head: bytes) -> int:
    # The size that the header declares is wrong in many files; offset and shape are not.
    offset, width, height = _number(head, 10), _number(head, 18), abs(_number(head, 22))
    uncompressed = _number(head, 14) >= 40 and _number(head, 30) in (0, 3)
    bits = int.from_bytes(head[28:30], "little")
    return offset + (width * bits + 31) // 32 * 4 * height if uncompressed else offset


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "little", signed=True)
