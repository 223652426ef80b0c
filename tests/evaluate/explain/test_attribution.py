"""Explanations: they find what decides, change with the weights, add up, and are refused in one line."""

from __future__ import annotations

import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
import torch.nn.functional as F
from known_cells import PROVENANCE, cell_of
from made_models import INFO
from scipy.stats import spearmanr
from small import assert_one_line_and_status_2, call, small_micro

from emonas.datasets.faces.options import FaceOptions
from emonas.datasets.loading.batches import normalise
from emonas.datasets.store.config import PrepareConfig
from emonas.errors import UserError
from emonas.evaluate.explain import attribution as module
from emonas.evaluate.explain.attribution import baseline, concatenate, explain
from emonas.evaluate.explain.cli import app
from emonas.evaluate.explain.figures import AGAINST, FOR, blur, overlay, picture_under_map
from emonas.evaluate.explain.summary import means, spread_over
from emonas.evaluate.model.file import save_model
from emonas.evaluate.model.info import SeenData
from emonas.evaluate.model.model import Model
from emonas.genotype import Genotype
from emonas.network import Network

pytest.importorskip("captum")

SIDE, PATCH = 16, 6
GENOTYPE = Genotype(cell_of("sep_conv_3x3"), cell_of("max_pool_3x3"), 3, 4, ("dark", "bright"), PROVENANCE)
CPU = torch.device("cpu")


def planted(count: int, seed: int) -> tuple[np.ndarray, np.ndarray]:
    """Noise in which nothing but the upper left corner tells the class, bright or dark."""
    luck = np.random.default_rng(seed)
    pictures = luck.integers(64, 192, (count, 3, SIDE, SIDE)).astype(np.uint8)
    labels = luck.integers(0, 2, count)
    pictures[:, :, :PATCH, :PATCH] = np.where(labels, 220, 30)[:, None, None, None]
    return pictures, labels


def model_of(network: Network) -> Model:
    info = replace(INFO, genotype=GENOTYPE, channels=4, names=("dark", "bright"), input={**INFO.input, "size": SIDE})
    return Model(info, network.requires_grad_(False).eval(), CPU)


def fresh(seed: int) -> Network:
    torch.manual_seed(seed)
    return Network(GENOTYPE, 2, SIDE, auxiliary=False)


@pytest.fixture(scope="module")
def model() -> Model:
    """A network that has learnt to look into the corner."""
    network = fresh(0)
    optimiser = torch.optim.AdamW(network.parameters(), 5e-3, weight_decay=0.05)
    for step in range(60):
        pictures, labels = planted(32, step)
        loss = F.cross_entropy(network(normalise(torch.from_numpy(pictures))), torch.from_numpy(labels))
        optimiser.zero_grad()
        loss.backward()
        optimiser.step()
    return model_of(network)


def in_corner(maps: np.ndarray, margin: int) -> float:
    sizes = np.abs(maps)
    return float(sizes[:, : PATCH + margin, : PATCH + margin].sum() / sizes.sum())


#: How far beyond the patch a coarse method may reach, and the share of the whole that must lie there.
@pytest.mark.parametrize(("method", "margin", "share"), [("ig", 0, 0.6), ("occlusion", 1, 0.6), ("gradcam", 4, 0.6)])
def test_a_planted_patch_that_alone_decides_holds_most_of_the_attribution(
    model: Model, method: module.MethodName, margin: int, share: float
) -> None:
    pictures, labels = planted(12, 999)
    found = explain(model, pictures, method=method)
    assert (found.targets == labels).all(), "the network has learnt its task"
    assert found.maps.shape == (12, SIDE, SIDE)
    assert in_corner(found.maps, margin) > share > 1.4 * (PATCH + margin) ** 2 / SIDE**2
    corner = found.maps[:, :PATCH, :PATCH].sum((1, 2))
    assert (corner > 0).all(), "what decided speaks for the answer"
    against = explain(model, pictures[:2], 1 - labels[:2], method)
    np.testing.assert_allclose(against.maps, -found.maps[:2], atol=1e-5)


@pytest.mark.parametrize(("method", "margin"), [("ig", 0), ("occlusion", 1), ("gradcam", 4)])
def test_maps_change_when_the_weights_are_drawn_anew(model: Model, method: module.MethodName, margin: int) -> None:
    pictures, labels = planted(8, 999)
    learnt = explain(model, pictures, labels, method).maps
    other = fresh(1)
    with torch.no_grad():  # statistics of the pictures, since a network without them lets nothing through
        [other(normalise(torch.from_numpy(planted(32, 1000 + i)[0]))) for i in range(20)]
    drawn = explain(model_of(other), pictures, labels, method).maps
    alike = [spearmanr(a.ravel(), b.ravel()).statistic for a, b in zip(np.abs(learnt), np.abs(drawn), strict=True)]
    assert np.mean(alike) < 0.5
    assert in_corner(learnt, margin) > in_corner(drawn, margin) + 0.15


def test_integrated_gradients_add_up_to_the_change_of_the_evidence(model: Model) -> None:
    pictures, _ = planted(4, 5)
    found = explain(model, pictures)
    with torch.no_grad():
        logits = model.network(normalise(torch.from_numpy(pictures))) - model.network(torch.zeros(1, 3, SIDE, SIDE))
    change = (logits - logits.mean(1, keepdim=True)).numpy()[np.arange(4), found.targets]
    np.testing.assert_allclose(found.difference, change, atol=1e-4)
    np.testing.assert_allclose(found.maps.sum((1, 2)), change, atol=0.05 * max(1, np.abs(change).max()))
    np.testing.assert_allclose(found.delta, found.maps.sum((1, 2)) - found.difference, atol=1e-3)
    assert found.complete.all() and found.channels is not None and found.channels.shape == (4, 3)


def test_maps_that_do_not_add_up_are_told(model: Model, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "TOLERANCE", 0.0)
    assert not explain(model, planted(2, 5)[0]).complete.any()
    assert explain(model, planted(2, 5)[0], method="gradcam").complete.all(), "it promises no sum"


def test_one_by_one_is_the_same_as_together(model: Model) -> None:
    pictures, _ = planted(3, 7)
    together, alone = explain(model, pictures), concatenate([explain(model, one[None]) for one in pictures])
    np.testing.assert_array_equal(together.maps, alone.maps)
    np.testing.assert_array_equal(together.channels, alone.channels)
    np.testing.assert_array_equal(together.targets, alone.targets)


def test_the_baseline_is_a_picture_without_news() -> None:
    images = torch.randn(2, 6, 4, 4)
    assert not baseline(images[:, :3], "still").any()
    grey = baseline(images, "dynamic-pair")
    torch.testing.assert_close(grey, normalise(torch.full_like(images, 128)))
    held = baseline(images, "clip")
    torch.testing.assert_close(held[:, :3], images[:, :3])
    torch.testing.assert_close(held[:, 3:], images[:, :3])


@pytest.mark.parametrize(
    ("target", "method", "words"),
    [
        ("joy", "ig", "no class 'joy'; the network answers dark, bright"),
        (2, "ig", "no class 2"),
        (["dark"], "ig", "1 classes to explain for 2 pictures"),
        (None, "saliency", "no method 'saliency'; known: ig, occlusion, gradcam"),
    ],
)
def test_what_cannot_be_explained_is_one_line(model: Model, target: object, method: str, words: str) -> None:
    with pytest.raises(UserError, match=words):
        explain(model, planted(2, 0)[0], target, method)  # type: ignore[arg-type]


def test_grad_cam_of_a_single_pixel_is_refused() -> None:
    from emonas.evaluate.model.baselines import build
    from emonas.network import Baseline

    info = replace(INFO, arch="mobilenet_v3_small", genotype=None, cells=None, channels=None)
    known = Model(replace(info, input={**INFO.input, "size": 32}), Baseline(build("mobilenet_v3_small", 3)).eval(), CPU)
    pictures = np.zeros((1, 3, 32, 32), np.uint8)
    with pytest.raises(UserError, match="single pixel"):
        explain(known, pictures, method="gradcam")
    assert explain(known, pictures).maps.shape == (1, 32, 32)


def test_halves_and_motions_are_shares_of_what_there_is() -> None:
    maps = np.zeros((2, 5, 5), np.float32)
    maps[0, 0, 0], maps[1, 2, 4] = -3, 2
    found = means(maps, np.array([1, 1]), np.array([[1.0, 1, 2], [0, 0, 4]]), "flow")
    assert [mean.n for mean in found] == [2]
    assert found[0].halves == pytest.approx((0.75, 0.25, 0.5, 0.5)), "the middle row counts half to each side"
    assert found[0].motions == pytest.approx((0.125, 0.125, 0.75))
    assert found[0].map[0, 0] == -0.5 and found[0].map[2, 4] == 0.5, "each sample counts the same"
    nothing = means(np.zeros((1, 4, 4), np.float32), np.array([0]), None, "still")[0]
    assert nothing.halves == (0.5, 0.5, 0.5, 0.5)


def test_samples_are_spread_over_the_classes() -> None:
    labels = ["a"] * 50 + ["b"] * 2 + ["c"] * 10
    chosen = [labels[i] for i in spread_over(labels, 12)]
    assert (chosen.count("a"), chosen.count("b"), chosen.count("c")) == (5, 2, 5)
    assert spread_over(labels, 100) == list(range(62)) and spread_over([], 3) == []


def test_for_and_against_have_their_colours_and_nothing_leaves_the_picture() -> None:
    picture = np.full((2, 3, 3), 128, np.uint8)
    values = np.array([[1.0, 0, -1], [0, 0, 0]])
    drawn = overlay(picture, values, 1.0)
    assert drawn[0, 0, 2] > drawn[0, 0, 0] and drawn[0, 2, 0] > drawn[0, 2, 2], (FOR, AGAINST)
    assert np.ptp(drawn[0, 1]) == 0
    grey = drawn @ (0.299, 0.587, 0.114)
    assert grey[0, 0] < grey[0, 2] - 0.15, "told apart without colour too"
    smooth = blur(np.eye(32))
    assert smooth.sum() == pytest.approx(32, rel=0.05)


@pytest.mark.parametrize("representation", ["still", "flow", "dynamic-pair", "clip"])
def test_maps_lie_over_one_square(representation: str) -> None:
    channels = {"dynamic-pair": 6, "clip": 15}.get(representation, 3)
    picture = np.repeat(np.arange(channels, dtype=np.uint8), 16).reshape(channels, 4, 4)
    part = picture_under_map(picture, representation)
    assert part.shape == (4, 4, 3)
    assert part[0, 0].tolist() == ([6, 7, 8] if representation == "clip" else [0, 1, 2])


@pytest.fixture
def files(model: Model, tmp_path: Path) -> tuple[Path, list[str]]:
    """A model's file and three pictures."""
    import cv2

    save_model(tmp_path / "m.safetensors", model.network, model.info)
    names = [str(tmp_path / f"{i}.png") for i in range(3)]
    for name, picture in zip(names, planted(3, 3)[0], strict=True):
        cv2.imwrite(name, np.moveaxis(picture, 0, -1))
    return tmp_path / "m.safetensors", names


def test_the_command_draws_each_picture_and_the_means(
    files: tuple[Path, list[str]], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = tmp_path / "out"
    done = call(app, [str(files[0]), *files[1], "--out", str(out), "--device", "cpu"], capsys)
    assert done.returncode == 0, done.stderr
    assert sorted(path.name for path in out.iterdir()) == [
        "001-0.png", "002-1.png", "003-2.png", "explanations.npz", "means.png",
    ]  # fmt: skip
    with np.load(out / "explanations.npz") as stored:
        assert stored["maps"].shape == (3, SIDE, SIDE) and set(stored["targets"]) <= {"dark", "bright"}
        assert stored["sources"].tolist() == ["0.png", "1.png", "2.png"]
    assert "upper half" in done.stdout and "an even map gives each half 50 %" in done.stdout


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["--target", "joy"], "no class 'joy'; the network answers dark, bright"),
        (["--dataset", "small"], "either pictures or clips, or --dataset"),
        (["--onset", "1"], "belong to clips"),
    ],
)
def test_the_command_says_in_one_line_what_is_wrong(
    files: tuple[Path, list[str]], arguments: list[str], words: str, capsys: pytest.CaptureFixture[str]
) -> None:
    assert_one_line_and_status_2(call(app, [str(files[0]), *files[1], *arguments], capsys), words)


def test_without_captum_one_line_names_the_extra(
    files: tuple[Path, list[str]], capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "captum.attr", None)
    assert_one_line_and_status_2(call(app, [str(files[0]), *files[1]], capsys), "emonas[explain]")


def test_samples_of_a_set_are_of_people_whom_the_network_has_not_seen(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    prepared = small_micro(monkeypatch, PrepareConfig(size=SIDE, representation="flow"), 3, 4, "micro")
    seen = [person for person in prepared.subjects if person != prepared.subjects[0]]
    picture = {"size": SIDE, "channels": 3, **prepared.options, **vars(FaceOptions())}
    info = replace(
        INFO, genotype=GENOTYPE, channels=4, names=prepared.classes, input={**picture, "face_model": ""},
        trained_on=(SeenData("micro", people=tuple(seen)),),
    )  # fmt: skip
    path, out = tmp_path / "m.safetensors", tmp_path / "out"
    network = Network(GENOTYPE, 3, SIDE, auxiliary=False)
    save_model(path, network, info)
    arguments = [str(path), "--dataset", "micro", "--samples", "2", "--method", "ig", "--out", str(out)]
    done = call(app, [*arguments, "--device", "cpu"], capsys)
    assert done.returncode == 0, done.stderr
    with np.load(out / "explanations.npz") as stored:
        assert all(source.startswith(prepared.subjects[0]) for source in stored["sources"])
    assert "strain" in done.stdout
    save_model(path, network, replace(info, trained_on=(SeenData("micro", people=prepared.subjects),)))
    assert "has learnt from everybody" in call(app, arguments, capsys).stderr
