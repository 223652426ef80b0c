"""Checkpoints: what is saved comes back, and nothing else is let in."""

from __future__ import annotations

import errno
import io
import os
import pickle
import random
from pathlib import Path
from typing import Any

import pytest
import torch
from torch import nn

from emonas.errors import UserError
from emonas.training.checkpoint import flaw_of_tensors, load, load_optimiser, load_tensors, resume, save, whole


def state(seed: int = 0) -> dict[str, Any]:
    torch.manual_seed(seed)
    network = nn.Sequential(nn.Conv2d(3, 4, 3), nn.BatchNorm2d(4))
    optimiser = torch.optim.SGD(network.parameters(), 0.1, 0.9)
    network(torch.randn(2, 3, 5, 5)).square().sum().backward()
    optimiser.step()
    return {
        "network": network.state_dict(),
        "optimiser": optimiser.state_dict(),
        "epoch": 7,
        "history": [{"loss": 0.25, "best": True, "note": None}],
    }


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "checkpoint.pt"


def refused(path: Path, reason: str = "not a checkpoint of emonas.*delete it to start anew") -> None:
    with pytest.raises(UserError, match=reason) as raised:
        load(path)
    assert str(raised.value).startswith(f"{path}: ")
    assert len(str(raised.value).splitlines()) == 1


def test_what_is_saved_comes_back(path: Path) -> None:
    save(path, state(0))
    save(path, state(1))
    back, expected = load(path), state(1)
    torch.testing.assert_close(back, expected, rtol=0, atol=0, check_device=True)
    assert back["history"] == expected["history"]
    assert list(path.parent.iterdir()) == [path]


def test_a_missing_file_is_refused(path: Path) -> None:
    refused(path, "no such file")


def test_a_folder_is_refused(tmp_path: Path) -> None:
    refused(tmp_path, "cannot be read: Is a directory")


def test_a_cut_off_file_is_refused(path: Path) -> None:
    save(path, state())
    whole = path.read_bytes()
    for length in range(0, len(whole), 150):
        path.write_bytes(whole[:length])
        refused(path)


def damaged(content: bytes, luck: random.Random) -> bytes:
    changed = bytearray(content)
    for _ in range(luck.randint(1, 5)):
        changed[luck.randrange(len(changed))] = luck.randrange(256)
    return bytes(changed)


def test_a_damaged_file_is_read_or_refused_but_never_a_traceback(path: Path) -> None:
    old_format = io.BytesIO()
    torch.save(state(), old_format, _use_new_zipfile_serialization=False)
    luck = random.Random(0)
    refusals = 0
    for _ in range(300):
        path.write_bytes(damaged(old_format.getvalue()[:2000], luck))
        try:
            load(path)
        except UserError:
            refusals += 1
    assert refusals > 100


@pytest.mark.parametrize(
    "content", [b"", b"epoch 7\n", b"{}", b"\x00" * 64, b"PK\x03\x04 not a zip", pickle.dumps({"epoch": 7}, protocol=4)]
)
def test_a_foreign_file_is_refused_without_a_word_from_torch(
    content: bytes, path: Path, recwarn: pytest.WarningsRecorder
) -> None:
    path.write_bytes(content)
    refused(path)
    assert not recwarn.list


@pytest.mark.parametrize("value", [[1, 2], torch.zeros(3), 7, "text"])
def test_what_is_no_state_is_refused(value: Any, path: Path) -> None:
    torch.save(value, path)
    refused(path)


class Trap:
    """Makes a file when it is unpickled."""

    def __init__(self, victim: Path) -> None:
        self.victim = victim

    def __reduce__(self) -> tuple[Any, ...]:
        return os.mkdir, (str(self.victim),)


@pytest.mark.parametrize("by_torch", [True, False])
def test_pickled_code_is_refused_and_does_not_run(by_torch: bool, path: Path) -> None:
    victim = path.parent / "victim"
    if by_torch:
        torch.save({"network": Trap(victim)}, path)
    else:
        path.write_bytes(pickle.dumps({"network": Trap(victim)}))
    refused(path)
    assert not victim.exists()
    pickle.loads(pickle.dumps(Trap(victim)))
    assert victim.exists(), "the trap does not work"


def test_a_pickled_network_is_refused(path: Path) -> None:
    torch.save(nn.Linear(2, 2), path)
    refused(path)


def test_a_full_disk_keeps_the_checkpoint_before(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path, {"epoch": 1})

    def full_disk(*_: object) -> None:
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    monkeypatch.setattr(Path, "write_bytes", full_disk)
    with pytest.raises(UserError, match="No space left on device"):
        save(path, {"epoch": 2})
    assert load(path) == {"epoch": 1}
    assert list(path.parent.iterdir()) == [path]


def test_memory_of_the_device_is_not_taken_for_a_damaged_file(path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    save(path, {"epoch": 1})

    def out_of_memory(*_: object, **__: object) -> None:
        raise torch.OutOfMemoryError("CUDA out of memory")

    monkeypatch.setattr(torch, "load", out_of_memory)
    with pytest.raises(torch.OutOfMemoryError):
        load(path)


@pytest.mark.parametrize(
    "value", [float("inf"), float("nan"), torch.tensor([0.0, float("nan")]), [{"a": float("inf")}]]
)
def test_a_run_does_not_go_on_from_nan(value: Any, path: Path) -> None:
    save(path, {"epoch": value})
    with pytest.raises(UserError, match=r"belongs to another run .*delete it to start anew"):
        resume(path, "cpu", lambda state: pytest.fail("it was taken"))


def test_a_list_that_holds_itself_is_looked_at_once(path: Path) -> None:
    endless: list[Any] = []
    endless.append(endless)
    save(path, {"a": endless})
    resume(path, "cpu", lambda state: None)


@pytest.mark.parametrize("value", [-5, 6, 10**12, 2.0, True, "3", None])
def test_a_number_outside_its_limits_is_refused(value: Any) -> None:
    assert whole(5, 0, 5, "it") == 5
    with pytest.raises(ValueError, match="it must be a whole number from 0 to 5"):
        whole(value, 0, 5, "it")


WANTED = {"a": torch.zeros(2, 3), "b": torch.zeros(2, dtype=torch.int64)}


@pytest.mark.parametrize(
    ("changes", "flaw"),
    [
        ({}, ""),
        ({"a": None}, "tensor a is missing"),
        ({"c": torch.zeros(1)}, 'tensor "c" is of another network'),
        ({3: torch.zeros(1)}, "tensor 3 is of another network"),
        ({"a": torch.zeros(3, 2)}, "tensor a is float32 (3, 2), where float32 (2, 3) is needed"),
        ({"a": torch.zeros(2, 0)}, "tensor a is float32 (2, 0), where float32 (2, 3) is needed"),
        ({"a": torch.zeros(2, 3).double()}, "tensor a is float64 (2, 3), where float32 (2, 3) is needed"),
        ({"a": torch.full((2, 3), float("nan"))}, "tensor a has NaN or infinite values"),
        ({"b": [1, 2]}, "tensor b is no plain tensor"),
        ({"a": torch.zeros(2, 3, device="meta")}, "tensor a is no plain tensor"),
        ({"a": torch.zeros(2, 3).to_sparse()}, "tensor a is no plain tensor"),
    ],
)
def test_tensors_of_another_kind_are_named(changes: dict[Any, Any], flaw: str) -> None:
    given = {key: value for key, value in {**WANTED, **changes}.items() if value is not None}
    assert flaw_of_tensors(WANTED, given) == flaw


@pytest.mark.parametrize("kind", [torch.optim.SGD, torch.optim.AdamW])
def test_an_optimiser_takes_its_own_state_and_no_other(kind: Any) -> None:
    def made(width: int = 2) -> tuple[nn.Module, torch.optim.Optimizer]:
        network = nn.Linear(3, width)
        options = {"momentum": 0.9} if kind is torch.optim.SGD else {}
        return network, kind(network.parameters(), 0.1, **options)

    network, optimiser = made()
    network(torch.ones(1, 3)).sum().backward()
    optimiser.step()
    given = optimiser.state_dict()
    fresh = made()[1]
    load_optimiser(fresh, given)
    assert fresh.state_dict()["state"].keys() == given["state"].keys()
    strange = {**given, "param_groups": [{**given["param_groups"][0], "weight_decay": 1e9}]}
    load_optimiser(fresh, strange)
    assert fresh.param_groups[0]["weight_decay"] != 1e9
    with pytest.raises(ValueError, match="of a parameter is float32"):
        load_optimiser(made(5)[1], given)
    with pytest.raises(ValueError, match="another optimiser"):
        load_optimiser(fresh, {**given, "state": {0: {"speed": torch.zeros(2, 3)}}})


def test_a_network_takes_no_others_tensors() -> None:
    with pytest.raises(ValueError, match=r"tensor bias is float32 \(5,\), where float32 \(2,\) is needed"):
        load_tensors(nn.Linear(3, 2), nn.Linear(3, 5).state_dict())
    with pytest.raises(ValueError, match="no tensors"):
        load_tensors(nn.Linear(3, 2), [1])
