"""The number of a frame is what varies in its folder's names; what is no frame never shifts the others."""

from __future__ import annotations

import random
from collections.abc import Sequence
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from emonas.datasets.clips.numbering import NumberedFrames, number_frames, numbered_frames

_TWELVE = range(1, 13)


def _numbered(*names: str) -> NumberedFrames:
    shuffled = list(names)
    random.Random(0).shuffle(shuffled)
    return number_frames([Path("folder") / name for name in shuffled])


def _names(found: NumberedFrames) -> list[str]:
    return [path.name for path in found.paths]


@pytest.mark.parametrize(
    "pattern",
    [
        "img{}.png",
        "0{:04}.jpg",
        "frame{}_crop224.png",
        "{}_0.png",
        "take2_f{}.png",
        "reg_EP01_12-{:03}.jpg",
        "S001.{}.png",
        "S001.{:04}.png",
        "2024-01-05 {} of 12.png",
        "frame_{}.0.png",
        "画{}枚.png",
    ],
)
def test_what_all_names_share_counts_nothing(pattern: str) -> None:
    names = [pattern.format(number) for number in _TWELVE]
    found = _numbered(*names)
    assert _names(found) == names
    assert list(found.numbers) == list(_TWELVE)
    assert not found.remarks and not found.flaw


@pytest.mark.parametrize("pattern", ["img_{}s.png", "t{:.2f}.png", "{:g}.png", "{:g}s.png", "clip7_{:.3f} sec.png"])
def test_seconds_are_numbers_with_decimals(pattern: str) -> None:
    times = [number * 0.25 for number in range(12)]
    found = _numbered(*map(pattern.format, times))
    assert _names(found) == [pattern.format(time) for time in times]
    assert [float(number) for number in found.numbers] == times
    assert isinstance(found.numbers[1], Decimal)


@pytest.mark.parametrize(
    "names",
    [
        [f"frame{i}_crop{220 + i % 3}.png" for i in _TWELVE],
        [f"crop{220 + i % 3}_frame{i}.png" for i in _TWELVE],
        [f"frame{i}_{40 * i}ms.png" for i in _TWELVE],
        [f"{17000 + 33 * i + i % 2}_frame{i}.png" for i in _TWELVE],
        [f"part{1 + i // 6}_{i:03}.png" for i in _TWELVE],
        [f"{'neutral' if i < 4 else 'apex' if i < 8 else 'offset'}_{i}.png" for i in _TWELVE],
    ],
)
def test_of_several_numbers_that_vary_the_one_that_counts_is_taken(names: list[str]) -> None:
    found = _numbered(*names)
    assert (_names(found), list(found.numbers)) == (names, list(_TWELVE))


@pytest.mark.parametrize(
    "strays",
    [
        ["img3 - Copy.png", "img4 - Copy.png"],
        ["img3 (1).png"],
        ["img3.1.png"],
        ["apex.jpg", "onset.jpg", "offset.jpg", "sheet.png"],
        ["img3.jpg"],
        ["img03.png"],
        ["apex6.png"],
        [f"img{i}_thumb.png" for i in _TWELVE],
        [f"small_img{i}.png" for i in _TWELVE],
    ],
)
def test_strays_are_left_aside_by_name_and_shift_nothing(strays: list[str]) -> None:
    names = [f"img{number}.png" for number in _TWELVE]
    found = _numbered(*names, *strays)
    assert (_names(found), list(found.numbers)) == (names, list(_TWELVE))
    assert set(found.aside) == set(strays)
    assert strays[0] in found.remarks[0] or len(strays) > 5


def test_a_second_face_in_a_frame_is_no_frame() -> None:
    found = _numbered(*(f"{number}_0.png" for number in _TWELVE), "3_1.png", "12_1.png")
    assert list(found.numbers) == list(_TWELVE)
    assert found.aside == ("12_1.png", "3_1.png")


@pytest.mark.parametrize("names", [("left_{}.png", "right_{}.png"), ("cam1_{}.png", "cam2_{}.png")])
def test_two_series_in_one_folder_are_refused(names: tuple[str, str]) -> None:
    found = _numbered(*(name.format(number) for name in names for number in _TWELVE))
    assert found.flaw.startswith("several series of frames in one folder: ")
    assert names[0][:4] in found.flaw and names[1][:4] in found.flaw


@pytest.mark.parametrize(
    "names",
    [
        ["a.png", "b.png", "c.png"],
        ["a1.png", "b1.png", "c1.png"],
        ["00ac.png", "3f2a.png", "99b1.png"],
        ["12-00-59-900.png", "12-01-00-100.png", "12-01-00-300.png"],
        ["12-00-59-960.png", "12-01-00-000.png", "12-01-00-040.png"],
    ],
)
def test_frames_are_never_counted_without_saying_so(names: list[str]) -> None:
    found = _numbered(*names)
    assert (_names(found), found.numbers) == (names, (0, 1, 2))
    assert found.remarks == (
        f"names that do not number the frames, which are counted from 0 in their order: {names[0]} to {names[-1]}",
    )


def test_few_frames_or_none() -> None:
    assert _numbered() == NumberedFrames((), ())
    assert _numbered("img7.png").numbers == (7,)
    assert not _numbered("face.png").remarks
    assert _numbered("img1.png", "img1 - Copy.png").aside == ("img1 - Copy.png",)


def test_a_folder_is_read(tmp_path: Path) -> None:
    for name in ("b2.png", "b10.png", "notes.txt", ".b3.png"):
        (tmp_path / name).touch()
    assert numbered_frames(tmp_path).numbers == (2, 10)


_words = st.text("abc _-§é( )", max_size=4)
_number_between = st.tuples(_words, st.integers(0, 999), st.sampled_from(["_", "x"]))
_fixed = st.one_of(_words, _number_between.map(lambda parts: "".join(map(str, parts))))


@settings(deadline=None, max_examples=150)
@given(
    before=_fixed,
    after=_fixed,
    numbers=st.lists(st.integers(0, 10**6), min_size=2, max_size=15, unique=True),
    width=st.sampled_from([0, 3, 7]),
    seconds=st.booleans(),
    copies=st.lists(st.integers(0, 14), max_size=2),
    seed=st.integers(0, 99),
)
def test_any_names_around_the_number_give_its_order_and_itself(
    before: str, after: str, numbers: Sequence[int], width: int, seconds: bool, copies: Sequence[int], seed: int
) -> None:
    before, after = f"{before}f", f"_{after}"

    def name(number: int) -> str:
        text = f"{number / 100:.2f}s" if seconds else f"{number:0{width}}"
        return f"{before}{text}{after}"

    strays = {f"{name(numbers[at % len(numbers)])} - Copy.png" for at in copies}
    paths = [Path(one) for one in (*(f"{name(number)}.png" for number in numbers), *strays)]
    random.Random(seed).shuffle(paths)
    found = number_frames(paths)
    expected = sorted(numbers)
    assert [path.name for path in found.paths] == [f"{name(number)}.png" for number in expected]
    assert list(found.numbers) == [Decimal(number) / 100 if seconds else number for number in expected]
    assert set(found.aside) == strays
    assert not found.flaw and not found.counted
