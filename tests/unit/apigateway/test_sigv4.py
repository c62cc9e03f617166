"""Signatures against those of botocore, AWS's own."""

from __future__ import annotations

import asyncio
import random
from urllib.parse import quote, unquote

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials as BotocoreCredentials

from apigateway.client import ApiGateway, Frame
from apigateway.management import ManagementClient
from apigateway.outcomes import Delivered, Outcome
from apigateway.sigv4 import Credentials, Signer, SigningTime
from tests.support.fakes.management.server import ManagementServer

LONG_TERM = Credentials("AKIDEXAMPLE", "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY", None)
SESSION = Credentials("ASIAEXAMPLE", "secret/secret+secret", "token/with+signs=and" * 20)
TIMES = [
    SigningTime.at(0),
    SigningTime.at(1_795_500_000.9),
    SigningTime.at(1_795_564_799),
    SigningTime.at(1_795_564_800),
]
REGIONS = ["us-east-1", "eu-central-1", "cn-north-1", "us-gov-west-1", "ap-southeast-5"]
ENDPOINTS = [
    "https://a1b2c3d4e5.execute-api.us-east-1.amazonaws.com/prod",
    "https://a1b2c3d4e5.execute-api.cn-north-1.amazonaws.com.cn/stage_1-b",
    "https://chat.example.com",
    "https://chat.example.com/v1/rooms",
    "https://chat.example.com/a%20b",
    "http://127.0.0.1:8080/prod",
]
IDS = [
    "aBcDeFgHoAMCJ9w=", "Uk1dGHW3oAMFkKA=", "a/b", "a+b", "a%b", "a%3Db", "a b", "é💬", "~._-", "@$&,;:!*'()",
    "=",
]  # fmt: skip
BODIES = [b"", b"Hi", "é💬\n".encode(), b"\0" * 32_768]


def botocores(
    service: str, region: str, credentials: Credentials, at: SigningTime, request: AWSRequest
) -> str:
    """Return the Authorization header that botocore makes."""
    keys = BotocoreCredentials(credentials.access_key, credentials.secret_key, credentials.token)
    signer = SigV4Auth(keys, service, region)
    request.context["timestamp"] = at.full
    request.headers["X-Amz-Date"] = at.full
    if credentials.token is not None:
        request.headers["X-Amz-Security-Token"] = credentials.token
    signature = signer.signature(signer.string_to_sign(request, signer.canonical_request(request)), request)
    headers = signer.signed_headers(signer.headers_to_sign(request))
    scope = signer.scope(request)
    return f"AWS4-HMAC-SHA256 Credential={scope}, SignedHeaders={headers}, Signature={signature}"


def parsed(request: bytes) -> tuple[str, dict[str, str], bytes]:
    """Return the first line, the headers and the body."""
    head, _, body = request.partition(b"\r\n\r\n")
    first, *lines = head.decode().split("\r\n")
    headers = dict(line.split(": ", 1) for line in lines)
    assert len(headers) == len(lines)
    return first, headers, body


def check(
    credentials: Credentials, at: SigningTime, region: str, endpoint: str, connection_id: str, body: bytes
) -> None:
    host, slash, base = endpoint.partition("://")[2].partition("/")
    template = Signer("execute-api", region).template(
        credentials, at, host=host, prefix=f"{slash}{base}/@connections/", body=body
    )
    first, headers, sent = parsed(template.request(connection_id))
    path = f"{slash}{base}/@connections/{quote(connection_id, safe='-._~')}"
    request = AWSRequest("POST", f"{endpoint}/@connections/{quote(connection_id, safe='-._~')}", data=body)
    assert first == f"POST {path} HTTP/1.1"
    assert sent == body
    assert headers == {
        "host": host,
        "content-length": str(len(body)),
        "x-amz-date": at.full,
        "authorization": botocores("execute-api", region, credentials, at, request),
    } | ({} if credentials.token is None else {"x-amz-security-token": credentials.token})


@pytest.mark.parametrize("endpoint", ENDPOINTS)
@pytest.mark.parametrize("credentials", [LONG_TERM, SESSION], ids=["long-term", "session"])
def test_a_post_is_signed_as_botocore_signs_it(endpoint: str, credentials: Credentials) -> None:
    for at in TIMES:
        for region in REGIONS:
            for connection_id in IDS:
                check(credentials, at, region, endpoint, connection_id, b"Hi")
    for body in BODIES:
        check(credentials, TIMES[1], "us-east-1", endpoint, IDS[0], body)


def test_any_id_is_signed_as_botocore_signs_it() -> None:
    dice = random.Random(1)
    letters = [chr(code) for code in range(32, 127)] + list("äß中💬")
    for _ in range(1_000):
        connection_id = "".join(dice.choices(letters, k=dice.randint(1, 40)))
        check(SESSION, TIMES[1], dice.choice(REGIONS), dice.choice(ENDPOINTS), connection_id, b"Hi")


def test_one_template_serves_any_number_of_connections() -> None:
    template = Signer("execute-api", "us-east-1").template(
        LONG_TERM, TIMES[1], host="h", prefix="/prod/@connections/", body=b"Hi"
    )
    requests = {connection_id: template.request(connection_id) for connection_id in IDS}
    assert len(set(requests.values())) == len(IDS)
    assert {connection_id: template.request(connection_id) for connection_id in IDS} == requests
    for connection_id, request in requests.items():
        assert unquote(parsed(request)[0].split()[1]) == f"/prod/@connections/{connection_id}"


@pytest.mark.parametrize("credentials", [LONG_TERM, SESSION], ids=["long-term", "session"])
@pytest.mark.parametrize("region", REGIONS)
def test_a_request_to_dynamodb_is_signed_as_botocore_signs_it(credentials: Credentials, region: str) -> None:
    host = f"dynamodb.{region}.amazonaws.com"
    sent = {
        "host": host,
        "content-type": "application/x-amz-json-1.0",
        "x-amz-target": "DynamoDB_20120810.Query",
    }
    for at in TIMES:
        for body in BODIES:
            request = AWSRequest("POST", f"https://{host}/", data=body, headers=dict(sent))
            headers = Signer("dynamodb", region).headers(
                credentials, at, method="POST", path="/", headers=sent, body=body
            )
            expected = botocores("dynamodb", region, credentials, at, request)
            token = {} if credentials.token is None else {"x-amz-security-token": credentials.token}
            assert headers == {**sent, "x-amz-date": at.full, "authorization": expected, **token}


def test_a_path_is_signed_as_botocore_signs_it() -> None:
    for path in ("/", "/a%20b/c", "/@connections/a%3Db", "/%C3%A9"):
        request = AWSRequest("GET", f"https://example.com{path}")
        headers = Signer("any", "us-east-1").headers(
            LONG_TERM, TIMES[1], method="GET", path=path, headers={"host": "example.com"}, body=b""
        )
        assert headers["authorization"] == botocores("any", "us-east-1", LONG_TERM, TIMES[1], request)


def test_credentials_are_those_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "a")
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "s")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "t")
    assert Credentials.from_environment() == Credentials("a", "s", "t")
    monkeypatch.setenv("AWS_SESSION_TOKEN", "")
    assert Credentials.from_environment() == Credentials("a", "s", None)
    monkeypatch.delenv("AWS_SESSION_TOKEN")
    assert Credentials.from_environment() == Credentials("a", "s", None)
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")
    with pytest.raises(KeyError):
        Credentials.from_environment()


@pytest.mark.parametrize("connection_id", IDS)
async def test_our_posts_go_where_boto3_posts(
    management: ManagementServer, aws: None, connection_id: str
) -> None:
    gateway = ApiGateway(management.endpoint, region="us-east-1")
    outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
    gateway.post(Frame("Hi"), connection_id, outcome.set_result)
    assert await outcome == Delivered()
    gateway.close()
    management_api = ManagementClient(management.endpoint)
    assert await asyncio.to_thread(management_api.post, connection_id, "Hi") == Delivered()
    ours, theirs = management.paths
    assert ours == theirs
    assert management.gateway.frames[connection_id] == ["Hi", "Hi"]
