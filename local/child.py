"""Runs a Python module as `python -m` does, and ends when the parent process dies.

    python -P child.py MODULE [ARGUMENT...]

The engine holds the other end of standard input, a pipe, and never writes to it. However the engine dies, the
kernel closes the pipe, on Linux and macOS alike. (Linux's PR_SET_PDEATHSIG is simpler, but it follows the
death of the thread that started the process.) The Lambda runtime client ends by itself without the Runtime
API, but only between two calls; this also ends a handler in the middle of a call.
"""

import os
import runpy
import signal
import sys
import threading
import time

STOP_TIMEOUT = 5.0  # seconds to save state after SIGTERM


def exit_with_parent(pipe: int) -> None:
    """Wait until the parent's end of the pipe closes, then end this process."""
    while os.read(pipe, 1):
        pass
    if os.getpgrp() == os.getpid():  # end what the module has started too
        os.killpg(os.getpid(), signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(STOP_TIMEOUT)
    os._exit(1)


if __name__ == "__main__":
    pipe = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the module reads an empty standard input, as in Lambda
    os.close(nothing)
    threading.Thread(target=exit_with_parent, args=(pipe,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
