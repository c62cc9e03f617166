"""Ports for servers whose port a test has to know before they start.

Each worker of a parallel run has a range of its own, below the ports that the system hands out by itself. So
no other test can take a port between its choice and its use.
"""

from __future__ import annotations

import os
import socket
from itertools import cycle

_FIRST, _PER_WORKER, _WORKERS = 12_000, 600, 32

_worker = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % _WORKERS
_start = os.getpid() % _PER_WORKER  # another run on this machine begins elsewhere
_ports = cycle(_FIRST + _worker * _PER_WORKER + (_start + n) % _PER_WORKER for n in range(_PER_WORKER))


def free_port() -> int:
    """Return a port on which nothing listens."""
    return next(port for port in _ports if _is_free(port))


def free_pair() -> int:
    """Return a port on which nothing listens, like on the next one."""
    return next(port for port in _ports if _is_free(port) and _is_free(next(_ports)) and _is_free(port + 1))


def _is_free(port: int) -> bool:
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as servers do
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return False
    return True
