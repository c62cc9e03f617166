"""Ports of the loopback interface."""

from __future__ import annotations

import socket

from local.errors import LocalError


def free_port() -> int:
    """A port that nobody listens on at this moment."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
    return port


def refuse_taken(port: int) -> None:
    """Raises LocalError if the port cannot be listened on."""
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server that comes after
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            raise LocalError(f"port {port} is not free ({error.strerror}): choose another") from error
        except OverflowError as error:
            raise LocalError(f"{port} is not a port") from error
