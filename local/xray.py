"""Stands where the X-Ray daemon listens on Lambda, and drops what it hears.

Functions are told its address, as Lambda tells them the daemon's, so that segments go to no other program
that happens to listen on the daemon's usual port 2000.
"""

from __future__ import annotations

import asyncio


class XRayListener(asyncio.DatagramProtocol):
    """Receives datagrams on a free port of 127.0.0.1; each is a JSON header line and a segment document.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-api-sendingdata.html
    """

    def __init__(self) -> None:
        self._transport: asyncio.DatagramTransport | None = None

    async def start(self) -> str:
        """The daemon's address, as AWS_XRAY_DAEMON_ADDRESS has it."""
        loop = asyncio.get_running_loop()
        self._transport, _ = await loop.create_datagram_endpoint(lambda: self, ("127.0.0.1", 0))
        host, port = self._transport.get_extra_info("sockname")
        return f"{host}:{port}"

    def stop(self) -> None:
        if self._transport is not None:
            self._transport.close()

    def datagram_received(self, data: bytes, addr: tuple[str, int]) -> None:
        pass
