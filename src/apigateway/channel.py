"""Bytes to and from one host: a non-blocking socket that an event loop watches, with TLS or without.

asyncio's own transports do the same. But with TLS they take some 10 microseconds of CPU time more per
request, nearly as much as all the rest of a post, and a quarter of a megabyte of buffers per connection.
"""

from __future__ import annotations

import asyncio
import socket
import ssl
from collections.abc import Callable

_CHUNK = 16_384  # bytes read at a time. A record of TLS has no more, so that each read takes a whole one


async def connect(host: str, port: int, context: ssl.SSLContext | None) -> Channel:
    """Return a channel to a host, over TLS if there is a context.

    Raises OSError, also for a certificate that is not trusted. Cancelled, leave no socket behind.
    """
    loop = asyncio.get_running_loop()
    connected = await _connect(loop, host, port)
    try:
        connected.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if context is None:
            return Channel(loop, connected)
        channel = TlsChannel(loop, connected, context, host)
        await channel.handshake()
    except BaseException:
        connected.close()
        raise
    return channel


async def _connect(loop: asyncio.AbstractEventLoop, host: str, port: int) -> socket.socket:
    """Return a socket that is connected to the first address of a host that answers."""
    reason = OSError(f"{host!r} has no address")
    for family, kind, protocol, _, address in await loop.getaddrinfo(host, port, type=socket.SOCK_STREAM):
        connecting = socket.socket(family, kind, protocol)
        try:
            connecting.setblocking(False)
            await loop.sock_connect(connecting, address)
        except OSError as error:
            connecting.close()
            reason = error
        except BaseException:
            connecting.close()
            raise
        else:
            return connecting
    raise reason


class Channel:
    """A connected socket. It reads when asked, and writes at once what the kernel takes, the rest later."""

    def __init__(self, loop: asyncio.AbstractEventLoop, connected: socket.socket) -> None:
        self._loop = loop
        self._socket = connected
        self._unsent = b""  # what the kernel has not taken yet
        self._on_broken: Callable[[OSError], None]
        self.ended = False  # the host sends nothing more

    def open(self, on_readable: Callable[[], None], on_broken: Callable[[OSError], None]) -> None:
        """Call `on_readable` when there is something to receive, and `on_broken` when nothing can be sent.

        Both are called by the loop, never before `send` returns.
        """
        self._on_broken = on_broken
        self._loop.add_reader(self._socket, on_readable)

    def send(self, data: bytes) -> None:
        """Send all of `data`, sooner or later."""
        self._write(data)

    def receive(self) -> bytes:
        """Return what has come. Nothing may have, also when the host has `ended`. Raises OSError."""
        try:
            data = self._socket.recv(_CHUNK)
        except (BlockingIOError, InterruptedError):
            return b""
        if not data:
            self.ended = True
        return data

    def close(self) -> None:
        """Close the socket, whatever is unsent. Call nothing any more."""
        self._loop.remove_reader(self._socket)
        self._loop.remove_writer(self._socket)
        self._socket.close()

    def _write(self, data: bytes) -> None:
        if self._unsent:
            self._unsent += data
            return
        try:
            sent = self._socket.send(data)
        except (BlockingIOError, InterruptedError):
            sent = 0
        except OSError as error:
            self._loop.call_soon(self._on_broken, error)
            return
        if sent < len(data):
            self._unsent = data[sent:]
            self._loop.add_writer(self._socket, self._write_rest)

    def _write_rest(self) -> None:
        data, self._unsent = self._unsent, b""
        self._loop.remove_writer(self._socket)
        self._write(data)


class TlsChannel(Channel):
    """The same over TLS. OpenSSL reads and writes memory, and this class the socket: a call per direction.

    Over a socket, OpenSSL would make two system calls per record that it reads, and one more to see that no
    other has come.
    """

    def __init__(
        self, loop: asyncio.AbstractEventLoop, connected: socket.socket, context: ssl.SSLContext, host: str
    ) -> None:
        super().__init__(loop, connected)
        self._incoming = ssl.MemoryBIO()
        self._outgoing = ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._incoming, self._outgoing, server_hostname=host)

    async def handshake(self) -> None:
        """Agree on keys, before `open`. Raises OSError."""
        finished = False
        while not finished:
            try:
                self._tls.do_handshake()
                finished = True
            except ssl.SSLWantReadError:
                pass
            finally:  # also what tells the host that its certificate is not trusted
                await self._loop.sock_sendall(self._socket, self._outgoing.read())
            if not finished:
                data = await self._loop.sock_recv(self._socket, _CHUNK)
                self._incoming.write(data)
                if not data:
                    self._incoming.write_eof()

    def send(self, data: bytes) -> None:
        try:
            written = self._tls.write(data)
            while written < len(data):  # a record at a time
                written += self._tls.write(memoryview(data)[written:])
        except ssl.SSLError as error:  # also in the middle of a renegotiation, which TLS 1.3 has no more
            self._loop.call_soon(self._on_broken, error)
            return
        self._write(self._outgoing.read())

    def receive(self) -> bytes:
        self._incoming.write(super().receive())
        try:
            data = self._tls.read(_CHUNK)
        except ssl.SSLWantReadError:  # a part of a record, or one of TLS's own, such as a session ticket
            data = b""
        else:
            if not data:  # close_notify
                self.ended = True
            elif self._incoming.pending:
                data += self._read_rest()
        if self._outgoing.pending:  # TLS's own answer, such as to an update of keys
            self._write(self._outgoing.read())
        return data

    def _read_rest(self) -> bytes:
        records: list[bytes] = []
        try:
            while record := self._tls.read(_CHUNK):
                records.append(record)
            self.ended = True
        except ssl.SSLWantReadError:
            pass
        except ssl.SSLError:  # what came before it may be a whole response
            self.ended = True
        return b"".join(records)
