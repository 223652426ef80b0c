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
from emonas.training.checkpoint import load, save


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
