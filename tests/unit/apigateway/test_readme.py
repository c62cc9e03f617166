"""The README of the posting engine, whose programs run and whose defaults are true."""

from __future__ import annotations

import asyncio
import re
from typing import Any

import pytest

from apigateway import Poster, Retries
from apigateway.batch import MAX_QUEUED
from apigateway.client import CONNECT_TIMEOUT, MAX_CONNECTIONS, TIMEOUT
from apigateway.rate import IDLE_RESET, INITIAL_RATE
from tests.support.fakes.gateway import FakeGateway
from tests.support.project import ROOT
from tests.support.web_host import Host

README = (ROOT / "src" / "apigateway" / "README.md").read_text()
PROGRAMS = re.findall(r"```python\n(.*?)```", README, re.DOTALL)


async def test_the_first_program_posts_to_a_list(aws: None, capsys: pytest.CaptureFixture[str]) -> None:
    async with Host() as host:
        program, endpoints = re.subn(r'"https://[^"]*"', f'"{host.url}/prod"', PROGRAMS[0])
        assert endpoints == 1
        await asyncio.to_thread(exec, program, {})
    assert host.bodies == [b'{"type": "news"}'] * 2
    assert capsys.readouterr().out == "BroadcastResult(delivered=2, gone=[], failed={})\n"


async def test_the_second_program_posts_different_frames(capsys: pytest.CaptureFixture[str]) -> None:
    gateway, names = FakeGateway(), {"c1": "Ada", "c2": "Grace", "c3": "Joan"}
    gateway.gone = {"c3"}
    scope: dict[str, Any] = {}
    exec(PROGRAMS[1], scope)
    await scope["greet"](Poster(gateway), names)
    assert gateway.frames == {"c1": ["Hi Ada", "Welcome"], "c2": ["Hi Grace", "Welcome"]}
    assert capsys.readouterr().out == ""


def defaults() -> dict[str, str]:
    """The defaults in the tables, by argument."""
    return dict(re.findall(r"^\| `(\w+)` \| (.*?) \|", README, re.MULTILINE))


def numbers(text: str) -> list[float]:
    return [float(number.replace(",", "")) for number in re.findall(r"\d[\d,.]*(?<=\d)", text)]


def test_the_defaults_are_those_of_the_code() -> None:
    documented = defaults()
    assert numbers(documented["initial_rate"]) == [INITIAL_RATE]
    assert f"after {IDLE_RESET:g} s without a post" in README
    assert numbers(documented["max_connections"]) == [MAX_CONNECTIONS]
    assert numbers(documented["timeout"]) == [TIMEOUT]
    assert numbers(documented["connect_timeout"]) == [CONNECT_TIMEOUT]
    assert f"{MAX_QUEUED:,} posts wait" in README
    retries = Retries()
    assert numbers(documented["failed"]) == list(retries.failed)
    assert documented["throttled"] == "0.1 s, then five times 0.2 s"
    assert retries.throttled == (0.1, *5 * (0.2,))
    assert numbers(documented["timed_out"]) == list(retries.timed_out)
    assert numbers(documented["quota_exhausted"]) == [retries.quota_exhausted]
    assert numbers(documented["max_quota_wait"]) == [retries.max_quota_wait]
    assert numbers(documented["shed_for"]) == [retries.shed_for]
