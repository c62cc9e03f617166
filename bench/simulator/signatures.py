"""Check AWS Signature Version 4, written from its description rather than from a signer's code.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv-create-signed-request.html
"""

from __future__ import annotations

import hashlib
import hmac
import re
import time
from calendar import timegm
from collections.abc import Callable, Sequence
from urllib.parse import quote_from_bytes

from bench.simulator.settings import Settings

SERVICE = "execute-api"
# API Gateway: "Signature expired: 20170517T062414Z is now earlier than 20170517T062840Z (... - 5 min.)", in
# https://repost.aws/knowledge-center/api-gateway-iam-sigv4-mismatch and reports of it.
MAX_SKEW = 300  # seconds

_AUTHORIZATION = re.compile(
    r"AWS4-HMAC-SHA256 +Credential=([^ ,]+), *SignedHeaders=([a-z0-9;_-]+), *Signature=([0-9a-f]{64})"
)


class SignatureVerifier:
    """Verify signatures of one pair of keys. `now` is in seconds since 1970, UTC."""

    def __init__(self, settings: Settings, now: Callable[[], float] = time.time) -> None:
        self._access_key = settings.access_key
        self._secret_key = settings.secret_key
        self._session_token = settings.session_token
        self._region = settings.region
        self._now = now
        self._dates: dict[str, float] = {}  # the newest x-amz-date only: parsing takes long
        self._keys: dict[str, bytes] = {}  # the newest date's

    def error(
        self, method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], body: bytes
    ) -> str | None:
        """Return what is wrong with the signature. `target` is the path as sent.

        None if the signature is right.
        """
        sent: dict[str, list[bytes]] = {}
        for name, value in headers:
            sent.setdefault(name.decode("latin-1").lower(), []).append(value)
        values = {name: b",".join(map(_trimmed, values)) for name, values in sent.items()}
        found = _AUTHORIZATION.fullmatch(values.get("authorization", b"").decode("latin-1"))
        if found is None:
            return "authorization missing or malformed"
        credential, names, signature = found[1], found[2].split(";"), found[3]
        date = values.get("x-amz-date", b"").decode("latin-1")
        scope = f"{date[:8]}/{self._region}/{SERVICE}/aws4_request"
        if credential != f"{self._access_key}/{scope}":
            return "credential has another key, date, region or service"
        token = None if self._session_token is None else self._session_token.encode()
        if values.get("x-amz-security-token") != token:
            return "security token does not match"
        if not self._is_fresh(date):
            return "date is not within five minutes"
        if names != sorted(set(names)) or not set(names) <= values.keys():
            return "signed headers missing or out of order"
        if missing := {"host", *(name for name in values if name.startswith("x-amz-"))}.difference(names):
            return f"unsigned header {min(missing)}"
        payload = hashlib.sha256(body).hexdigest()
        if values.get("x-amz-content-sha256", payload.encode()) != payload.encode():
            return "payload hash does not match"
        canonical = _canonical(method, target, [(name, values[name]) for name in names], payload)
        text = f"AWS4-HMAC-SHA256\n{date}\n{scope}\n{hashlib.sha256(canonical).hexdigest()}"
        expected = hmac.digest(self._key(date[:8]), text.encode(), "sha256").hex()
        return None if expected == signature else "signature does not match"

    def _is_fresh(self, date: str) -> bool:
        if date not in self._dates:
            try:
                self._dates = {date: timegm(time.strptime(date, "%Y%m%dT%H%M%SZ"))}
            except ValueError:
                return False
        return abs(self._now() - self._dates[date]) <= MAX_SKEW

    def _key(self, day: str) -> bytes:
        if day not in self._keys:
            key = b"AWS4" + self._secret_key.encode()
            for part in (day, self._region, SERVICE, "aws4_request"):
                key = hmac.digest(key, part.encode(), "sha256")
            self._keys = {day: key}
        return self._keys[day]


def _canonical(method: str, target: bytes, headers: Sequence[tuple[str, bytes]], payload: str) -> bytes:
    """Return the canonical request of signed headers, which are in order, and the payload's hash."""
    # Every service but S3 escapes the path again: %3D becomes %253D.
    path = quote_from_bytes(target, safe="/-_.~")
    signed = ";".join(name for name, _ in headers)
    return b"\n".join(
        (
            f"{method}\n{path}\n".encode(),
            *(name.encode() + b":" + value for name, value in headers),
            f"\n{signed}\n{payload}".encode(),
        )
    )


def _trimmed(value: bytes) -> bytes:
    return b" ".join(value.split())
