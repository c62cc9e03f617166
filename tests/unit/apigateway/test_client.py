from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator

import pytest

from apigateway.client import ApiGateway, Frame, region_of
from apigateway.outcomes import Delivered, Failed, Gone, Outcome, Throttled
from tests.support.web_host import Host, Visit, ok


class Api:
    """The management API behind HTTP, and a client of it."""

    def __init__(self, host: Host) -> None:
        self.host = host
        self.client = ApiGateway(f"{host.url}/prod", region="us-east-1")

    async def post(self, frame: Frame | str, connection_id: str = "c1=") -> Outcome:
        outcome: asyncio.Future[Outcome] = asyncio.get_running_loop().create_future()
        self.client.post(
            frame if isinstance(frame, Frame) else Frame(frame), connection_id, outcome.set_result
        )
        assert not outcome.done()  # never before it returns
        return await outcome

    def sent(self, header: str) -> list[str]:
        """Return the values of a header in all requests."""
        pattern = re.compile(rf"^{header}: (.*?)\r$", re.MULTILINE)
        return [pattern.findall(head.decode())[0] for head in self.host.heads]


@pytest.fixture
async def api(aws: None) -> AsyncIterator[Api]:
    async with Host() as host:
        api = Api(host)
        yield api
        api.client.close()
        await asyncio.sleep(0)


def respond(api: Api, response: bytes) -> None:
    async def behave(visit: Visit, body: bytes) -> None:
        visit.write(response)

    api.host.behave = behave


async def test_a_frame_goes_out_as_utf_8_to_its_connection(api: Api) -> None:
    assert await api.post("é💬") == Delivered()
    assert api.host.bodies == ["é💬".encode()]
    assert api.host.heads[0].startswith(b"POST /prod/@connections/c1%3D HTTP/1.1\r\n")
    assert api.sent("host") == [f"127.0.0.1:{api.host.port}"]


@pytest.mark.parametrize(
    ("status", "outcome"),
    [
        (200, Delivered()),
        (410, Gone()),
        (429, Throttled()),
        (403, Failed("status 403")),
        (404, Failed("status 404")),
        (413, Failed("status 413")),
        (500, Failed("status 500")),
        (504, Failed("status 504")),
    ],
)
async def test_a_response_is_an_outcome(api: Api, status: int, outcome: Outcome) -> None:
    respond(api, b"HTTP/1.1 %d Whatever\r\nContent-Length: 2\r\n\r\n{}" % status)
    assert await api.post("Hi") == outcome


async def test_the_body_of_a_200_does_not_matter(api: Api) -> None:
    respond(api, ok(b'{"a": 1}'))
    assert await api.post("Hi") == Delivered()


async def test_no_response_is_a_failure_too(api: Api) -> None:
    respond(api, b"garbled\r\n\r\n")
    assert isinstance(await api.post("Hi"), Failed)


async def test_a_frame_is_signed_once_for_many_and_again_after_a_minute(
    api: Api, monkeypatch: pytest.MonkeyPatch
) -> None:
    frame = Frame("Hi")
    await api.post(frame, "c1")
    template = frame._template
    await api.post(frame, "c2")
    assert frame._template is template
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", "ROTATED")  # as Lambda does
    frame._signed_at -= 61
    await api.post(frame, "c1")
    assert ["ROTATED" in value for value in api.sent("authorization")] == [False, False, True]


async def test_without_credentials_nothing_is_posted(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_ACCESS_KEY_ID")
    with pytest.raises(KeyError, match="AWS_ACCESS_KEY_ID"):
        await api.post("Hi")
    assert api.client.free == 256


# The Region


@pytest.mark.parametrize(
    ("host", "region"),
    [
        ("abc123.execute-api.eu-west-1.amazonaws.com", "eu-west-1"),
        ("abc123.execute-api.cn-north-1.amazonaws.com.cn", "cn-north-1"),
        ("abc123.execute-api-fips.us-gov-west-1.amazonaws.com", "us-gov-west-1"),
        ("abc123.execute-api.us-east-2.api.aws", "us-east-2"),
        ("vpce-0123-abcd.execute-api.us-west-2.vpce.amazonaws.com", "us-west-2"),
    ],
)
def test_the_region_is_the_endpoints(monkeypatch: pytest.MonkeyPatch, host: str, region: str) -> None:
    monkeypatch.setenv("AWS_REGION", "elsewhere")
    assert region_of(f"https://{host}/prod") == region


def test_a_custom_domain_is_in_the_region_of_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.setenv("AWS_DEFAULT_REGION", "eu-north-1")
    assert region_of("https://chat.example.com") == "eu-north-1"
    monkeypatch.setenv("AWS_REGION", "eu-south-1")  # Lambda's own
    assert region_of("https://chat.example.com") == "eu-south-1"


def test_an_unknown_region_is_an_error_that_says_what_to_do(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("AWS_REGION", raising=False)
    monkeypatch.delenv("AWS_DEFAULT_REGION", raising=False)
    with pytest.raises(ValueError, match="pass region=, or set AWS_REGION"):
        ApiGateway("https://chat.example.com")
    ApiGateway("https://chat.example.com", region="eu-west-1")


@pytest.mark.parametrize(
    "endpoint",
    ["wss://abc123.execute-api.eu-west-1.amazonaws.com/prod", "abc123.example.com", "https:///prod"],
)
def test_an_endpoint_is_an_http_url(endpoint: str) -> None:
    with pytest.raises(ValueError, match="use https://"):
        ApiGateway(endpoint)
