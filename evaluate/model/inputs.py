"""What people hand to a trained network, made into the pictures that it was trained on.

The same functions make them as in preparing a data set, so that a prepared sample gets the same answer again.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, get_args, get_origin, get_type_hints

import numpy as np

from emonas.console import warn
from emonas.datasets.clips.frames import VIDEO_SUFFIXES, ImageFiles, is_image, whole_video, with_bits
from emonas.datasets.clips.numbering import numbered_frames
from emonas.datasets.clips.representation import PictureOptions, make_picture, narrowed
from emonas.datasets.clips.sample import Frames, Sample
from emonas.datasets.faces.face import NoFaceError
from emonas.errors import UserError
from emonas.evaluate.model.faces import FaceLocator, face_box
from emonas.evaluate.model.folders import list_pictures

#: A zero-based position in the frames of a clip, or one for each of several clips.
Phase = int | Sequence[int | None] | None


@dataclass(frozen=True)
class ArrayFrames:
    """Frames that a program holds in memory: uint8 (T, H, W, 3), RGB."""

    pixels: np.ndarray = field(repr=False)

    def __len__(self) -> int:
        return len(self.pixels)

    def read(self) -> np.ndarray:
        """The frames themselves."""
        return self.pixels

    def part(self, first: int, last: int) -> ArrayFrames:
        """Some of the frames."""
        return ArrayFrames(self.pixels[first : last + 1])

    def flaw(self) -> str:
        """They were checked when they were handed over."""
        return ""


def picture_options(picture: Mapping[str, Any]) -> PictureOptions:
    """The options by which a model's pictures were made. Raises ValueError for what no preparing can have recorded."""
    chosen = {f.name: picture[f.name] for f in dataclasses.fields(PictureOptions) if f.name in picture}
    for name, hint in get_type_hints(PictureOptions).items():
        known = get_args(hint) if get_origin(hint) is Literal else None
        if name in chosen and known is not None and chosen[name] not in known:
            raise ValueError(f"{name} {chosen[name]!r}")
        if name in chosen and known is None and not isinstance(chosen[name], int | float):
            raise ValueError(f"{name} {chosen[name]!r}")
    options = PictureOptions(**chosen)
    if options.representation == "auto" or options.channels != picture["channels"]:
        raise ValueError(f"{picture['channels']} channels of representation {options.representation}")
    return options


def make_samples(
    given: Any, clips: bool, onset: Phase = None, apex: Phase = None, offset: Phase = None
) -> list[tuple[str, Sample]]:
    """What was given as samples, each with the name of its source ("" for pixels).

    ``clips``: whether a sample is a clip. Raises UserError for what cannot be a picture or a clip.
    """
    found = list(_clips(given) if clips else _stills(given))
    if not found:
        raise UserError("nothing to answer for: no pictures were given")
    if not clips and (onset, apex, offset) != (None, None, None):
        raise UserError("onset, apex and offset belong to clips, and this model takes still pictures")
    phases = [_for_each(name, value, len(found)) for name, value in _named(onset, apex, offset)]
    return [
        (source, _sample(source, frames, *positions))
        for (source, frames), *positions in zip(found, *phases, strict=True)
    ]


@dataclass(frozen=True, eq=False)
class Seen:
    """A picture (C, size, size), uint8, of what was given at the position ``at``; ``box`` as `face_box` has it."""

    source: str
    at: int
    box: tuple[int, int, int] | None
    picture: np.ndarray


def prepare_pictures(sample: Sample, at: int, options: PictureOptions, locator: FaceLocator) -> list[Seen]:
    """A picture for each face of a sample, the largest first; a clip's faces are those of its onset frame.

    Raises UserError: unreadable, no face, no motion.
    """
    sample = narrowed(with_bits(sample, options.bits), options)
    frames = sample.frames.read()
    found = locator.locate(frames[sample.onset or 0])
    if not found:
        raise NoFaceError('no face found; faces="whole" takes a picture as it is')
    cuts = [replace(sample, frames=ArrayFrames(locator.cut(frames, face))) for face in found]
    return [
        Seen(sample.clip, at, face_box(face), make_picture(cut, options)) for face, cut in zip(found, cuts, strict=True)
    ]


def _named(onset: Phase, apex: Phase, offset: Phase) -> tuple[tuple[str, Phase], ...]:
    return ("onset", onset), ("apex", apex), ("offset", offset)


def _for_each(name: str, value: Phase, count: int) -> list[int | None]:
    if value is None:
        return [None] * count
    if isinstance(value, Sequence):
        if len(value) != count:
            raise UserError(f"{name}: {len(value)} positions for {count} clips")
        return list(value)
    if count != 1:
        raise UserError(f"{name}: one position for {count} clips; give a list with one for each")
    return [int(value)]


def _sample(source: str, frames: Frames, onset: int | None, apex: int | None, offset: int | None) -> Sample:
    count = len(frames)
    positions = [position for position in (onset, apex, offset) if position is not None]
    if positions != sorted(positions) or any(not 0 <= position < count for position in positions):
        named = ", ".join(f"{name} {value}" for name, value in _named(onset, apex, offset) if value is not None)
        raise UserError(f"{source or 'a clip'}: {named} do not follow each other in {count} frames, counted from 0")
    return Sample("", None, source, "", frames, onset, apex, offset)


def _stills(given: Any) -> Iterator[tuple[str, Frames]]:
    """Pictures one by one: files, the files of a folder, arrays."""
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if path.is_dir():
            yield from ((str(file), ImageFiles((file,))) for file in list_pictures(path))
        elif path.suffix.lower() in VIDEO_SUFFIXES:
            raise UserError(f"{path}: a video, but this model takes still pictures")
        else:
            yield str(path), ImageFiles((path,))
    elif _is_pixels(given):
        yield from (("", ArrayFrames(one[None])) for one in _pixels(given))
    else:
        for one in _several(given):
            yield from _stills(one)


def _clips(given: Any) -> Iterator[tuple[str, Frames]]:
    """Clips one by one: folders of frames, videos, arrays; image files alone are the frames of one clip."""
    if isinstance(given, str | os.PathLike):
        path = Path(given)
        if path.is_dir():
            yield str(path), ImageFiles(clip_files(path))
        elif is_image(path):
            raise UserError(f"{path}: one picture, but this model takes clips: a folder of frames, a video, an array")
        else:
            video = whole_video(path)
            if reason := video.flaw():
                raise UserError(f"{path}: {reason}")
            yield str(path), video
    elif _is_pixels(given):
        pixels = _pixels(given)
        if len(pixels) < 2:
            raise UserError("one picture, but this model takes clips: frames as (T, H, W, 3)")
        yield "", ArrayFrames(pixels)
    else:
        several = _several(given)
        files = [Path(one) for one in several if isinstance(one, str | os.PathLike) and is_image(Path(one))]
        if several and len(files) == len(several):
            yield str(files[0].parent), ImageFiles(tuple(files))
            return
        for one in several:
            yield from _clips(one)


def clip_files(folder: Path) -> tuple[Path, ...]:
    """The frames of a clip that is a folder, in order, with a note on what is doubtful about it. Raises UserError."""
    found = numbered_frames(folder)
    if found.flaw or not found.paths:
        raise UserError(f"{folder}: {found.flaw or 'no frames in this folder'}")
    for remark in found.remarks:
        warn(f"{folder}: {remark}")
    return found.paths


def _several(given: Any) -> list[Any]:
    if not isinstance(given, Sequence):
        raise UserError(f"a {type(given).__name__} is no picture: give a path, an array, a tensor, or a list of them")
    return list(given)


def _is_pixels(given: Any) -> bool:
    # A tensor is known by what it can do, so that torch need not be imported for a path.
    return isinstance(given, np.ndarray) or (hasattr(given, "detach") and hasattr(given, "numpy"))


def _pixels(given: Any) -> np.ndarray:
    """Arrays (H, W, 3) or (N, H, W, 3), tensors (3, H, W) or (N, 3, H, W), as uint8 (N, H, W, 3). Raises UserError."""
    tensor = not isinstance(given, np.ndarray)
    array = given.detach().cpu().numpy() if tensor else given
    if array.ndim == 3:
        array = array[None]
    if tensor and array.ndim == 4 and array.shape[1] == 3:
        array = np.moveaxis(array, 1, -1)
    if array.dtype != np.uint8 or array.ndim != 4 or array.shape[-1] != 3 or 0 in array.shape:
        wanted = "(3, H, W) or (N, 3, H, W)" if tensor else "(H, W, 3) or (N, H, W, 3)"
        raise UserError(f"pixels are uint8 levels of RGB, {wanted}; these are {array.dtype} {tuple(given.shape)}")
    return np.ascontiguousarray(array)
