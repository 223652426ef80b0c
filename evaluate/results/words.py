"""A result in words: its marks, its warnings, and the recipe and people behind it."""

from __future__ import annotations

from emonas.evaluate.results.file import NAME as RESULTS
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Measured, Results, measure
from emonas.evaluate.results.tables import ON_TEST


def recipe_in_words(results: Results) -> str:
    """The pooled result of a training, which is the recipe's and no single network's."""
    return f"{numbers_in_words(results)} {whom_in_words(results)}{doubts_in_words(results)}"


def numbers_in_words(scores: Measured) -> str:
    """The three scores in words."""
    return ", ".join(f"{name} {measure(scores, key):.3f}" for key, name in reversed(MEASURES.items()))


def whom_in_words(results: Results) -> str:
    """Who was tested, and by which rules."""
    people = "people unknown" if results.n_subjects is None else f"{results.n_subjects} people"
    return (
        f"on {results.n_samples} samples, {people} ({results.protocol_in_words}; "
        f"{results.epoch_rule_in_words}; chance UAR {results.chance.uar:.3f})"
    )


def doubts_in_words(results: Results) -> str:
    """The words that must stand beside every number of these results; they name nobody."""
    return "".join(f"; {mark}".replace("see the warning", f"see {RESULTS}") for mark in marks(results))


def warnings(results: Results) -> list[str]:
    """The sentences of the warning box: empty for a result without a leak."""
    sentences = [_sentence(leak) for leak in results.leaks]
    if results.epoch_rule == "test-best" and not any(ON_TEST in sentence for sentence in sentences):
        sentences.insert(
            0, f"The judged epoch was {ON_TEST}, so every number here is too high; no honest result can use this rule."
        )
    return sentences


def _sentence(leak: str) -> str:
    return leak[:1].upper() + leak[1:].rstrip(".") + "."


def marks(results: Results) -> list[str]:
    """The few words that must stand beside every number of this result; empty for a result without a leak."""
    on_test = [ON_TEST] if results.epoch_rule == "test-best" else []
    others = [leak for leak in results.leaks if not (on_test and ON_TEST in leak)]
    return on_test + (["leak, see the warning"] if others else [])
