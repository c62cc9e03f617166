"""An nginx that answers every POST with an empty 200 over TLS: the minimum that a server can do."""

from __future__ import annotations

import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from dataclasses import dataclass
from pathlib import Path
from socket import create_connection, socket
from tempfile import TemporaryDirectory

from bench.simulator import certificate

_START_TIMEOUT = 10.0  # seconds until nginx listens
# One worker: clients are compared by CPU time, and several workers would take all cores from them.
_CONFIGURATION = """\
daemon off;
worker_processes 1;
pid {folder}/nginx.pid;
error_log {folder}/error.log;
events {{ worker_connections 2048; }}
http {{
  access_log off;
  keepalive_requests 100000000;
  keepalive_timeout 300s;
  client_body_temp_path {folder}/body;
  proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/fastcgi;
  uwsgi_temp_path {folder}/uwsgi;
  scgi_temp_path {folder}/scgi;
  server {{
    listen 127.0.0.1:{port} ssl backlog=1024;
    ssl_certificate {folder}/ca.pem;
    ssl_certificate_key {folder}/key.pem;
    location / {{ return 200 ""; }}
  }}
}}
"""


@dataclass(frozen=True, slots=True)
class Sink:
    endpoint: str
    ca: str  # path of the certificate to trust


class NotInstalled(Exception):
    """A benchmark needs a program that is not installed; the message names its package."""


def find(program: str, package: str) -> str:
    """Return the path of a program. Raises NotInstalled."""
    found = shutil.which(program, path="/usr/local/sbin:/usr/sbin:/sbin:/usr/local/bin:/usr/bin:/bin")
    if found is None:
        raise NotInstalled(f"{program} is not installed (Debian: apt-get install {package})")
    return found


@contextmanager
def nginx() -> Iterator[Sink]:
    """Run nginx until the context ends. Raises NotInstalled, or RuntimeError if it does not start."""
    program = find("nginx", "nginx-light")
    with TemporaryDirectory(prefix="sink-") as name:
        folder = Path(name)
        certificate.make(folder)
        port = _free_port()
        configuration = folder / "nginx.conf"
        configuration.write_text(_CONFIGURATION.format(folder=folder, port=port))
        process = subprocess.Popen(
            [program, "-c", str(configuration), "-p", name, "-e", str(folder / "error.log")],
            stderr=subprocess.DEVNULL,
        )
        try:
            _wait_for(port, process, folder / "error.log")
            yield Sink(f"https://localhost:{port}/prod", str(folder / "ca.pem"))
        finally:
            process.terminate()
            process.wait()


def _free_port() -> int:
    with closing(socket()) as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def _wait_for(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    until = time.monotonic() + _START_TIMEOUT
    while time.monotonic() < until and process.poll() is None:
        try:
            create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.02)
        else:
            return
    raise RuntimeError(f"nginx did not start: {log.read_text() if log.exists() else ''}")
