"""Ports and addresses of the loopback interface."""

from __future__ import annotations

import errno
import random
import socket
import sys

from local.errors import LocalError


def free_port(address: str = "127.0.0.1") -> int:
    """Return a port on which nothing listens at this moment."""
    with socket.socket() as probe:
        probe.bind((address, 0))
        port: int = probe.getsockname()[1]
    return port


def random_loopback_address() -> str:
    """Return an address that no page finds by trying: 127.0.0.1 has 65,536 ports, 127.0.0.0/8 a trillion.

    Only Linux has all of them; macOS has 127.0.0.1 unless others are configured.
    """
    if sys.platform != "linux":
        return "127.0.0.1"
    choose = random.SystemRandom().randint
    return f"127.{choose(1, 254)}.{choose(0, 255)}.{choose(1, 254)}"


def require_free(port: int, purpose: str = "") -> None:
    """Raise LocalError if the port cannot be listened on; `purpose` says what it is for."""
    name = f"port {port} ({purpose})" if purpose else f"port {port}"
    with socket.socket() as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # as the server that binds it later
        try:
            probe.bind(("127.0.0.1", port))
        except OSError as error:
            reason = "is taken" if error.errno == errno.EADDRINUSE else f"cannot be used ({error.strerror})"
            raise LocalError(f"{name} {reason}; choose another PORT") from error
        except OverflowError as error:
            raise LocalError(f"{port} is not a port") from error
