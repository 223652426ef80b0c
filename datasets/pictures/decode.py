"""The pixels of one picture as people see them: upright, on white where it is transparent, in RGB.

Pillow decodes what needs care (palettes, transparency, CMYK, GIF, JPEG 2000, AVIF, HEIC); OpenCV decodes plain JPEG,
as it is twice as fast, and what has more than 8 bits, which Pillow would cut down.
"""

from __future__ import annotations

import io

import cv2
import numpy as np
from PIL import Image, ImageCms

from emonas.datasets.pictures.depth import to_levels, white_below
from emonas.datasets.pictures.header import DAMAGED, Header, open_picture, orientation_of, quiet_pillow, read_header
from emonas.datasets.pictures.silence import silent_libraries
from emonas.errors import UserError

_TRANSPARENT = frozenset({"RGBA", "RGBa", "LA", "La", "PA"})


def decode_picture(data: bytes) -> np.ndarray:
    """The picture in a file's bytes: (H, W, 3), RGB.

    uint8; uint16 where the file has more than 8 bits and does not say how many of them are used. Raises UserError.
    """
    header = read_header(io.BytesIO(data))
    try:
        if header.deep:
            # OpenCV sets a TIFF upright, even where it is asked not to.
            return _turned(_deep(data, header), 1 if header.form == "TIFF" else header.orientation)
        return _turned(_plain(data), header.orientation) if header.plain else _by_pillow(data, header)
    except (UserError, MemoryError):
        raise
    # Decoders tell damage by nearly any error.
    except Exception:
        raise UserError(DAMAGED) from None


def _plain(data: bytes) -> np.ndarray:
    image = _by_opencv(data, cv2.IMREAD_COLOR | cv2.IMREAD_IGNORE_ORIENTATION)
    # In place, since a large picture would else be in the memory twice.
    return cv2.cvtColor(image, cv2.COLOR_BGR2RGB, dst=image)


def _deep(data: bytes, header: Header) -> np.ndarray:
    image = _by_opencv(data, cv2.IMREAD_UNCHANGED)
    # OpenCV moves 10, 12 or 14 bits that lie packed in a TIFF to the upper end of 16; the lower ones are then 0.
    packed = header.form == "TIFF" and header.most and not (image & (2**16 // (header.most + 1) - 1)).any()
    image = to_levels(image, 2**16 - 1 if packed else header.most)
    if header.inverted:
        image = np.iinfo(image.dtype).max - image
    if image.ndim == 2 or image.shape[2] == 1:
        return np.repeat(image.reshape(*image.shape[:2], 1), 3, axis=2)
    if image.shape[2] == 4:
        image = white_below(image)
    return np.ascontiguousarray(image[..., 2::-1])


def _by_opencv(data: bytes, flags: int) -> np.ndarray:
    with silent_libraries():
        image = cv2.imdecode(np.frombuffer(data, np.uint8), flags)
    if image is None:
        raise UserError(DAMAGED)
    return image


def _by_pillow(data: bytes, header: Header) -> np.ndarray:
    with quiet_pillow(), silent_libraries():
        image = open_picture(io.BytesIO(data), header.form)
        image.load()
        # Some forms are set upright while they are loaded, and then say so.
        turned = orientation_of(image)
        if image.mode.startswith("I") or image.mode == "F":
            levels = to_levels(np.asarray(image), 0)
            return _turned(np.repeat(levels[..., None], 3, axis=2), turned)
        return _turned(np.array(_flat(image)), turned)


def _flat(image: Image.Image) -> Image.Image:
    """The picture in RGB, on white where it is transparent, printing colours by their profile where there is one."""
    if image.mode in _TRANSPARENT or "transparency" in image.info:
        image = image.convert("RGBA")
        return Image.alpha_composite(Image.new("RGBA", image.size, "white"), image).convert("RGB")
    if image.mode == "CMYK" and (profile := image.info.get("icc_profile")):
        try:
            to_screen = ImageCms.profileToProfile(
                image, ImageCms.ImageCmsProfile(io.BytesIO(profile)), ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
        except ImageCms.PyCMSError:
            to_screen = None
        if to_screen is not None:
            return to_screen
    return image.convert("RGB")


def _turned(image: np.ndarray, orientation: int) -> np.ndarray:
    """The picture set upright by an orientation of EXIF: mirrored, turned, both or neither."""
    if orientation == 1:
        return image
    if orientation >= 5:
        image = image.swapaxes(0, 1)
    rows = -1 if orientation in (3, 4, 7, 8) else 1
    columns = -1 if orientation in (2, 3, 6, 7) else 1
    return np.ascontiguousarray(image[::rows, ::columns])
