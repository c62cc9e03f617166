"""The traces over HTTP, in a terminal and by the command."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import aiohttp
import pytest

from local.errors import LocalError
from local.gateway.gateway import Gateway
from local.traces.pages import fetch
from local.traces.store import TraceStore
from local.traces.waterfall import draw
from tests.support.local.gateway_stage import UNLIMITED, Functions, an_api
from tests.support.ports import free_port
from tests.support.project import ROOT

TRACE_ID = "1-66a1b2c3-0123456789abcdef01234567"
OTHER_ID = "1-66a1b2c4-0123456789abcdef01234567"


def segments() -> list[dict[str, Any]]:
    """The documents of a message's trace, in the order in which they arrive."""
    return [
        {
            "trace_id": TRACE_ID,
            "parent_id": "function",
            "id": "broadcast",
            "name": "Roomcast broadcast",
            "start_time": 100.5,
            "end_time": 102.0,
            "error": True,
            "annotations": {"room": "general", "recipients": 3},
            "subsegments": [{"id": "post", "name": "post", "start_time": 101.0, "end_time": 102.0}],
        },
        {
            "trace_id": TRACE_ID,
            "type": "subsegment",
            "parent_id": "function",
            "id": "call",
            "name": "dynamodb",
            "start_time": 100.25,
            "end_time": 100.5,
            "annotations": {"ColdStart": True},
            "aws": {"operation": "UpdateItem", "table_name": "Messages"},
        },
        {
            "trace_id": TRACE_ID,
            "id": "function",
            "name": "MessageFunction",
            "origin": "AWS::Lambda::Function",
            "start_time": 100.0,
            "end_time": 100.75,
        },
    ]


@asynccontextmanager
async def serving(traces: TraceStore | None) -> AsyncIterator[int]:
    """Yield the port of a gateway with these traces."""
    gateway = Gateway(an_api(), Functions(), web=None, traces=traces, limits=UNLIMITED)
    try:
        yield await gateway.start("127.0.0.1", 0)
    finally:
        await gateway.stop(timeout=1)


def some() -> TraceStore:
    traces = TraceStore()
    for segment in segments():
        traces.add(segment)
    traces.add({"trace_id": OTHER_ID, "id": "a", "name": "Running", "start_time": 200.0})
    return traces


async def get(port: int, path: str, **options: Any) -> tuple[int, str]:
    async with (
        aiohttp.ClientSession() as http,
        http.request(options.pop("method", "GET"), f"http://127.0.0.1:{port}{path}", **options) as answer,
    ):
        return answer.status, await answer.text()


async def traces_of(port: int, query: str = "") -> list[dict[str, Any]]:
    status, text = await get(port, f"/_local/traces.json{query}")
    assert status == 200
    found: list[dict[str, Any]] = json.loads(text)["traces"]
    return found


# over HTTP


async def test_a_trace_has_a_summary_its_rows_and_its_documents() -> None:
    async with serving(some()) as port:
        running, whole = await traces_of(port)
    assert (running["id"], running["in_progress"]) == (OTHER_ID, True)
    assert whole.pop("documents") == segments()
    rows = whole.pop("rows")
    assert whole == {
        "id": TRACE_ID,
        "name": "MessageFunction",
        "start_time": 100.0,
        "duration": 2.0,
        "in_progress": False,
        "annotations": {"room": "general", "recipients": 3},
        "fault": False,
        "error": True,
        "throttle": False,
    }
    assert [(row["depth"], row["name"], row["parent_id"], row["start"], row["duration"]) for row in rows] == [
        (0, "MessageFunction", None, 0.0, 0.75),
        (1, "dynamodb", "function", 0.25, 0.25),
        (1, "Roomcast broadcast", "function", 0.5, 1.5),
        (2, "post", "broadcast", 1.0, 1.0),
    ]
    assert rows[1]["detail"] == "UpdateItem Messages"
    assert rows[2]["flags"] == ["error"]


@pytest.mark.parametrize(
    ("query", "found"),
    [
        ("?last=1", [OTHER_ID]),
        ("?last=0", []),
        ("?last=x", [OTHER_ID, TRACE_ID]),
        ("?last=-1", [OTHER_ID, TRACE_ID]),
        ("?last=" + "9" * 5000, [OTHER_ID, TRACE_ID]),
        (f"?id={TRACE_ID}", [TRACE_ID]),
        ("?id=66a1b2c4", [OTHER_ID]),
        ("?id=nothing", []),
    ],
)
async def test_traces_are_chosen_by_number_and_by_part_of_the_id(query: str, found: list[str]) -> None:
    async with serving(some()) as port:
        assert [trace["id"] for trace in await traces_of(port, query)] == found


async def test_a_trace_without_valid_rows_is_listed_too() -> None:
    traces = TraceStore()
    traces.add({"trace_id": TRACE_ID, "id": "odd", "annotations": 7, "aws": [], "start_time": None})
    async with serving(traces) as port:
        [trace] = await traces_of(port)
    assert (trace["rows"], trace["duration"]) == ([], 0)
    assert draw(trace)


async def test_the_page_needs_no_other_file() -> None:
    async with serving(some()) as port:
        status, page = await get(port, "/_local/traces")
    assert status == 200
    assert "://" not in page
    assert "innerHTML" not in page


@pytest.mark.parametrize("path", ["/_local/traces", "/_local/traces.json"])
@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:8080", "127.0.0.1", "127.0.0.1:1"])
async def test_this_machines_own_names_may_read_them(path: str, host: str) -> None:
    async with serving(some()) as port:
        assert (await get(port, path, headers={"Host": host}))[0] == 200


@pytest.mark.parametrize("path", ["/_local/traces", "/_local/traces.json"])
@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "localhost.evil.example",
        "127.0.0.1.evil.example:80",
        "172.17.0.1:8080",
        "",
        "localhost:x",
    ],
)
async def test_another_host_name_may_not(path: str, host: str) -> None:
    async with serving(some()) as port:
        status, text = await get(port, path, headers={"Host": host})
    assert status == 403
    assert TRACE_ID not in text


@pytest.mark.parametrize(
    ("method", "path"),
    [
        ("POST", "/_local/traces.json"),
        ("GET", "/_local/"),
        ("GET", "/_local/traces.html"),
        ("GET", "/_local"),
    ],
)
async def test_other_pages_do_not_exist(method: str, path: str) -> None:
    async with serving(some()) as port:
        assert (await get(port, path, method=method))[0] == 403


async def test_a_gateway_without_traces_has_no_pages() -> None:
    async with serving(None) as port:
        assert (await get(port, "/_local/traces.json"))[0] == 403


# in a terminal


async def drawn(traces: TraceStore, width: int = 120) -> str:
    async with serving(traces) as port:
        return draw((await traces_of(port))[-1], width)


async def test_a_waterfall_indents_each_part_under_its_parent_and_places_it_in_time() -> None:
    lines = (await drawn(some())).splitlines()
    assert lines[0].startswith(TRACE_ID)
    rows = [line.partition("  ")[0] if line[0] != " " else line for line in lines[1:]]
    assert rows[0] == "MessageFunction AWS::Lambda::Function"
    assert rows[1].startswith("  dynamodb UpdateItem Messages ")
    assert rows[2] == "      ColdStart=True"
    assert rows[3].startswith("  Roomcast broadcast ")
    assert rows[3].endswith(" error")
    assert rows[4] == "      room=general recipients=3"
    assert rows[5].startswith("    post ")
    assert "················████████████████" in lines[6]  # the second half


async def test_a_part_that_has_not_ended_is_shown_as_running() -> None:
    async with serving(some()) as port:
        running = draw((await traces_of(port))[0])
    assert "+running" in running
    assert "▒" not in running.splitlines()[0]


@pytest.mark.parametrize("width", [1, 80, 120])
async def test_lines_keep_to_the_width(width: int) -> None:
    traces = some()
    traces.add(segments()[0] | {"id": "long", "name": "x" * 500, "annotations": {"room": "y" * 500, "n": 1}})
    for line in (await drawn(traces, width)).splitlines():
        assert len(line) <= max(width, 80) + len(" error")


async def test_names_cannot_control_the_terminal() -> None:
    traces = some()
    traces.add(
        segments()[0] | {"id": "evil", "name": "\x1b[2J\r\nfake", "annotations": {"room": "\x9b31m\n"}}
    )
    text = await drawn(traces)
    assert not any(character in text for character in "\x1b\x9b\r")
    assert not any(line.startswith("fake") for line in text.splitlines())


# the command


async def typed(*arguments: str) -> tuple[int | None, str, str]:
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        "-m",
        "local",
        "traces",
        *arguments,
        cwd=ROOT,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    out, error = await process.communicate()
    return process.returncode, out.decode(), error.decode()


async def test_the_command_shows_the_newest_traces_newest_last() -> None:
    async with serving(some()) as port:
        status, out, error = await typed("--port", str(port))
    assert (status, error) == (0, "")
    assert 0 <= out.index(TRACE_ID) < out.index("Roomcast broadcast") < out.index(OTHER_ID)


async def test_the_command_shows_the_trace_that_it_is_asked_for() -> None:
    async with serving(some()) as port:
        status, out, _ = await typed("--port", str(port), TRACE_ID[-30:])
        assert status == 0
        assert TRACE_ID in out
        assert OTHER_ID not in out
        assert (await typed("--port", str(port), "--last", "1"))[1].count("1-66a1b2") == 1
        assert await typed("--port", str(port), "none") == (1, "", "No trace with none in its id.\n")


async def test_without_an_engine_the_command_says_so_in_one_line() -> None:
    status, out, error = await typed("--port", str(free_port()))
    assert (status, out) == (1, "")
    assert error.startswith("local: no engine answers on port")
    assert error.count("\n") == 1


async def test_another_server_is_an_error() -> None:
    async with serving(None) as port:
        with pytest.raises(LocalError, match="is not an engine's"):
            await asyncio.to_thread(fetch, port, last=1, containing="")
