"""The report in a real browser: whole, within a telephone's width, dark where asked for, and silent on the network."""

from __future__ import annotations

import html
import json
import random
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from known_cells import random_genotype
from made_results import made_results, write_histories
from PIL import Image
from report_page import SECTIONS
from small import small_macro
from small_results import results_of

from emonas.evaluate.report.page import write_report

BROWSER = shutil.which("chromium") or shutil.which("google-chrome")
pytestmark = pytest.mark.skipif(BROWSER is None, reason="needs chromium or google-chrome, to open the report in it")

#: A page around the report, since a script may look into a frame but not run in the report itself.
FRAME = """<!doctype html><iframe width="{width}" height="900" srcdoc="{report}"></iframe><pre></pre><script>
document.querySelector("iframe").onload = ({{target}}) => {{
  const page = target.contentDocument, root = page.documentElement;
  document.querySelector("pre").textContent = JSON.stringify({{
    width: target.contentWindow.innerWidth, needed: root.scrollWidth,
    sections: [...page.querySelectorAll("section")].filter((one) => one.offsetHeight > 30).map((one) => one.id),
    images: [...page.images].map((one) => one.naturalWidth * one.clientWidth),
    styled: getComputedStyle(page.querySelector(".headline")).display,
  }});
}}</script>"""
#: What the browser's log calls the requests that no page has made.
OWN = "not an origin"


def browse(folder: Path, page: Path, *options: str) -> str:
    """Open a page headless and without a way out to the network; gives what is printed."""
    assert BROWSER
    command = [BROWSER, "--headless=new", "--no-sandbox", "--disable-gpu", "--hide-scrollbars", "--no-first-run"]
    command += [f"--user-data-dir={folder / 'browser'}", "--proxy-server=http://127.0.0.1:9", *options, page.as_uri()]
    return subprocess.run(command, capture_output=True, text=True, timeout=120, check=True).stdout


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report with everything that a report can have, and with long names."""
    folder = tmp_path_factory.mktemp("run")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("EMONAS_HOME", str(folder / "home"))
        prepared = small_macro(patch, size=32)
        write_histories(folder, epochs=6)
        parts = [{"name": name, "n": 9, "accuracy": 0.5, "uf1": 0.4, "uar": 0.3} for name in ("full", "smic")]
        results = made_results(
            prepared, parts=parts, epoch_rule="test-best", epoch_rule_in_words="best epoch", leaks=["x" * 200],
            command="emonas-train --genotype " + "runs/" * 40,
        )  # fmt: skip
        results["per_class"][0]["name"] = "contempt_or_something_of_the_sort" * 2
        for fold in results["per_fold"]:
            fold["clips"] = ["a_clip_with_a_long_name/" * 4] * fold["n"]
        results["recipe"]["a_name_without_any_blank_that_is_rather_long" * 2] = "0123456789" * 12
        return write_report(
            folder, results_of(results), prepared, [random_genotype(random.Random(1), cells=3, channels=8)]
        )


def seen(folder: Path, page: Path, width: int) -> dict[str, Any]:
    frame = folder / "frame.html"
    frame.write_text(FRAME.format(width=width, report=html.escape(page.read_text(encoding="utf-8"))), encoding="utf-8")
    found = re.search(r"<pre>(\{.*?\})</pre>", browse(folder, frame, "--dump-dom"))
    assert found
    return json.loads(html.unescape(found[1]))


@pytest.mark.parametrize("width", [400, 1200])
def test_all_is_there_and_nothing_wider_than_the_window(page: Path, tmp_path: Path, width: int) -> None:
    facts = seen(tmp_path, page, width)
    assert facts["width"] == width and facts["needed"] <= width
    assert set(facts["sections"]) == {*SECTIONS, "parts"}
    assert len(facts["images"]) > 10 and all(facts["images"]), "no broken or invisible image"
    assert facts["styled"] == "grid", "the style is applied under the page's own policy"


def asked_for(folder: Path, page: Path) -> set[str]:
    """Who started the network requests while a page was open, the browser itself left out."""
    log = folder / "log.json"
    browse(folder, page, f"--log-net-log={log}", "--dump-dom")
    started = set(re.findall(r'"initiator":"([^"]*)"', log.read_text(encoding="utf-8", errors="replace")))
    return started - {OWN}


def test_it_asks_the_network_for_nothing(page: Path, tmp_path: Path) -> None:
    control = tmp_path / "control.html"
    control.write_text('<!doctype html><img src="http://127.0.0.1:9/picture.png">')
    assert asked_for(tmp_path, control), "a page that asks is noticed"
    assert not asked_for(tmp_path, page)


def shot(folder: Path, page: Path, *options: str) -> np.ndarray:
    path = folder / "shot.png"
    browse(folder, page, f"--screenshot={path}", "--window-size=1200,2400", *options)
    return np.asarray(Image.open(path).convert("L"))


def test_it_is_dark_ink_on_light_paper_and_the_reverse_where_asked_for(page: Path, tmp_path: Path) -> None:
    light = shot(tmp_path, page)
    assert np.median(light) > 240 and (light < 90).mean() > 0.01
    dark = shot(tmp_path, page, "--blink-settings=preferredColorScheme=0")
    assert np.median(dark) < 40 and (dark > 180).mean() > 0.01


def test_it_can_be_printed(page: Path, tmp_path: Path) -> None:
    paper = tmp_path / "report.pdf"
    browse(tmp_path, page, f"--print-to-pdf={paper}")
    content = paper.read_bytes()
    assert content.startswith(b"%PDF") and len(re.findall(rb"/Type\s*/Page\b", content)) in range(3, 12)
