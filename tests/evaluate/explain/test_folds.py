"""The report's section on what spoke for the answers: of the right networks and people, and only when asked for."""

from __future__ import annotations

import json
import sys
from pathlib import Path

import numpy as np
import pytest
from quick_training import genotype_file, quick
from report_page import Page
from small import assert_one_line_and_status_2, call, small_macro

from emonas.console import run
from emonas.datasets.protocols.protocol import Fold
from emonas.datasets.store.prepared import Prepared, load
from emonas.evaluate.explain import folds as explain_folds
from emonas.evaluate.explain.attribution import explain
from emonas.evaluate.model.of_fold import read_fold
from emonas.evaluate.report import figures as report_figures
from emonas.evaluate.report.cli import app
from emonas.evaluate.train.run import run_training

pytest.importorskip("captum")


@pytest.fixture(scope="module")
def trained(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Prepared]:
    """A finished training of six folds that has been explained, and its data."""
    folder = tmp_path_factory.mktemp("explained")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMONAS_HOME", str(folder / "home"))
        prepared = small_macro(patch)
        run_training(quick(folder, genotype_file(folder, prepared), protocol="loso", epochs=1))
        patch.setattr(explain_folds, "MOST", 20)
        with pytest.raises(SystemExit) as end:
            run(app, [str(folder / "run"), "--explain"])
    assert not end.value.code
    return folder / "run", prepared


@pytest.fixture(autouse=True)
def undrawn(monkeypatch: pytest.MonkeyPatch, trained: tuple[Path, Prepared]) -> None:
    """The training's home, and the two large figures, which take their time, as empty ones."""
    monkeypatch.setenv("EMONAS_HOME", str(trained[1].folder.parents[1]))
    for name in ("draw_confusion_source", "draw_cells"):
        monkeypatch.setattr(report_figures, name, lambda *given: "data:image/svg+xml,")


def test_each_fold_is_explained_by_its_own_network_on_its_own_people(trained: tuple[Path, Prepared]) -> None:
    folder_of_run, prepared = trained
    with np.load(folder_of_run / "explanations.npz") as stored:
        positions, maps, predictions = stored["positions"], stored["maps"], stored["predictions"]
    assert len(positions) == 20 == len(set(positions.tolist()))
    labels = prepared.labels[positions]
    assert set(np.bincount(labels, minlength=7)) <= {2, 3}, "spread over the classes"
    assert len({prepared.samples[i].person for i in positions}) > 3
    again = load(prepared.folder)
    for place in (0, 10, 19):
        position = positions[place]
        folder = folder_of_run / "seed0" / Fold.folder(again.samples[position].person)
        told = json.loads((folder / "predictions.json").read_text())
        assert position in told["positions"]
        model = read_fold(folder, "cpu")
        assert again.samples[position].person not in model.info.people
        expected = explain(model, again.images[position][None], str(predictions[place]))
        np.testing.assert_allclose(maps[place], expected.maps[0], atol=1e-6)


def test_the_report_shows_them_and_tells_their_worth(trained: tuple[Path, Prepared]) -> None:
    page = Page(trained[0] / "report.html")
    text = page.text["explained"]
    for words in (
        "20 tested samples",
        "tested on it",
        "upper half",
        "no landmarks",
        "no evidence of what a face",
        "licence",
    ):
        assert words in text
    assert "--explain" not in page.text["mistakes"]
    assert all(source.startswith("data:image/") for source in page.sources)


def test_without_pictures_there_are_no_explanations(
    trained: tuple[Path, Prepared], capsys: pytest.CaptureFixture[str]
) -> None:
    place, _ = trained
    assert call(app, [str(place), "--no-pictures"], capsys).returncode == 0
    page = Page(place / "report.html")
    assert "explained" not in page.text and "--explain" not in "".join(page.text.values())
    assert not any(source.startswith("data:image/png") for source in page.sources)
    assert_one_line_and_status_2(
        call(app, [str(place), "--no-pictures", "--explain"], capsys), "leave out --no-pictures"
    )


def test_what_is_not_there_is_told_how_to_get(
    trained: tuple[Path, Prepared], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "results.json").write_bytes((trained[0] / "results.json").read_bytes())
    assert call(app, [str(tmp_path)], capsys).returncode == 0
    page = Page(tmp_path / "report.html")
    assert "explained" not in page.text
    assert "emonas-report RUN --explain" in page.text["mistakes"] and "emonas[explain]" in page.text["mistakes"]


@pytest.mark.parametrize("flaw", ["other answers", "damaged"])
def test_explanations_that_do_not_belong_here_are_left_out_with_a_note(
    trained: tuple[Path, Prepared], tmp_path: Path, flaw: str, capsys: pytest.CaptureFixture[str]
) -> None:
    for name in ("results.json", "explanations.npz", "explained-means.png", "explained-samples.png"):
        (tmp_path / name).write_bytes((trained[0] / name).read_bytes())
    if flaw == "damaged":
        (tmp_path / "explanations.npz").write_bytes((tmp_path / "explanations.npz").read_bytes()[:-300])
    else:
        results = json.loads((tmp_path / "results.json").read_text())
        for fold in results["per_fold"]:
            fold["predictions"] = [(answer + 1) % 7 for answer in fold["predictions"]]
        results["confusion"] = np.roll(results["confusion"], 1, axis=1).tolist()
        (tmp_path / "results.json").write_text(json.dumps(results))
    done = call(app, [str(tmp_path)], capsys)
    assert done.returncode == 0 and f"{flaw}; make them again" in " ".join(done.stderr.split())
    assert "explained" not in Page(tmp_path / "report.html").text


def test_without_captum_one_line_names_the_extra(
    trained: tuple[Path, Prepared], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert_one_line_and_status_2(call(app, [str(trained[0]), "--explain"], capsys), "emonas[explain]")
