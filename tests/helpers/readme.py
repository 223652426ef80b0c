"""The README's commands, so that what it says is what is tested: ``readme.py 2`` prints the second block."""

from __future__ import annotations

import re
import sys
from pathlib import Path

README = Path(__file__).resolve().parents[2] / "README.md"


def commands(number: int) -> str:
    """The README's block of shell commands with that number, counted from 1."""
    blocks: list[str] = re.findall(r"^```sh\n(.*?)^```", README.read_text(encoding="utf-8"), re.DOTALL | re.MULTILINE)
    return blocks[number - 1]


if __name__ == "__main__":
    sys.stdout.write(commands(int(sys.argv[1])))
