"""A comparison of two results as tables and sentences, and as plain data."""

from __future__ import annotations

from typing import Any

from emonas.console import plain, say, show_json, show_table, warn
from emonas.evaluate.compare.compare import Comparison, Difference, Side
from emonas.evaluate.results.metrics import MEASURES

_INDENT = "  "


def show_comparison(found: Comparison, as_json: bool) -> None:
    """Print a comparison: what A and B are, their scores side by side, and what follows."""
    if as_json:
        show_json(as_data(found))
        return
    sides = [_facts(found.a), _facts(found.b)]
    show_table(_title(found), ("", "A", "B"), [(name, sides[0][name], sides[1][name]) for name in sides[0]])
    say()
    rows = [_row(one) for one in found.differences]
    show_table("Scores", ("", "A", "B", "B - A", "95 % interval", "p"), rows, range(1, 6))
    say()
    for line in describe_comparison(found):
        say(line)
    for warning in found.warnings:
        warn(warning)


def as_data(found: Comparison) -> dict[str, Any]:
    """A comparison as data that JSON can hold."""
    test = found.mcnemar
    return {
        "a": _side_data(found.a),
        "b": _side_data(found.b),
        "samples": len(found.a.runs[0].truth),
        "people" if found.named else "pictures": found.people,
        "resamples": found.resamples,
        "differences": {
            one.measure: {"a": one.a, "b": one.b, "difference": one.difference, "low": one.low, "high": one.high,
                          "p": one.p}
            for one in found.differences
        },
        "mcnemar": None if test is None else {"only_a": test.only_a, "only_b": test.only_b, "p": test.p},
        "clean": found.a.clean and found.b.clean,
        "warnings": list(found.warnings),
        "in_words": describe_comparison(found),
    }  # fmt: skip


def _side_data(side: Side) -> dict[str, Any]:
    keys = ("dataset", "protocol", "protocol_in_words", "epoch_rule", "epoch_rule_in_words", "seeds", "model",
            "parameters", "search_saw_test_subjects", "leaks")  # fmt: skip
    return {"path": side.path, **{key: plain(getattr(side.results, key)) for key in keys}}


def describe_comparison(found: Comparison) -> list[str]:
    """What the comparison says, a line each: the three scores, UAR first, then McNemar's test."""
    whom = f"{found.people} {'subjects' if found.named else 'pictures, since nobody is named'}"
    lines = [_sentence(one, whom) for one in reversed(found.differences)]
    if found.mcnemar:
        test = found.mcnemar
        lines.append(
            f"McNemar (exact): of {test.samples} samples A alone is right on {test.only_a}, "
            f"B alone on {test.only_b}, {_p(test.p)}"
        )
        if found.named:
            lines.append(f"{_INDENT}(too small a p: the samples of a person are not independent)")
    return lines


def _sentence(one: Difference, whom: str) -> str:
    name = MEASURES[one.measure]
    if one.low is None or one.high is None or one.p is None:
        return f"B - A is {one.difference:+.3f} {name}; one subject alone allows no interval and no test"
    if one.low == one.high == 0:
        return f"A and B have the same {name}, whoever is drawn"
    low, high, words = one.low, one.high, f"B - A is {one.difference:+.3f} {name}, which chance may explain"
    if low > 0:
        words = f"B is better by {one.difference:.3f} {name}"
    elif high < 0:
        words, low, high = f"A is better by {-one.difference:.3f} {name}", -high, -low
    return f"{words}\n{_INDENT}(95 % interval {low:.3f} to {high:.3f}, {_p(one.p)}, paired bootstrap over {whom})"


def _p(p: float) -> str:
    return "p < 0.001" if p < 0.001 else f"p = {p:.3f}" if p < 0.0995 else f"p = {p:.2f}"


def _title(found: Comparison) -> str:
    facts = found.a.results
    people = f"{found.people} people" if found.named else "people unknown"
    return f"{facts.database}: {len(found.a.runs[0].truth)} samples, {people}, {len(facts.classes)} " + (
        "classes" if facts.task == "classes" else "action units"
    )


def _facts(side: Side) -> dict[str, str]:
    facts, model = side.results, side.results.model
    stacked = f", {model.cells} cells of {model.channels} channels" if model.cells else ""
    return {
        "results": side.path,
        "prepared": facts.dataset,
        "model": f"{model.arch}{stacked}",
        "parameters": f"{facts.parameters:,}",
        "protocol": facts.protocol_in_words,
        "epoch": facts.epoch_rule_in_words,
        "seeds": ", ".join(str(seed) for seed in facts.seeds),
        "leaks": _leaks(side),
    }


def _leaks(side: Side) -> str:
    if not side.clean:
        return "NOT CLEAN, see below"
    return "unknown" if side.results.search_saw_test_subjects is None else "none found"


def _row(one: Difference) -> tuple[str, ...]:
    interval = "none" if one.low is None or one.high is None else f"{one.low:+.3f} to {one.high:+.3f}"
    p = "none" if one.p is None else _p(one.p).removeprefix("p ").removeprefix("= ")
    return MEASURES[one.measure], f"{one.a:.3f}", f"{one.b:.3f}", f"{one.difference:+.3f}", interval, p
