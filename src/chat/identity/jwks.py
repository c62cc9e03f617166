"""The public keys that an issuer of tokens publishes as a JSON Web Key Set (RFC 7517).

Not PyJWT's PyJWKClient (2.15): it drops keys after their lifetime even if the issuer is down, asks an issuer
that is down again for every token, needs a `kid`, and limits neither size nor total time of an answer.
"""

from __future__ import annotations

import json
import ssl
import time
from collections.abc import Callable, Mapping, Sequence
from http.client import HTTPConnection, HTTPException, HTTPSConnection
from typing import Any
from urllib.parse import SplitResult, urlsplit

import jwt

from chat.identity.signing_keys import Key, KeysUnavailable, SigningKeys

LIFETIME = 60 * 60  # seconds that keys are trusted; a token with an unknown key fetches at once
TIMEOUT = 3  # seconds for the issuer's answer: a client waits for it
MAX_SIZE = 256 * 1024  # bytes; the largest sets in use have some 30 KB
# Without these, http.client names no program, and some firewalls in front of issuers answer 403 to that
# (https://github.com/jpadilla/pyjwt/issues/1121).
HEADERS = {"User-Agent": "Roomcast", "Accept": "application/json, application/jwk-set+json"}
LOOPBACK = ("127.0.0.1", "localhost", "::1")


def jwks_keys(url: str, *, timeout: float = TIMEOUT, now: Callable[[], float] = time.time) -> SigningKeys:
    """Return the keys for RS256 and ES256 that are published at a URL. An answer may take `timeout` seconds.

    Raises ValueError if the URL is neither https:// nor of this machine: anybody on the way could answer.
    """
    source = urlsplit(url)
    if not source.hostname or source.port == 0:  # a port that is not a number is a ValueError, too
        raise ValueError("the URL of the issuer's keys names no host")
    if source.scheme != "https" and not (source.scheme == "http" and source.hostname in LOOPBACK):
        raise ValueError("the URL of the issuer's keys has to begin with https://")
    return SigningKeys(lambda: read(_get(source, timeout)), ("RS256", "ES256"), lifetime=LIFETIME, now=now)


def read(body: bytes) -> Sequence[Key]:
    """Return the keys of a set that check signatures; it may have others, too. Raises KeysUnavailable."""
    try:
        document = json.loads(body)
    except (ValueError, RecursionError) as error:
        raise KeysUnavailable("the issuer's answer is not JSON") from error
    listed = document.get("keys") if isinstance(document, dict) else None
    keys = [key for published in listed if (key := _key(published))] if isinstance(listed, list) else []
    if not keys:
        raise KeysUnavailable("the issuer's answer has no key for RS256 or ES256")
    return keys


def _key(published: object) -> Key | None:
    """Read the public half of a key. Its type alone decides the algorithm, not its `alg`."""
    parts: dict[str, Any]
    match published:
        case {"kty": "RSA", "n": str(n), "e": str(e)}:
            algorithm, parts = "RS256", {"kty": "RSA", "n": n, "e": e}
        case {"kty": "EC", "crv": "P-256", "x": str(x), "y": str(y)}:
            algorithm, parts = "ES256", {"kty": "EC", "crv": "P-256", "x": x, "y": y}
        case _:
            return None
    assert isinstance(published, Mapping)
    kid = published.get("kid")
    meant_for = published.get("use", "sig"), published.get("alg", algorithm)
    if meant_for != ("sig", algorithm) or not isinstance(kid, str | None):
        return None
    try:
        key = jwt.PyJWK(parts, algorithm)
    except jwt.PyJWTError:  # the numbers are not a key
        return None
    too_short = key.Algorithm.check_key_length(key.key)
    return None if too_short else Key(algorithm, kid, key)


def _get(source: SplitResult, timeout: float) -> bytes:
    """Return the body at a URL. A redirect could lead anywhere, so it is an error."""
    deadline = time.monotonic() + timeout
    host = source.netloc.rpartition("@")[2]
    connection = (
        HTTPSConnection(host, timeout=timeout, context=ssl.create_default_context())
        if source.scheme == "https"
        else HTTPConnection(host, timeout=timeout)
    )
    try:
        path = source._replace(scheme="", netloc="", fragment="").geturl() or "/"
        connection.request("GET", path, headers=HEADERS)
        answer = connection.getresponse()
        if answer.status != 200:
            raise KeysUnavailable(f"the issuer answers {answer.status}")
        body = b""
        while chunk := answer.read1(MAX_SIZE):
            body += chunk
            if len(body) > MAX_SIZE or time.monotonic() > deadline:
                raise KeysUnavailable("the issuer's answer is too long, or takes too long")
        return body
    except (OSError, ValueError, HTTPException) as error:
        raise KeysUnavailable(f"the issuer does not answer: {error!r}") from error
    finally:
        connection.close()
