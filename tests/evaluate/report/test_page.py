"""The report of a training: complete, self-contained, honest about leaks, and safe whatever users call things."""

from __future__ import annotations

import base64
import json
import random
import re
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

import cv2
import numpy as np
import pytest
from known_cells import random_genotype
from made_results import made_results, write_histories
from report_page import SECTIONS, Page
from small import assert_one_line_and_status_2, call, small_macro
from small_results import results_of

from emonas.cost import count_macs
from emonas.datasets.store.prepared import Prepared
from emonas.evaluate.report import figures as report_figures
from emonas.evaluate.report.cli import app
from emonas.evaluate.report.cost import make_cost_rows
from emonas.evaluate.report.figures import MOST, read_histories, worst_mistakes
from emonas.evaluate.report.page import write_report
from emonas.evaluate.results.tables import ON_TEST
from emonas.files import write_json
from emonas.genotype import Genotype
from emonas.network import Network

GENOTYPE = random_genotype(random.Random(1), cells=3, channels=8)
LICENCE = "Pictures of people: check the database's licence before you pass this page on"


@pytest.fixture(scope="module")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Prepared:
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMONAS_HOME", str(tmp_path_factory.mktemp("drawn")))
        return small_macro(patch)


@pytest.fixture
def undrawn(monkeypatch: pytest.MonkeyPatch) -> None:
    """The two large figures, which take their time, as empty ones."""
    for name in ("draw_confusion_source", "draw_cells"):
        monkeypatch.setattr(report_figures, name, lambda *given: "data:image/svg+xml,")


quickly = pytest.mark.usefixtures("undrawn")


def report(
    out: Path,
    results: dict[str, Any],
    prepared: Prepared | None = None,
    genotypes: Sequence[Genotype] = (GENOTYPE,),
    pictures: bool = True,
) -> Page:
    return Page(write_report(out, results_of(results), prepared, genotypes, pictures))


def test_it_has_every_part_and_needs_nothing_from_outside(prepared: Prepared, tmp_path: Path) -> None:
    write_histories(tmp_path)
    page = report(tmp_path, made_results(prepared), prepared)
    assert tuple(page.text)[1:] == SECTIONS
    assert page.sources and all(source.startswith("data:image/") for source in page.sources)
    assert not {"script", "link", "iframe", "object", "embed"} & set(page.tags)
    text = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "default-src 'none'" in text
    assert not re.search(r"@import|url\(|https?:", text)


@quickly
def test_the_headline_shows_spread_interval_and_chance(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared)
    head = report(tmp_path, results).text["headline"]
    for key in ("uar", "uf1", "accuracy"):
        spread = results["spread"][key]
        for number in (results[key], spread["std"], spread["low"], spread["high"], results["chance"][key]):
            assert f"{number:.3f}" in head
    assert head.count("±") == 3


@quickly
def test_one_seed_shows_no_spread_and_one_person_no_interval(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, seeds=(4,))
    results["spread"]["uar"] |= {"low": None, "high": None}
    page = report(tmp_path, results)
    assert "±" not in "".join(page.text.values())
    assert "no interval" in page.text["headline"] and "– – –" in page.text["scores"]
    assert "once, with seed 4" in page.text["story"]


@quickly
def test_the_story_can_be_read_alone(prepared: Prepared, tmp_path: Path) -> None:
    story = report(tmp_path, made_results(prepared)).text["story"]
    for words in (
        "small (prepared from synthetic-macro)", "42 tested samples of 6 people in 7 classes", "anger, disgust",
        "leave one subject out, 6 folds", "3 seeds (0, 1, 2)", "last epoch, fixed beforehand", "40 epochs",
        "has seen none of the tested people", "12,345 parameters",
    ):  # fmt: skip
        assert words in story


@quickly
@pytest.mark.parametrize(
    ("saw", "seen", "words"),
    [
        (True, ["a/1", "a/2"], "has seen 2 of the tested people"),
        (True, [], "has seen the tested part"),
        (None, [], "cannot be told"),
    ],
)
def test_the_story_says_what_the_search_saw(
    prepared: Prepared, tmp_path: Path, saw: bool | None, seen: list[str], words: str
) -> None:
    results = made_results(prepared, search_saw_test_subjects=saw, seen_subjects=seen)
    page = report(tmp_path, results)
    assert words in page.text["story"]
    assert ("if it has, these numbers are too high" in page.text[""]) == (saw is None)


@quickly
def test_a_clean_result_has_no_warning(prepared: Prepared, tmp_path: Path) -> None:
    page = report(tmp_path, made_results(prepared))
    assert "warning" not in page.text and ON_TEST not in "".join(page.text.values())


@quickly
def test_what_was_selected_on_the_test_says_so_beside_every_number(prepared: Prepared, tmp_path: Path) -> None:
    write_histories(tmp_path, inner=True)
    parts = [{"name": name, "n": 9, "accuracy": 0.5, "uf1": 0.4, "uar": 0.3} for name in ("full", "smic")]
    results = made_results(prepared, epoch_rule="test-best", epoch_rule_in_words="best epoch", parts=parts)
    page = report(tmp_path, results, prepared)
    assert ON_TEST in page.text["warning"]
    assert page.text["headline"].count(ON_TEST) == 3
    # The heading's and each row's.
    assert page.text["scores"].count(ON_TEST) == 1 + 3
    assert page.text["parts"].count(ON_TEST) == 1 + len(parts)
    assert page.text["seeds"].count(ON_TEST) == 1 + 3
    for section in ("story", "confusion", "classes", "people", "curves", "mistakes"):
        assert ON_TEST in page.text[section], section
    assert ON_TEST in (tmp_path / "report.html").read_text().partition("</title>")[0]


@quickly
def test_every_leak_stands_in_the_warning(prepared: Prepared, tmp_path: Path) -> None:
    leaks = ["the search saw 2 of the tested people (a, b)", "3 tested pictures have copies"]
    page = report(tmp_path, made_results(prepared, leaks=leaks))
    assert "The search saw 2 of the tested people (a, b). 3 tested pictures have copies." in page.text["warning"]
    assert page.text["headline"].count("leak, see the warning") == 3


@quickly
def test_parts_are_shown_where_there_are_some(prepared: Prepared, tmp_path: Path) -> None:
    assert "parts" not in report(tmp_path, made_results(prepared)).text
    part = {"name": "casme2", "n": 145, "accuracy": 0.811, "uf1": 0.822, "uar": 0.833}
    assert "casme2 145 0.833 0.822 0.811" in report(tmp_path, made_results(prepared, parts=[part])).text["parts"]


@quickly
def test_people_are_sorted_from_the_worst(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, seeds=(0,))
    for share, fold in enumerate(results["per_fold"]):
        fold["predictions"] = [truth if i <= share else (truth + 1) % 7 for i, truth in enumerate(fold["truth"])]
    people = report(tmp_path, results).text["people"]
    names = [fold["subjects"][0].partition("/")[2] for fold in results["per_fold"]]
    places = [people.index(f"{name} {(share + 1) / 7:.2f} n 7") for share, name in enumerate(names)]
    assert places == sorted(places)


@quickly
def test_unknown_people_are_left_out_with_the_reason(prepared: Prepared, tmp_path: Path) -> None:
    page = report(tmp_path, made_results(prepared, n_subjects=None))
    assert "does not name its people" in page.text["people"]
    assert "of people who are not named" in page.text["story"]


@quickly
def test_an_undefined_score_of_a_class_is_a_dash(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared)
    results["per_class"][0] |= {"f1": None, "recall": None}
    assert (
        f"{results['per_class'][0]['name']} {results['per_class'][0]['n']} – –"
        in report(tmp_path, results).text["classes"]
    )


@quickly
def test_action_units_have_no_confusion_and_no_pictures(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, task="units", confusion=None)
    for fold in results["per_fold"]:
        for key in ("truth", "predictions"):
            fold[key] = [[int(i == answer) for i in range(7)] for answer in fold[key]]
        fold["confidence"] = []
    page = report(tmp_path, results, prepared)
    assert "no confusion matrix" in page.text["confusion"]
    assert "balanced accuracy" in page.text["scores"] and "action units" in page.text["story"]
    assert LICENCE not in page.text["mistakes"]


def test_names_are_never_markup(prepared: Prepared, tmp_path: Path) -> None:
    evil = "<script>alert(1)</script><img src=http://x/y>\"'&"
    results = made_results(prepared, command=evil, leaks=[evil], protocol_in_words=evil)
    results["classes"][0] = results["per_class"][0]["name"] = evil
    results["recipe"][evil] = results["input"][evil] = results["versions"][evil] = evil
    for fold in results["per_fold"]:
        fold["clips"] = [evil] * fold["n"]
    genotype = replace(GENOTYPE, provenance=replace(GENOTYPE.provenance, dataset=evil, strategy=evil))
    samples = tuple(replace(s, label=evil) if s.label == prepared.classes[0] else s for s in prepared.samples)
    page = report(tmp_path, results, replace(prepared, samples=samples), [genotype])
    assert "script" not in page.tags
    assert all(source.startswith("data:image/") for source in page.sources)
    for section in ("story", "warning", "classes", "mistakes", "again"):
        assert "<script>" in page.text[section], f"{section} shows the name as it is"


@quickly
def test_the_surest_mistakes_are_shown_with_their_pictures(prepared: Prepared, tmp_path: Path) -> None:
    results = made_results(prepared, seeds=(0, 1))
    rows = worst_mistakes(results_of(results))
    sure = [row.confidence for row in rows]
    assert len(rows) == MOST == len({row.position for row in rows})
    assert sure == sorted(sure, reverse=True) and not any(row.right for row in rows)
    page = report(tmp_path, results, prepared)
    shown = [source for source in page.sources if source.startswith("data:image/png")]
    assert len(shown) == MOST
    content = np.frombuffer(base64.b64decode(shown[0].partition(",")[2]), np.uint8)
    picture = cv2.cvtColor(cv2.imdecode(content, cv2.IMREAD_COLOR), cv2.COLOR_BGR2RGB)
    assert np.array_equal(picture, np.moveaxis(prepared.images[rows[0].position], 0, -1))
    text = page.text["mistakes"]
    assert LICENCE in text
    assert f"{rows[0].truth} taken for {rows[0].prediction} , {sure[0]:.2f} {rows[0].person}" in text


@quickly
def test_pictures_can_be_left_out(prepared: Prepared, tmp_path: Path) -> None:
    page = report(tmp_path, made_results(prepared), prepared, pictures=False)
    assert not any(source.startswith("data:image/png") for source in page.sources)
    assert "were left out" in page.text["mistakes"] and LICENCE not in page.text["mistakes"]


@quickly
def test_no_pictures_of_another_set_are_shown(prepared: Prepared, tmp_path: Path) -> None:
    moved = replace(prepared, samples=prepared.samples[1:] + prepared.samples[:1])
    page = report(tmp_path, made_results(prepared), moved)
    assert "has changed since" in page.text["mistakes"]
    assert not any(source.startswith("data:image/png") for source in page.sources)


@quickly
def test_curves_are_those_of_all_trainings(prepared: Prepared, tmp_path: Path) -> None:
    assert "no history" in report(tmp_path, made_results(prepared)).text["curves"]
    write_histories(tmp_path, seeds=2, folds=3, epochs=5)
    write_json(tmp_path / "seed0" / "older" / "predictions.json", {"fold": "older"})
    (tmp_path / "seed0" / "damaged").mkdir()
    (tmp_path / "seed0" / "damaged" / "predictions.json").write_text("{")
    curves = read_histories(tmp_path)
    assert {name: runs.shape for name, runs in curves.items()} == {"loss": (6, 5), "accuracy": (6, 5)}
    written = json.loads((tmp_path / "seed0" / "fold1" / "predictions.json").read_text())["history"]
    assert any(np.array_equal(run, written["loss"]) for run in curves["loss"])
    assert "Median of 6 trainings" in report(tmp_path, made_results(prepared)).text["curves"]


def test_the_cost_is_that_of_the_judged_network(prepared: Prepared) -> None:
    results = made_results(prepared)
    network = Network(GENOTYPE, 7, prepared.size, 3, 8, 3)
    assert ("multiply-accumulates for one picture", f"{count_macs(network, 3, prepared.size):,}") in make_cost_rows(
        results_of(results), [GENOTYPE]
    )


@quickly
def test_a_well_known_network_has_a_cost_and_no_cells(prepared: Prepared, tmp_path: Path) -> None:
    model = {"arch": "resnet18", "cells": None, "channels": None, "parameters": 5}
    results = made_results(prepared, model=model)
    results["input"]["size"] = 64
    page = report(tmp_path, results, genotypes=[])
    assert "148,049,408" in page.text["cost"]
    assert "resnet18 is not made of searched cells" in page.text["cells"]
    assert "The network resnet18" in page.text["story"] and "No search" in page.text["story"]


@quickly
def test_cells_of_a_search_by_folds_are_counted(prepared: Prepared, tmp_path: Path) -> None:
    others = [random_genotype(random.Random(seed), cells=3, channels=8) for seed in (1, 2, 3)]
    assert "first of 3 pairs" in report(tmp_path, made_results(prepared), genotypes=others).text["cells"]
    assert "first of" not in report(tmp_path, made_results(prepared), genotypes=[GENOTYPE] * 3).text["cells"]


def profile_of(name: str, speed: float) -> dict[str, Any]:
    rows = [{"runtime": "eager", "batch": batch, "frames_per_second": speed * batch} for batch in (64, 1)]
    rows.append({"runtime": "onnx", "batch": 1, "frames_per_second": 2 * speed})
    counted = {"parameters": 2_345_678, "macs": 91_000_000, "weights_bytes": 9_400_000, "activation_bytes": 3_200_000}
    return {"name": name, **counted, "latency": rows}


@quickly
def test_a_profile_in_the_run_folder_becomes_a_table(prepared: Prepared, tmp_path: Path) -> None:
    models = [profile_of("searched", 111), profile_of("vgg16", 7)]
    profile = {"size": 112, "machine": {"gpu": None, "cpu": "A CPU"}, "models": models}
    write_json(tmp_path / "profile.json", profile)
    cost = report(tmp_path, made_results(prepared)).text["cost"]
    assert "searched 2.35 M 91 M 9.4 MB 3.2 MB 222" in cost and "vgg16 2.35 M 91 M 9.4 MB 3.2 MB 14" in cost
    assert "A CPU" in cost and "112 × 112" in cost


@quickly
@pytest.mark.parametrize("content", ["{", "[]", '{"models": []}', '{"models": [{"latency": []}]}'])
def test_a_strange_profile_is_left_out_with_a_note(
    prepared: Prepared, tmp_path: Path, content: str, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "profile.json").write_text(content)
    assert "Beside well-known" not in report(tmp_path, made_results(prepared)).text["cost"]
    assert "profile.json" in capsys.readouterr().err


def test_the_same_result_gives_the_same_bytes(prepared: Prepared, tmp_path: Path) -> None:
    write_histories(tmp_path)
    results = made_results(prepared)
    first = write_report(tmp_path, results_of(results), prepared, [GENOTYPE]).read_bytes()
    assert write_report(tmp_path, results_of(results), prepared, [GENOTYPE]).read_bytes() == first


@quickly
def test_the_command_makes_the_report_again(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EMONAS_HOME", str(prepared.folder.parents[1]))
    write_json(tmp_path / "results.json", made_results(prepared))
    GENOTYPE.save(tmp_path / "genotype.json")
    assert call(app, [str(tmp_path)], capsys).returncode == 0
    page = Page(tmp_path / "report.html")
    assert LICENCE in page.text["mistakes"] and "not found" not in page.text["cells"]
    assert (tmp_path / "results.csv").exists() and (tmp_path / "results.tex").exists()
    assert call(app, [str(tmp_path), "--no-pictures"], capsys).returncode == 0
    assert LICENCE not in Page(tmp_path / "report.html").text["mistakes"]


@quickly
def test_the_command_does_without_data_and_cells_that_are_gone(
    prepared: Prepared, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    write_json(tmp_path / "results.json", made_results(prepared, dataset="gone"))
    done = call(app, [str(tmp_path)], capsys)
    assert done.returncode == 0
    assert "no pictures" in done.stderr and "no cells" in done.stderr
    assert "not found" in Page(tmp_path / "report.html").text["cells"]


def test_the_command_refuses_a_folder_without_results(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert_one_line_and_status_2(call(app, [str(tmp_path)], capsys), "results.json")
