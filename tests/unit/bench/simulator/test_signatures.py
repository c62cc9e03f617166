"""The signature check, compared with botocore's signer."""

from __future__ import annotations

import time
from urllib.parse import quote, urlsplit

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from bench.simulator.settings import Settings
from bench.simulator.signatures import SignatureVerifier

HOST = "abc123.execute-api.eu-west-1.amazonaws.com"
SETTINGS = Settings(region="eu-west-1", access_key="AKID", secret_key="secret+/key", session_token=None)
WITH_TOKEN = SETTINGS.changed({"session_token": "a/token+=="})

type Headers = dict[str, str]


def signed(
    connection_id: str,
    body: bytes = b"Hi",
    settings: Settings = SETTINGS,
    *,
    service: str = "execute-api",
    more: Headers | None = None,
) -> tuple[bytes, Headers]:
    """Return the target and headers of a post, as botocore signs it."""
    url = f"https://{HOST}/prod/@connections/{quote(connection_id, safe='')}"
    request = AWSRequest(method="POST", url=url, data=body, headers={"Host": HOST, **(more or {})})
    credentials = Credentials(settings.access_key, settings.secret_key, settings.session_token)
    SigV4Auth(credentials, service, settings.region).add_auth(request)
    return urlsplit(url).path.encode(), dict(request.headers)


def error(
    target: bytes,
    headers: Headers,
    body: bytes = b"Hi",
    settings: Settings = SETTINGS,
    *,
    method: str = "POST",
    seconds_later: float = 0,
) -> str | None:
    verifier = SignatureVerifier(settings, now=lambda: time.time() + seconds_later)
    raw = [(name.encode(), value.encode()) for name, value in headers.items()]
    return verifier.error(method, target, raw, body)


@pytest.mark.parametrize(
    "connection_id",
    [
        "aBcDeFgHoAMCJ9w=",
        "a+b/c==",
        "plain",
        "-._~",
        "ü💬",
        "a b",
        "100%",
        "%3D",
        "a:b@c!$&'()*,;",
        'q"<>\\^`{|}',
    ],
)
@pytest.mark.parametrize("body", [b"Hi", b"", "é💬\x00".encode(), b"x" * 40_000])
def test_botocores_signatures_are_valid(connection_id: str, body: bytes) -> None:
    assert error(*signed(connection_id, body), body) is None


def test_a_session_token_is_part_of_the_signature() -> None:
    target, headers = signed("c1=", settings=WITH_TOKEN)
    assert headers["X-Amz-Security-Token"] == "a/token+=="
    assert error(target, headers, settings=WITH_TOKEN) is None
    assert error(target, headers) == "security token does not match"
    assert error(*signed("c1="), settings=WITH_TOKEN) == "security token does not match"
    forged = {**signed("c1=")[1], "X-Amz-Security-Token": "a/token+=="}
    assert error(target, forged, settings=WITH_TOKEN) == "unsigned header x-amz-security-token"


def test_another_path_body_or_method_is_an_error() -> None:
    target, headers = signed("c1=")
    assert error(target, headers, b"Ho") == "signature does not match"
    assert error(target.replace(b"c1", b"c2"), headers) == "signature does not match"
    assert error(target.replace(b"%3D", b"="), headers) == "signature does not match"
    assert error(target, headers, method="DELETE") == "signature does not match"


def test_another_host_or_date_than_was_signed_is_an_error() -> None:
    target, headers = signed("c1=")
    assert error(target, {**headers, "Host": "other"}) == "signature does not match"
    date = headers["X-Amz-Date"]
    another_second = f"{date[:-2]}{(int(date[-2]) + 1) % 10}Z"
    assert error(target, {**headers, "X-Amz-Date": another_second}) == "signature does not match"


def test_one_digit_of_the_signature_matters() -> None:
    target, headers = signed("c1=")
    digit = "1" if headers["Authorization"].endswith("0") else "0"
    assert (
        error(target, {**headers, "Authorization": headers["Authorization"][:-1] + digit})
        == "signature does not match"
    )


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"secret_key": "other"}, "signature does not match"),
        ({"access_key": "OTHER"}, "credential has another key, date, region or service"),
        ({"region": "us-east-1"}, "credential has another key, date, region or service"),
    ],
)
def test_another_key_or_region_is_an_error(other: dict[str, str], reason: str) -> None:
    target, headers = signed("c1=", settings=SETTINGS.changed(other))
    assert error(target, headers) == reason


def test_another_service_is_an_error() -> None:
    target, headers = signed("c1=", service="lambda")
    assert error(target, headers) == "credential has another key, date, region or service"


@pytest.mark.parametrize(("seconds", "reason"), [(298, None), (302, "date is not within five minutes")])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_signature_is_valid_for_five_minutes(seconds: int, reason: str | None, direction: int) -> None:
    assert error(*signed("c1="), seconds_later=direction * seconds) == reason


def test_unsigned_headers_may_have_any_value_unless_they_begin_with_x_amz() -> None:
    target, headers = signed("c1=")
    assert error(target, {**headers, "User-Agent": "other"}) is None
    assert error(target, {**headers, "X-Amz-Other": "x"}) == "unsigned header x-amz-other"


def test_signed_headers_are_compared_without_their_spaces() -> None:
    target, headers = signed("c1=", more={"X-Amz-Other": "a   b"})
    assert error(target, headers) is None
    assert error(target, {**headers, "X-Amz-Other": " a b "}) is None
    assert error(target, {**headers, "X-Amz-Other": "ab"}) == "signature does not match"


def test_a_wrong_payload_hash_is_an_error_even_if_signed() -> None:
    target, headers = signed("c1=", more={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert error(target, headers) == "payload hash does not match"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=, Signature=b",
    ],
)
def test_a_missing_signature_is_an_error(authorization: str) -> None:
    target, headers = signed("c1=")
    headers["Authorization"] = authorization
    assert error(target, headers) == "authorization missing or malformed"


def test_an_unsigned_host_is_an_error() -> None:
    target, headers = signed("c1=")
    headers["Authorization"] = headers["Authorization"].replace("host;", "")
    assert error(target, headers) == "unsigned header host"


def test_an_invalid_date_is_an_error() -> None:
    target, headers = signed("c1=")
    assert (
        error(target, {**headers, "X-Amz-Date": headers["X-Amz-Date"][:8]})
        == "date is not within five minutes"
    )
