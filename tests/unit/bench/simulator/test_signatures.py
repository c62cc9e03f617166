"""The signature check, held against botocore's signer."""

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
    """The target and headers of a post, as botocore signs it."""
    url = f"https://{HOST}/prod/@connections/{quote(connection_id, safe='')}"
    request = AWSRequest(method="POST", url=url, data=body, headers={"Host": HOST, **(more or {})})
    credentials = Credentials(settings.access_key, settings.secret_key, settings.session_token)
    SigV4Auth(credentials, service, settings.region).add_auth(request)
    return urlsplit(url).path.encode(), dict(request.headers)


def refusal(
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
    return verifier.refusal(method, target, raw, body)


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
def test_what_botocore_signs_is_right(connection_id: str, body: bytes) -> None:
    assert refusal(*signed(connection_id, body), body) is None


def test_a_session_token_is_part_of_it() -> None:
    target, headers = signed("c1=", settings=WITH_TOKEN)
    assert headers["X-Amz-Security-Token"] == "a/token+=="
    assert refusal(target, headers, settings=WITH_TOKEN) is None
    assert refusal(target, headers) == "security token"
    assert refusal(*signed("c1="), settings=WITH_TOKEN) == "security token"
    forged = {**signed("c1=")[1], "X-Amz-Security-Token": "a/token+=="}
    assert refusal(target, forged, settings=WITH_TOKEN) == "unsigned header x-amz-security-token"


def test_another_path_body_or_method_is_refused() -> None:
    target, headers = signed("c1=")
    assert refusal(target, headers, b"Ho") == "signature"
    assert refusal(target.replace(b"c1", b"c2"), headers) == "signature"
    assert refusal(target.replace(b"%3D", b"="), headers) == "signature"
    assert refusal(target, headers, method="DELETE") == "signature"


def test_another_host_or_date_than_was_signed_is_refused() -> None:
    target, headers = signed("c1=")
    assert refusal(target, {**headers, "Host": "other"}) == "signature"
    date = headers["X-Amz-Date"]
    another_second = f"{date[:-2]}{(int(date[-2]) + 1) % 10}Z"
    assert refusal(target, {**headers, "X-Amz-Date": another_second}) == "signature"


def test_one_digit_of_the_signature_matters() -> None:
    target, headers = signed("c1=")
    digit = "1" if headers["Authorization"].endswith("0") else "0"
    assert refusal(target, {**headers, "Authorization": headers["Authorization"][:-1] + digit}) == "signature"


@pytest.mark.parametrize(
    ("other", "reason"),
    [
        ({"secret_key": "other"}, "signature"),
        ({"access_key": "OTHER"}, "credential of another key, date, region or service"),
        ({"region": "us-east-1"}, "credential of another key, date, region or service"),
    ],
)
def test_another_key_or_region_is_refused(other: dict[str, str], reason: str) -> None:
    target, headers = signed("c1=", settings=SETTINGS.changed(other))
    assert refusal(target, headers) == reason


def test_another_service_is_refused() -> None:
    target, headers = signed("c1=", service="lambda")
    assert refusal(target, headers) == "credential of another key, date, region or service"


@pytest.mark.parametrize(("seconds", "reason"), [(298, None), (302, "date is not within five minutes")])
@pytest.mark.parametrize("direction", [1, -1])
def test_a_signature_is_good_for_five_minutes(seconds: int, reason: str | None, direction: int) -> None:
    assert refusal(*signed("c1="), seconds_later=direction * seconds) == reason


def test_headers_that_are_not_signed_may_be_anything_unless_they_are_of_amazon() -> None:
    target, headers = signed("c1=")
    assert refusal(target, {**headers, "User-Agent": "other"}) is None
    assert refusal(target, {**headers, "X-Amz-Other": "x"}) == "unsigned header x-amz-other"


def test_signed_headers_are_compared_without_their_spaces() -> None:
    target, headers = signed("c1=", more={"X-Amz-Other": "a   b"})
    assert refusal(target, headers) is None
    assert refusal(target, {**headers, "X-Amz-Other": " a b "}) is None
    assert refusal(target, {**headers, "X-Amz-Other": "ab"}) == "signature"


def test_a_wrong_payload_hash_is_refused_even_if_signed() -> None:
    target, headers = signed("c1=", more={"X-Amz-Content-SHA256": "UNSIGNED-PAYLOAD"})
    assert refusal(target, headers) == "payload hash"


@pytest.mark.parametrize(
    "authorization",
    [
        "",
        "Bearer x",
        "AWS4-HMAC-SHA256 Credential=x",
        "AWS4-HMAC-SHA256 Credential=a, SignedHeaders=, Signature=b",
    ],
)
def test_no_signature_is_refused(authorization: str) -> None:
    target, headers = signed("c1=")
    headers["Authorization"] = authorization
    assert refusal(target, headers) == "no authorization, or malformed"


def test_a_host_that_is_not_signed_is_refused() -> None:
    target, headers = signed("c1=")
    headers["Authorization"] = headers["Authorization"].replace("host;", "")
    assert refusal(target, headers) == "unsigned header host"


def test_a_date_that_is_none_is_refused() -> None:
    target, headers = signed("c1=")
    assert (
        refusal(target, {**headers, "X-Amz-Date": headers["X-Amz-Date"][:8]})
        == "date is not within five minutes"
    )
