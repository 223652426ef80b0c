"""What a file is by its first bytes, whatever its name says, and what to do about one that is not read."""

from __future__ import annotations

#: So many bytes from a file's beginning tell its format.
HEAD_BYTES = 512

_JPEG_2000 = (b"\0\0\0\x0cjP  \r\n\x87\n", b"\xff\x4f\xff\x51")
_READ = (
    ("JPEG", (b"\xff\xd8\xff",)),
    ("PNG", (b"\x89PNG\r\n\x1a\n",)),
    ("GIF", (b"GIF87a", b"GIF89a")),
    ("JPEG 2000", _JPEG_2000),
)
_AS_PICTURE, _AS_FRAMES = "save it as PNG or JPEG", "name it as a video, with its ending"
#: First bytes of what is not read as a picture, what it is, and what to do.
_REFUSED = (
    (b"8BPS", "a Photoshop picture", _AS_PICTURE),
    (b"\xff\x0a", "a JPEG XL picture", _AS_PICTURE),
    (b"\0\0\0\x0cJXL \r\n\x87\n", "a JPEG XL picture", _AS_PICTURE),
    (b"v/1\x01", "an OpenEXR picture", _AS_PICTURE),
    (b"#?RADIANCE", "a Radiance picture", _AS_PICTURE),
    (b"#?RGBE", "a Radiance picture", _AS_PICTURE),
    (b"PF\n", "a PFM picture", _AS_PICTURE),
    (b"Pf\n", "a PFM picture", _AS_PICTURE),
    (b"\0\0\1\0", "a Windows icon", _AS_PICTURE),
    (b"FUJIFILMCCD-RAW", "a camera's raw picture", _AS_PICTURE),
    (b"IIRO", "a camera's raw picture", _AS_PICTURE),
    (b"IIU\0", "a camera's raw picture", _AS_PICTURE),
    (b"%PDF", "a PDF document", _AS_PICTURE),
    (b"<svg", "an SVG drawing", _AS_PICTURE),
    (b"\x93NUMPY", "a NumPy array", _AS_PICTURE),
    (b"\x89HDF", "an HDF5 file", "save its pictures as PNG or JPEG"),
    (b"SIMPLE  =", "a FITS picture", _AS_PICTURE),
    (b"\x1aE\xdf\xa3", "a video (Matroska or WebM)", _AS_FRAMES),
    (b"\0\0\1\xba", "a video (MPEG)", _AS_FRAMES),
    (b"PK\3\4", "a ZIP archive", "unpack it"),
    (b"Rar!", "a RAR archive", "unpack it"),
    (b"\x1f\x8b", "a gzip archive", "unpack it"),
    (b"7z\xbc\xaf", "a 7z archive", "unpack it"),
    (b"version https://git-lfs", "a pointer of Git LFS, not the picture itself", "run git lfs pull"),
    (b"<!doctype html", "a web page, perhaps instead of a download", "download it anew"),
    (b"<html", "a web page, perhaps instead of a download", "download it anew"),
)
_HEIC_BRANDS = frozenset({b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"})


def picture_format(head: bytes) -> str:
    """JPEG, PNG, GIF, JPEG 2000, BMP, WebP, TIFF, PNM, AVIF or HEIC by a file's first bytes; empty for others."""
    for name, beginnings in _READ:
        if head.startswith(beginnings):
            return name
    if head.startswith(b"BM") and len(head) >= 18:
        return "BMP"
    if head.startswith(b"RIFF") and head[8:12] == b"WEBP":
        return "WebP"
    if head.startswith((b"II*\0", b"MM\0*", b"II+\0", b"MM\0+")):
        # Canon writes its raw pictures in the form of a TIFF.
        return "" if head[8:10] == b"CR" else "TIFF"
    if head[:2] in {b"P1", b"P2", b"P3", b"P4", b"P5", b"P6"} and head[2:3].isspace():
        return "PNM"
    return _of_boxes(head)


def refusal(head: bytes) -> str:
    """What a file that is no readable picture is, and what to do, in the words of a reason."""
    folded = head.lstrip(b"\xef\xbb\xbf \t\r\n")
    for beginning, what, advice in _REFUSED:
        if head.startswith(beginning) or folded[: len(beginning)].lower() == beginning:
            return f"{what}: {advice}"
    if head[4:8] == b"ftyp":
        raw = head[8:12] == b"crx "
        return f"a camera's raw picture: {_AS_PICTURE}" if raw else f"a video (MP4 or MOV): {_AS_FRAMES}"
    if head.startswith(b"RIFF") and head[8:12] == b"AVI ":
        return f"a video (AVI): {_AS_FRAMES}"
    if head.startswith((b"II*\0", b"MM\0*")):
        return f"a camera's raw picture: {_AS_PICTURE}"
    if head[128:132] == b"DICM":
        return f"a DICOM picture: {_AS_PICTURE}"
    if folded.startswith(b"<?xml") and b"<svg" in folded:
        return f"an SVG drawing: {_AS_PICTURE}"
    return "not an image"


def _of_boxes(head: bytes) -> str:
    """HEIC or AVIF by the brands that a file of boxes is written for; empty for a video."""
    if head[4:8] != b"ftyp":
        return ""
    end = min(int.from_bytes(head[:4], "big"), len(head))
    brands = {head[at : at + 4] for at in (8, *range(16, end, 4))}
    if brands & {b"avif", b"avis"}:
        return "AVIF"
    return "HEIC" if brands & _HEIC_BRANDS else ""
