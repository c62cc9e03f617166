"""No garbage collection during a cold start: it would take a twentieth of the CPU time and free little.

What a handler imports and makes lasts as long as its process. So `app.py` imports this module before all
others, and calls `done` after its last: from then on the collector runs as ever, and never looks at what was
made before (https://docs.python.org/3.13/library/gc.html#gc.freeze), in no later call either.
"""

from __future__ import annotations

import gc

gc.disable()


def done() -> None:
    """Let the collector run again, for what is made from now on."""
    gc.freeze()
    gc.enable()
