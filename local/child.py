"""Runs a Python module as `python -m` does, and ends it when whoever started it is gone.

    python -P child.py MODULE [ARGUMENT...]

Standard input is the leash: the engine holds the other end of that pipe and never writes. However the engine
dies, the kernel closes the pipe, here and on macOS alike (Linux's PR_SET_PDEATHSIG would be one call less,
and follows the death of the thread that started the process). The Lambda runtime client ends by itself when
the Runtime API is gone, but only between two calls; this also reaches a handler in the middle of one.
"""

import os
import runpy
import signal
import sys
import threading
import time

GRACE = 5.0  # seconds to save state after SIGTERM


def hold(leash: int) -> None:
    while os.read(leash, 1):
        pass
    if os.getpgrp() == os.getpid():  # what the module started goes too
        os.killpg(os.getpid(), signal.SIGTERM)
    else:
        os.kill(os.getpid(), signal.SIGTERM)
    time.sleep(GRACE)
    os._exit(1)


if __name__ == "__main__":
    leash = os.dup(0)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)  # the module reads an empty standard input, as in Lambda
    os.close(nothing)
    threading.Thread(target=hold, args=(leash,), daemon=True).start()
    sys.argv = sys.argv[1:]
    runpy.run_module(sys.argv[0], run_name="__main__", alter_sys=True)
