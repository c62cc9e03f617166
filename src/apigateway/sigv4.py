"""AWS Signature Version 4, computed once for many posts of one frame.

botocore signs a request in about a hundred microseconds, most of them for what is the same in all requests.
Here the key is derived once a day and a frame is hashed once. What remains per connection is its path: two
SHA-256 of a few hundred bytes.
https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import os
import re
import time
from collections.abc import Mapping
from dataclasses import dataclass
from functools import lru_cache
from urllib.parse import quote

_EMPTY_QUERY = ""
_ID = re.compile(r"[A-Za-z0-9._~=-]*")


@dataclass(frozen=True, slots=True)
class Credentials:
    access_key: str
    secret_key: str
    token: str | None

    @classmethod
    def from_environment(cls) -> Credentials:
        """Return those of AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY and AWS_SESSION_TOKEN.

        Read again each time, because Lambda may replace them in a long-lived process. Raises KeyError if one
        is missing.
        """
        return cls(
            os.environ["AWS_ACCESS_KEY_ID"],
            os.environ["AWS_SECRET_ACCESS_KEY"],
            os.environ.get("AWS_SESSION_TOKEN") or None,
        )


@dataclass(frozen=True, slots=True)
class SigningTime:
    """A request's time, in the two forms that a signature needs."""

    full: str  # 20261124T062001Z
    day: str

    @classmethod
    def at(cls, seconds: float) -> SigningTime:
        full = time.strftime("%Y%m%dT%H%M%SZ", time.gmtime(seconds))
        return cls(full, full[:8])


class Signer:
    """Signs for one service in one Region."""

    def __init__(self, service: str, region: str) -> None:
        self._service = service
        self._region = region

    def headers(
        self,
        credentials: Credentials,
        at: SigningTime,
        *,
        method: str,
        path: str,
        headers: Mapping[str, str],
        body: bytes,
    ) -> dict[str, str]:
        """Return `headers` with those that sign the request.

        `headers` include `host`, and their names are in lower case. `path` is as it is sent: escaped once.
        """
        signed = self._signed_headers(credentials, at, headers)
        canonical = _canonical(method, quote(path, safe="/~"), signed, hashlib.sha256(body).hexdigest())
        return signed | {"authorization": self._authorization(credentials, at, signed, canonical.encode())}

    def template(
        self, credentials: Credentials, at: SigningTime, *, host: str, prefix: str, body: bytes
    ) -> PostTemplate:
        """Return a template for POSTs of one body to `prefix` and any last part of a path."""
        signed = self._signed_headers(credentials, at, {"host": host})
        mark = "\0"
        canonical = _canonical(
            "POST", quote(prefix, safe="/~") + mark, signed, hashlib.sha256(body).hexdigest()
        )
        before, _, after = canonical.partition(mark)
        return PostTemplate(self, credentials, at, signed, prefix, before.encode(), after.encode(), body)

    def _authorization(
        self, credentials: Credentials, at: SigningTime, signed: Mapping[str, str], canonical: bytes
    ) -> str:
        prefix, key, to_sign = self.parts(credentials, at, signed)
        digest = hashlib.sha256(canonical).hexdigest()
        return prefix + hmac.digest(key, (to_sign + digest).encode(), "sha256").hex()

    def parts(
        self, credentials: Credentials, at: SigningTime, signed: Mapping[str, str]
    ) -> tuple[str, bytes, str]:
        """Return what all signatures of one time share: the header's start, the key, the text to sign."""
        scope = f"{at.day}/{self._region}/{self._service}/aws4_request"
        prefix = (
            f"AWS4-HMAC-SHA256 Credential={credentials.access_key}/{scope}, "
            f"SignedHeaders={';'.join(sorted(signed))}, Signature="
        )
        key = _derived_key(credentials.secret_key, at.day, self._region, self._service)
        return prefix, key, f"AWS4-HMAC-SHA256\n{at.full}\n{scope}\n"

    @staticmethod
    def _signed_headers(
        credentials: Credentials, at: SigningTime, headers: Mapping[str, str]
    ) -> dict[str, str]:
        signed = {**headers, "x-amz-date": at.full}
        return signed if credentials.token is None else signed | {"x-amz-security-token": credentials.token}


class PostTemplate:
    """One body, signed for any number of paths. Valid for five minutes, AWS's tolerance of clocks."""

    def __init__(
        self,
        signer: Signer,
        credentials: Credentials,
        at: SigningTime,
        signed: Mapping[str, str],
        prefix: str,
        before: bytes,
        after: bytes,
        body: bytes,
    ) -> None:
        authorization, key, to_sign = signer.parts(credentials, at, signed)
        self._inner, self._outer = _hmac_states(key)
        self._inner.update(to_sign.encode())
        self._before = before
        self._after = after
        self._start = f"POST {prefix}".encode()
        fixed = "".join(f"{name}: {value}\r\n" for name, value in signed.items())
        self._middle = (
            f" HTTP/1.1\r\n{fixed}content-length: {len(body)}\r\nauthorization: {authorization}"
        ).encode()
        self._end = b"\r\n\r\n" + body

    def request(self, part: str) -> bytes:
        """Return the whole request for the path that ends in `part`, which is escaped here."""
        # The ids of API Gateway have no other sign to escape than "=".
        once = part.replace("=", "%3D") if _ID.fullmatch(part) else quote(part, safe="-._~")
        # The canonical path is escaped twice. Only percent signs are left to escape the second time.
        canonical = self._before + once.replace("%", "%25").encode() + self._after
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(hashlib.sha256(canonical).hexdigest().encode())
        outer.update(inner.digest())
        return b"".join((self._start, once.encode(), self._middle, outer.hexdigest().encode(), self._end))


def _canonical(method: str, path: str, headers: Mapping[str, str], body_hash: str) -> str:
    lines = "".join(f"{name}:{headers[name].strip()}\n" for name in sorted(headers))
    return f"{method}\n{path}\n{_EMPTY_QUERY}\n{lines}\n{';'.join(sorted(headers))}\n{body_hash}"


def _hmac_states(key: bytes) -> tuple[hashlib._Hash, hashlib._Hash]:
    """Return the two SHA-256 of an HMAC with its key alone (RFC 2104), to be copied for each text.

    A copy of both takes a third of the time of `hmac.digest`, for which OpenSSL sets up the key each time.
    """
    padded = key.ljust(hashlib.sha256().block_size, b"\0")
    inner, outer = bytes(byte ^ 0x36 for byte in padded), bytes(byte ^ 0x5C for byte in padded)
    return hashlib.sha256(inner), hashlib.sha256(outer)


@lru_cache(maxsize=8)
def _derived_key(secret: str, day: str, region: str, service: str) -> bytes:
    key = ("AWS4" + secret).encode()
    for part in (day, region, service, "aws4_request"):
        key = hmac.digest(key, part.encode(), "sha256")
    return key
