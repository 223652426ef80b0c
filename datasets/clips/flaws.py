"""Whether a file is what it should be and whole, by its header and trailer; nothing is decoded."""

from __future__ import annotations

import io
import re
from pathlib import Path
from typing import BinaryIO

from emonas.datasets.pictures.formats import HEAD_BYTES, picture_format
from emonas.datasets.pictures.header import Header, read_header
from emonas.datasets.pictures.limits import check_file
from emonas.errors import UserError
from emonas.files import why_not_a_file

_PNG_END = b"IEND\xaeB\x60\x82"
_JPEG_MARKER = re.compile(rb"\xff[^\x00\xd0-\xd7\xff]", re.DOTALL)


def file_flaw(path: Path) -> str:
    """Why a file cannot be opened: missing, a folder, no rights, no file at all, empty; else an empty string."""
    if reason := why_not_a_file(path):
        return reason
    try:
        with path.open("rb") as file:
            return "" if file.read(1) else "empty file"
    except OSError as error:
        return os_error_text(error)


def image_flaw(path: Path) -> str:
    """Why a file is no whole image, by its header and trailer; an empty string if it looks like one."""
    if reason := why_not_a_file(path):
        return reason
    try:
        with path.open("rb") as file:
            return content_flaw(file)
    except OSError as error:
        return os_error_text(error)


def image_header(path: Path) -> Header:
    """What the header of an image file says. Raises UserError, without the path."""
    if reason := file_flaw(path):
        raise UserError(reason)
    try:
        with path.open("rb") as file:
            return read_header(file)
    except OSError as error:
        raise UserError(os_error_text(error)) from None


def read_image_bytes(path: Path) -> bytes:
    """All bytes of a file that looks like a whole image. Raises UserError, without the path, where it does not."""
    if reason := image_flaw(path):
        raise UserError(reason)
    try:
        return path.read_bytes()
    except OSError as error:
        raise UserError(os_error_text(error)) from None


def content_flaw(file: BinaryIO) -> str:
    """Why the bytes of a seekable file are no whole image; an empty string if they look like one."""
    head = file.read(HEAD_BYTES)
    if not head:
        return "empty file"
    size = file.seek(0, io.SEEK_END)
    try:
        check_file(size)
        if not _is_whole(file, head, size):
            return "cut off"
        read_header(file)
    except UserError as error:
        return str(error)
    return ""


def _is_whole(file: BinaryIO, head: bytes, size: int) -> bool:
    """Whether a file ends where its form says; of a form that does not say it, the header or the decoder tells."""
    form = picture_format(head)
    file.seek(max(0, size - 16))
    tail = file.read()
    if form == "JPEG":
        return tail.endswith(b"\xff\xd9") or _jpeg_ends(_all(file))
    if form == "PNG":
        return _PNG_END in tail or _PNG_END in _all(file)
    if form == "BMP":
        return size >= _bmp_size(head)
    if form == "WebP":
        return size >= 8 + _number(head, 4)
    if form == "GIF":
        return b";" in tail
    if form == "JPEG 2000":
        # Its pixels never look like this marker of their end.
        return b"\xff\xd9" in tail or b"\xff\xd9" in _all(file)
    return _boxes_end(file, size) if form in {"HEIC", "AVIF"} else True


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


def _boxes_end(file: BinaryIO, size: int) -> bool:
    """Whether the boxes of a file, each of which begins with its length, end within it."""
    at = 0
    while at + 8 <= size:
        file.seek(at)
        start = file.read(16)
        length = int.from_bytes(start[:4], "big")
        if length == 0:  # up to the end of the file
            return True
        if length == 1:
            length = int.from_bytes(start[8:16], "big")
        if length < 8:  # what a camera or a program has appended
            return at > 0
        at += length
    return at <= size


def _bmp_size(head: bytes) -> int:
    # The size that the header declares is wrong in many files; offset and shape are not.
    offset, width, height = _number(head, 10), _number(head, 18), abs(_number(head, 22))
    uncompressed = _number(head, 14) >= 40 and _number(head, 30) in (0, 3)
    bits = int.from_bytes(head[28:30], "little")
    return offset + (width * bits + 31) // 32 * 4 * height if uncompressed else offset


def _number(head: bytes, at: int) -> int:
    return int.from_bytes(head[at : at + 4], "little", signed=True)
