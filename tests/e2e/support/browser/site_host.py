"""What CloudFront does for a stack's site, as far as site.yaml says it: one host for page and socket."""

from __future__ import annotations

import asyncio
import contextlib
import re
from urllib.parse import urlsplit

from samtranslator.yaml_helper import yaml_parse

from deployment.page_files import page_files
from local.engine import Engine
from local.template.intrinsics import Resolver
from tests.support.project import ROOT

STAGE = "live"


class SiteHost:
    """A web server of the published files, with the site's headers. The stage's path leads to the engine."""

    def __init__(self, engine: Engine) -> None:
        self._engine = urlsplit(engine.socket_url)
        self._files = {file.key: file for file in page_files(ROOT / "web", STAGE)}
        self._headers = headers()
        self.not_found: list[str] = []

    async def __aenter__(self) -> SiteHost:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        self.url = f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"
        return self

    async def __aexit__(self, *_: object) -> None:
        self._server.close()
        self._server.close_clients()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(asyncio.IncompleteReadError, OSError):
            while True:
                head = (await reader.readuntil(b"\r\n\r\n")).decode()
                path = head.split()[1]
                if path.partition("?")[0] == f"/{STAGE}":
                    await self._pass_on(head, reader, writer)
                    break
                writer.write(self._file(urlsplit(path).path.lstrip("/") or "index.html"))
                await writer.drain()
        writer.close()

    def _file(self, key: str) -> bytes:
        if key not in self._files:
            self.not_found.append(key)
            return b"HTTP/1.1 403 Forbidden\r\nContent-Length: 0\r\n\r\n"
        file = self._files[key]
        lines = {
            "Content-Type": file.content_type,
            "Cache-Control": file.cache_control,
            "Content-Length": len(file.body),
            **self._headers,
        }
        head = "".join(f"{name}: {value}\r\n" for name, value in lines.items())
        return f"HTTP/1.1 200 OK\r\n{head}\r\n".encode() + file.body

    async def _pass_on(self, head: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        """Send a handshake to the engine, with all its headers but Host, and then whatever comes."""
        host, port = str(self._engine.hostname), self._engine.port
        far_reader, far_writer = await asyncio.open_connection(host, port)
        head = head.replace(f"/{STAGE}", self._engine.path, 1)
        far_writer.write(re.sub(r"(?im)^host:.*?\r$", f"Host: {host}:{port}\r", head).encode())
        back = asyncio.create_task(pipe(far_reader, writer))
        await pipe(reader, far_writer)
        far_writer.close()
        await back


async def pipe(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    with contextlib.suppress(OSError):
        while data := await reader.read(65536):
            writer.write(data)
            await writer.drain()


def headers() -> dict[str, str]:
    """Return the headers that site.yaml adds to each file."""
    written = yaml_parse((ROOT / "site.yaml").read_text())
    given = {"ApiDomain": "abc.test", "StageName": STAGE, "Domain": "", "CertificateArn": ""}
    site = Resolver(written, given, "us-east-1")
    config = site.properties("Headers")["ResponseHeadersPolicyConfig"]
    security = config["SecurityHeadersConfig"]
    return {
        "Content-Security-Policy": security["ContentSecurityPolicy"]["ContentSecurityPolicy"],
        "X-Content-Type-Options": "nosniff",
        "X-Frame-Options": security["FrameOptions"]["FrameOption"],
        "Referrer-Policy": security["ReferrerPolicy"]["ReferrerPolicy"],
        **{header["Header"]: header["Value"] for header in config["CustomHeadersConfig"]["Items"]},
    }
