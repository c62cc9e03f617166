"""An issuer of tokens: the keys it signs with, its tokens, and the server that publishes its keys."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import hmac
import json
import threading
import time
from collections.abc import Mapping
from functools import cache
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from tests.support.waiting import TIMEOUT

ISSUER = "https://issuer.example.com/"
AUDIENCE = "roomcast"
SECRET = "a secret that nobody else knows, longer than the 32 bytes that HS256 asks for"


@cache
def rsa_key(name: str = "one", bits: int = 2048) -> rsa.RSAPrivateKey:
    """A key of one's own for each name."""
    return rsa.generate_private_key(public_exponent=65_537, key_size=bits)


@cache
def ec_key(name: str = "one", curve: ec.EllipticCurve | None = None) -> ec.EllipticCurvePrivateKey:
    return ec.generate_private_key(curve or ec.SECP256R1())


def pem(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey) -> bytes:
    """Its public half, as everybody has it."""
    return key.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)


def published(key: rsa.RSAPrivateKey | ec.EllipticCurvePrivateKey, **members: Any) -> dict[str, Any]:
    """Its public half as a member of a key set; a member that is `...` is left out."""
    algorithm = jwt.get_algorithm_by_name("RS256" if isinstance(key, rsa.RSAPrivateKey) else "ES256")
    as_jwk: dict[str, Any] = algorithm.to_jwk(key.public_key(), as_dict=True)
    as_jwk.pop("key_ops", None)
    return _without({**as_jwk, "use": "sig", **members})


def claims(**changes: Any) -> dict[str, Any]:
    """Those of a good token, with these changes; one that is `...` is left out."""
    good = {"iss": ISSUER, "aud": AUDIENCE, "sub": "ada-1", "name": "Ada", "exp": int(time.time()) + 3600}
    return _without(good | changes)


def token(key: Any = SECRET, algorithm: str = "HS256", *, kid: str | None = None, **changes: Any) -> str:
    """A token that is good but for these changes to its claims."""
    return signed(claims(**changes), key, algorithm, kid=kid)


def signed(payload: Mapping[str, Any], key: Any, algorithm: str, *, kid: str | None = None) -> str:
    return jwt.encode(dict(payload), key, algorithm, headers={"kid": kid} if kid else None)


def forged(header: Any, payload: Any, mac: bytes | None = None) -> str:
    """A token of any parts at all; its signature is a MAC with these bytes, or is made up."""
    body = ".".join(_encoded(part if isinstance(part, bytes) else _json(part)) for part in (header, payload))
    signature = b"signature" if mac is None else hmac.new(mac, body.encode(), hashlib.sha256).digest()
    return f"{body}.{_encoded(signature)}"


class KeySetServer:
    """Publishes a set of keys on loopback, and counts the requests.

    `status`, `headers` and `body` are its answer; `asked_with` are the headers of the last request. While
    `hold` is clear, clients wait.
    `byte_by_byte`: seconds before each byte.
    """

    def __init__(self, *keys: Mapping[str, Any]) -> None:
        self.keys = list(keys)
        self.status = 200
        self.body: bytes | None = None
        self.headers: dict[str, str] = {}
        self.asked_with: dict[str, str] = {}
        self.byte_by_byte = 0.0
        self.fetches = 0
        self.most_at_once = 0
        self.hold = threading.Event()
        self.hold.set()
        self._at_once = 0
        self._lock = threading.Lock()
        publisher = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                publisher._answer(self)

            def log_message(self, format: str, *args: Any) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}/.well-known/jwks.json?v=1"
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.01,))
        self._thread.start()

    def _answer(self, request: BaseHTTPRequestHandler) -> None:
        with self._lock:
            self.fetches += 1
            self.asked_with = {name.lower(): value for name, value in request.headers.items()}
            self._at_once += 1
            self.most_at_once = max(self.most_at_once, self._at_once)
        self.hold.wait(TIMEOUT)
        body = _json({"keys": self.keys}) if self.body is None else self.body
        request.send_response(self.status if request.path == "/.well-known/jwks.json?v=1" else 404)
        for name, value in {"Content-Length": str(len(body)), **self.headers}.items():
            request.send_header(name, value)
        request.end_headers()
        with contextlib.suppress(OSError):  # the client may not wait for all of it
            for part in [body[at : at + 1] for at in range(len(body))] if self.byte_by_byte else [body]:
                request.wfile.write(part)
                time.sleep(self.byte_by_byte)
        with self._lock:
            self._at_once -= 1

    def close(self) -> None:
        self.hold.set()
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def _without(values: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in values.items() if value is not ...}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def _encoded(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
