"""Run a command's module for as long as the process that started it lives: ``python -m ... MODULE ARGUMENTS``.

Its standard input is a pipe whose other end that process holds. However that process ends, killed too, the pipe ends
with it; a command that went on would write in a run folder that a continued ablation takes up.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading

STDIN = 0


def main() -> None:
    """Run the module that the first argument names as a program, with the arguments that follow."""
    # An exception, so that half-written temporary files are removed on the way out.
    signal.signal(signal.SIGTERM, signal.default_int_handler)
    threading.Thread(target=_end_with_the_other, daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)


def _end_with_the_other() -> None:
    # Not sys.stdin: a thread that waits in it cannot be left behind when the interpreter ends.
    while os.read(STDIN, 1):
        pass
    os.kill(os.getpid(), signal.SIGTERM)


if __name__ == "__main__":
    main()
