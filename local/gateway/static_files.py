"""The web client's files, served as a static host would."""

from __future__ import annotations

import gzip
import hashlib
from functools import lru_cache
from pathlib import Path
from urllib.parse import unquote

from local.net.http_server import Request, Response

# Not the mimetypes module: its table differs between machines, and a page must not depend on that.
_TYPES = {
    ".css": "text/css; charset=utf-8",
    ".html": "text/html; charset=utf-8",
    ".ico": "image/x-icon",
    ".js": "text/javascript; charset=utf-8",
    ".json": "application/json",
    ".mjs": "text/javascript; charset=utf-8",
    ".png": "image/png",
    ".svg": "image/svg+xml",
    ".txt": "text/plain; charset=utf-8",
    ".webmanifest": "application/manifest+json",
    ".woff2": "font/woff2",
}

_HEADERS = (
    # An edited file must show after a reload, so browsers ask each time. With `no-store` they would fetch all
    # of it again, and Back would load the page again.
    ("Cache-Control", "no-cache"),
    ("Vary", "Accept-Encoding"),
    ("X-Content-Type-Options", "nosniff"),
    ("X-Frame-Options", "DENY"),
    ("Referrer-Policy", "no-referrer"),  # the URL of a page may have a token
    ("Cross-Origin-Resource-Policy", "same-origin"),
)

_COMPRESSED = (".css", ".html", ".js", ".json", ".mjs", ".svg", ".txt", ".webmanifest")


class StaticFiles:
    """The files below a folder; the path of a folder is its index.html."""

    def __init__(self, root: Path) -> None:
        self._root = root.resolve()

    def get(self, request: Request) -> Response | None:
        """Return the file at the request's path. None if it is hidden or not a file below the folder."""
        segments = unquote(request.path).split("/")[1:]
        if any(segment.startswith(".") or "\0" in segment or "\\" in segment for segment in segments):
            return None
        file = self._root.joinpath(*(segment for segment in segments if segment))
        if not segments[-1:] or not segments[-1]:
            file = file / "index.html"
        try:
            file = file.resolve()  # a link may point outside the folder
            if not file.is_relative_to(self._root) or not file.is_file():
                return None
            content = file.read_bytes()
        except OSError:  # a name too long for the file system, a file without read permission
            return None
        content_type = _TYPES.get(file.suffix.lower(), "application/octet-stream")
        etag = f'"{hashlib.sha256(content).hexdigest()[:16]}"'
        headers = (("Content-Type", content_type), ("ETag", etag), *_HEADERS)
        if request.header("If-None-Match") == etag:
            return Response(304, b"", headers)
        if file.suffix.lower() in _COMPRESSED and "gzip" in (request.header("Accept-Encoding") or ""):
            return Response(200, _compressed(content), (("Content-Encoding", "gzip"), *headers))
        return Response(200, content, headers)


@lru_cache(maxsize=256)
def _compressed(content: bytes) -> bytes:
    return gzip.compress(content, mtime=0)
