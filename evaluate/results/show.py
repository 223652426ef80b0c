"""The result of a training on the terminal: each number beside its chance level, with its protocol in words."""

from __future__ import annotations

from pathlib import Path

from emonas.console import say, show_table, warn
from emonas.evaluate.results.file import NAME
from emonas.evaluate.results.metrics import MEASURES
from emonas.evaluate.results.record import Results, measure


def show_results(out: Path, results: Results) -> None:
    """Say everything that a reader of the numbers must know, at 80 columns."""
    clean = not results.leaks and results.epoch_rule != "test-best"
    whom = "unseen people" if clean else "tested people"
    people = "people unknown" if results.n_subjects is None else f"{results.n_subjects} {whom}"
    several = len(results.seeds) > 1
    rows = [(name, *_score_cells(results, key, several)) for key, name in MEASURES.items()]
    columns = ("", "result", *(("± seeds",) if several else ()), "95 % interval", "chance")
    title = f"{results.dataset}: {results.n_samples} samples, {people}"
    show_table(title, columns, rows, range(1, len(columns)))
    if results.parts:
        parts = [(part.name, part.n, *(f"{measure(part, key):.3f}" for key in MEASURES)) for part in results.parts]
        show_table("Parts", ("", "samples", *MEASURES.values()), parts, range(1, 5))
    names = results.classes
    if results.confusion:
        counts = [(name, *row) for name, row in zip(names, results.confusion, strict=True)]
        show_table("Answers (truth in rows)", ("", *names), counts, range(1, len(names) + 1))
    else:
        units = [(one.name, one.n, _number(one.f1), _number(one.recall)) for one in results.per_class]
        show_table("Action units", ("", "shown", "F1", "recall"), units, range(1, 4))
    _say_conditions(out, results)


def _score_cells(results: Results, key: str, several: bool) -> list[str]:
    spread = results.spread.of(key)
    interval = "" if spread.low is None or spread.high is None else f"{spread.low:.3f} to {spread.high:.3f}"
    std = [_number(spread.std)] if several else []
    return [f"{measure(results, key):.3f}", *std, interval, f"{measure(results.chance, key):.3f}"]


def _parameters(results: Results) -> str:
    least, most = results.model.parameters_of_folds or (results.parameters, results.parameters)
    between = f" on average, {least:,} to {most:,} from fold to fold" if least < most else ""
    return f"{results.parameters:,} parameters{between}"


def _number(value: float | None) -> str:
    return "" if value is None else f"{value:.3f}"


def _say_conditions(out: Path, results: Results) -> None:
    seeds = ", ".join(str(seed) for seed in results.seeds)
    always = "the better constant answer" if results.task == "units" else "always the largest class"
    say(f"protocol   {results.protocol_in_words}")
    say(f"epoch      {results.epoch_rule_in_words}; seed {seeds}; chance = {always}")
    say(f"interval   {results.interval_in_words}")
    say(f"network    {_parameters(results)} (auxiliary head not counted)")
    if results.epoch_rule == "test-best":
        warn("selected on the test subject: each person's epoch was chosen by that person's own answers; "
             "such a number says little about new people")  # fmt: skip
    for leak in results.leaks:
        warn(f"leak: {leak}")
    if results.search_saw_test_subjects:
        warn(f"for clean cells use emonas-search --protocol {results.protocol}")
    elif results.search_saw_test_subjects is None:
        warn("from the genotype it cannot be told whether the search saw tested people")
    say(f"report     {out / 'report.html'}")
    say(f"results    {out / NAME}, results.csv, results.tex")
    say(f"watch      tensorboard --logdir {out}")
