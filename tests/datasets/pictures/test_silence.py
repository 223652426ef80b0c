"""What libraries say by themselves is not heard, and what is said afterwards is."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor

import pytest

from emonas.datasets.pictures.silence import silent_libraries


def test_standard_error_is_back_when_the_last_thread_has_left(capfd: pytest.CaptureFixture[str]) -> None:
    def talk(_: int) -> None:
        with silent_libraries():
            os.write(2, b"libpng error")

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(talk, range(200)))
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"


def test_an_error_inside_does_not_leave_it_silent(capfd: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(ValueError, match="x"), silent_libraries():
        raise ValueError("x")
    os.write(2, b"ours")
    assert capfd.readouterr().err == "ours"
