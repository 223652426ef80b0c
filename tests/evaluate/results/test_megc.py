"""The challenge's log: from results, written, read back, and refused line by line where it is none."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from small_results import made, results_of, rows

from emonas.errors import UserError
from emonas.evaluate.results.megc import Answer, log_scores, log_text, megc_answers, read_log

#: Classes in another order than the log's numbers: surprise, negative, positive.
CLASSES = ("surprise", "negative", "positive")
PEOPLE = {"smic/s01": ([1, 2, 0], [1, 0, 0]), "casme2/sub01": ([1, 1], [1, 2])}


def test_a_log_of_results_has_the_challenges_numbers() -> None:
    answers = megc_answers(results_of(made(rows(PEOPLE), CLASSES)))
    assert log_text(answers) == "casme2 sub01\nclip0 0 0\nclip1 0 1\nsmic s01\nclip0 0 0\nclip1 1 2\nclip2 2 2\n"


def test_scores_of_a_log_are_those_of_the_results() -> None:
    results = results_of(made(rows(PEOPLE), CLASSES))
    found = log_scores(read_log(log_text(megc_answers(results))))
    assert set(found) == {"full", "casme2", "smic"}
    assert found["full"].uf1 == pytest.approx(results.uf1)
    assert found["full"].accuracy == pytest.approx(3 / 5)
    assert found["smic"].accuracy == pytest.approx(2 / 3)


def test_each_seed_has_its_log() -> None:
    other = {"smic/s01": ([1, 2, 0], [1, 2, 0]), "casme2/sub01": ([1, 1], [1, 1])}
    results = results_of(made(rows(PEOPLE, 0) + rows(other, 7), CLASSES))
    assert megc_answers(results) == megc_answers(results, 0)
    assert log_scores(megc_answers(results, 7))["full"].accuracy == 1
    with pytest.raises(UserError, match="no seed 3 in these results; there are 0, 7"):
        megc_answers(results, 3)


def test_other_classes_have_no_log() -> None:
    with pytest.raises(UserError, match="not for happy, sad"):
        megc_answers(results_of(made(rows({"a/b": ([0, 1], [0, 1])}), ("happy", "sad"))))
    with pytest.raises(UserError, match="has the classes 0 to 2, not 3"):
        log_scores(read_log("smic s01\na 3 0\n"))


TEXT = """casme2 sub01
EP02_01f 1 1
EP19_05f 0 2
samm 006
006_1_2 0 0
"""
ANSWERS = [
    Answer("casme2", "sub01", "EP02_01f", 1, 1),
    Answer("casme2", "sub01", "EP19_05f", 0, 2),
    Answer("samm", "006", "006_1_2", 0, 0),
]
NAMES = st.text(st.characters(categories=["L", "N", "P"]), min_size=1, max_size=4)
NUMBERS = st.integers(0, 9)


def test_a_log_in_full() -> None:
    assert log_text(ANSWERS) == TEXT
    assert read_log(TEXT) == ANSWERS


def test_bare_numbers_of_two_sources_are_two_people() -> None:
    answers = [Answer("samm", "6", "a", 0, 0), Answer("smic", "6", "b", 1, 0), Answer("samm", "6", "c", 0, 1)]
    assert log_text(answers) == "samm 6\na 0 0\nc 0 1\nsmic 6\nb 1 0\n"


@given(st.lists(st.builds(Answer, NAMES, NAMES, NAMES, NUMBERS, NUMBERS), min_size=1))
def test_what_is_written_is_read_back_subject_by_subject(answers: list[Answer]) -> None:
    people = list(dict.fromkeys((one.source, one.subject) for one in answers))
    ordered = [one for person in people for one in answers if (one.source, one.subject) == person]
    assert read_log(log_text(answers)) == ordered
    assert log_text(ordered) == log_text(answers)


@given(st.text(max_size=30))
def test_any_text_is_read_or_refused_in_one_line(text: str) -> None:
    try:
        answers = read_log(text)
    except UserError as error:
        assert len(str(error).splitlines()) == 1
    else:
        assert read_log(log_text(answers)) == answers or len({one[:2] for one in answers}) < len(answers)


@pytest.mark.parametrize("loose", ["\r\n".join(TEXT.splitlines()), TEXT.replace("\n", "  \n\n"), " " + TEXT])
def test_line_ends_and_blanks_of_other_programs(loose: str) -> None:
    assert read_log(loose) == ANSWERS


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no answers in it"),
        ("casme2 sub01\n", "no answers in it"),
        ("EP02_01f 1 1\n", "line 1 is not .*'EP02_01f 1 1'"),
        ("casme2 sub01\nEP02_01f 1 x\n", "line 2 is not"),
        ("casme2 sub01\nEP02_01f 1 -1\n", "line 2 is not"),
        ("casme2 sub01\nEP02_01f 1 1 1\n", "line 2 is not"),
        ("Subject: 006 \nPredicted   : [0, 0]\n", "line 2 is not"),
    ],
)
def test_what_is_no_such_log(text: str, reason: str) -> None:
    with pytest.raises(UserError, match=f"^log.txt: {reason}"):
        read_log(text, "log.txt")


@pytest.mark.parametrize("name", ["", "anna b", "a\nb", "\x85"])
def test_names_that_the_log_cannot_hold(name: str) -> None:
    for answer in (Answer(name, "s", "c", 0, 0), Answer("d", name, "c", 0, 0), Answer("d", "s", name, 0, 0)):
        with pytest.raises(UserError, match="takes names without blanks only"):
            log_text([answer])
