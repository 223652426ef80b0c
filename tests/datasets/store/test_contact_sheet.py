"""The contact sheet: every class with its samples' own pictures, whatever the representation."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from made_samples import STILLS, Greys, prepared_from, still

from emonas.datasets.clips.representation import REPRESENTATIONS
from emonas.datasets.store.contact_sheet import FILE
from emonas.datasets.store.prepared import Prepared
from emonas.errors import UserError
from emonas.options.types import Representation

_TILE = 104


def _sheet(prepared: Prepared) -> np.ndarray:
    image = cv2.imread(str(prepared.folder / FILE))
    assert image is not None
    return image[..., ::-1]


def _tile_greys(sheet: np.ndarray) -> list[int]:
    """The greys of even square tiles, row by row."""
    inked = np.pad((sheet != 255).all(axis=2), 1)
    corners = inked[1:-1, 1:-1] & ~inked[:-2, 1:-1] & ~inked[1:-1, :-2]
    tiles = [sheet[y : y + _TILE, x : x + _TILE] for y, x in zip(*np.nonzero(corners), strict=True)]
    return [int(tile[0, 0, 0]) for tile in tiles if tile.shape[:2] == (_TILE, _TILE) and (tile == tile[0, 0]).all()]


def _motion(first: int, length: int = 9) -> Greys:
    return Greys(tuple(first + 10 * t for t in range(length)), height=40, width=30)


def test_each_class_shows_its_own_pictures_in_their_order() -> None:
    sheet = _sheet(prepared_from([still(10 + int(s.clip[4:]), s.subject, s.label) for s in STILLS]))
    # Classes as text: angry has clips 0, 3, 6, happy 1, 4, 7, sad 2, 5.
    assert _tile_greys(sheet) == [10, 40, 70, 20, 50, 80, 30, 60]


def test_the_first_clip_of_a_class_comes_with_its_onset_and_apex() -> None:
    clips = [
        still(i, f"s{i}", "ab"[i % 2], frames=_motion(20 * i), onset=1, apex=4 if i != 1 else None, offset=7)
        for i in range(4)
    ]
    sheet = _sheet(prepared_from(clips, representation="apex"))
    # Without an apex the middle of onset and offset stands for it.
    assert _tile_greys(sheet) == [10, 40, 40, 80, 30, 60, 60, 100]


@pytest.mark.parametrize("representation", REPRESENTATIONS)
def test_every_representation_has_a_sheet(representation: Representation) -> None:
    frames = Greys((90,)) if representation == "still" else _motion(0)
    phases: dict[str, Any] = {} if representation == "still" else {"onset": 0, "apex": 4, "offset": 8}
    samples = [still(i, f"s{i}", "ab"[i % 2], frames=frames, **phases) for i in range(40)]
    sheet = _sheet(prepared_from(samples, representation=representation))
    assert sheet.shape[1] == 1392 and sheet.shape[0] < 800


def test_a_large_class_is_shown_from_its_first_sample_to_its_last() -> None:
    samples = [still(10 + i % 200, f"s{i}", "b" if i == 150 else "a") for i in range(151)]
    greys = _tile_greys(_sheet(prepared_from(samples)))
    assert len(greys) == 25 and greys[:24] == sorted(greys[:24])
    assert (greys[0], greys[23], greys[24]) == (10, 159, 160)


def test_many_classes_keep_the_sheet_readable() -> None:
    samples = [still(20 + i % 100, f"s{i}", f"class {i % 60:02}") for i in range(120)]
    sheet = _sheet(prepared_from(samples))
    assert len(_tile_greys(sheet)) == 2 * 30 and sheet.shape[0] < 6000


def test_long_and_foreign_names_change_nothing_but_the_letters() -> None:
    samples = [replace(s, label=s.label, clip="clip/" * 60 + s.clip, subject=f"s{i // 2} 王\u202e") for i, s in
               enumerate(STILLS)]  # fmt: skip
    plain, odd = _sheet(prepared_from()), _sheet(prepared_from(samples, overwrite=True))
    assert plain.shape == odd.shape and (plain != odd).any()
    assert _tile_greys(plain) == _tile_greys(odd)


def test_stills_whose_people_are_not_named_have_a_sheet() -> None:
    nobody = [replace(s, subject=None, group=str(i)) for i, s in enumerate(STILLS)]
    assert len(_tile_greys(_sheet(prepared_from(nobody)))) == 8


def test_the_same_set_has_the_same_sheet(home: Path) -> None:
    first, second = prepared_from(name="one"), prepared_from(name="one", overwrite=True)
    assert (first.folder / FILE).read_bytes() == (second.folder / FILE).read_bytes()


def test_a_clip_that_was_readable_a_moment_ago_does_not_stop_the_set() -> None:
    reads: list[int] = []

    @dataclass(frozen=True)
    class FourTimes(Greys):
        def read(self) -> np.ndarray:
            reads.append(1)
            if len(reads) > 4:
                raise UserError("gone")
            return super().read()

    frames = FourTimes((1, 50, 99))
    clips = [still(i, f"s{i}", "ab"[i % 2], frames=frames, onset=0, apex=2, offset=2) for i in range(4)]
    prepared = prepared_from(clips, representation="apex")
    assert len(prepared.samples) == 4 and _tile_greys(_sheet(prepared)) == [99] * 4
    assert len(reads) == 6
