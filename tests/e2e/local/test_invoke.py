"""`python -m local invoke` beside a running engine: every sample event, answered as README says."""

from __future__ import annotations

import json
import random
import re
from typing import Any

import pytest

from local import invoke
from local.engine import Engine
from tests.e2e.support.engine_with_proxies import HIGH_LIMITS
from tests.support.logged_engine import LoggedEngine
from tests.support.project import ROOT
from tests.support.sample_events import EVENTS, PRINTED
from tests.support.waiting import until

pytestmark = pytest.mark.asyncio(loop_scope="session")


def event_of(name: str) -> dict[str, Any]:
    event: dict[str, Any] = json.loads((ROOT / "events" / f"{name}.json").read_text())
    return event


async def call(engine: Engine, name: str) -> Any:
    """Run an event as the command does, with the running engine's endpoints in env.json's place."""
    given = json.loads((ROOT / "events" / "env.json").read_text())["Parameters"]
    given |= {"AWS_ENDPOINT_URL_DYNAMODB": engine.services_url, "CONNECTIONS_ENDPOINT": f"{engine.url}/prod"}
    output = await invoke.once(
        ROOT / "template.yaml",
        EVENTS[name].function,
        event_of(name),
        {},
        {"Parameters": given},
        lambda function, line: None,
    )
    return json.loads(output)


def rows_of_the_readme() -> dict[str, str]:
    """Return what README says that each event prints, by event."""
    row = re.compile(r"^\| `\w+Function` \| `([\w-]+)\.json` \| (.*) \|$", re.MULTILINE)
    return dict(row.findall((ROOT / "README.md").read_text()))


async def test_every_sample_event_is_called() -> None:
    files = {path.stem for path in (ROOT / "events").glob("*.json")}
    assert files - set(EVENTS) == {"env", "env-docker"}
    assert set(EVENTS) <= files


@pytest.mark.parametrize("name", ["connect", "send", "disconnect"])
async def test_an_event_has_its_answer_although_no_other_came_before(engine: Engine, name: str) -> None:
    assert EVENTS[name].answers(await call(engine, name))


async def test_the_readme_names_each_event_with_its_function() -> None:
    readme = (ROOT / "README.md").read_text()
    assert set(rows_of_the_readme()) == set(EVENTS)
    for name, event in EVENTS.items():
        assert f"\n| `{event.function}` | `{name}.json` |" in readme


async def is_folded(engine: Engine) -> bool:
    """True if the fan-out has put the reaction of react.json to its message."""
    result = await engine.host.invoke(EVENTS["reactions"].function, event_of("reactions"))
    return bool(json.loads(json.loads(result.payload)["body"])["reactions"])


async def test_the_events_print_in_their_order_what_the_readme_says() -> None:
    """A `…` of the README stands for anything, and all else for itself."""
    wrong = {}
    async with LoggedEngine(parameters=HIGH_LIMITS, samples=ROOT / "events") as engine:
        await call(engine, "ping")  # from outside, as all others would come: it opens the connection
        for name, row in rows_of_the_readme().items():
            result = await engine.host.invoke(EVENTS[name].function, event_of(name))
            if name == "react":
                await until(lambda: is_folded(engine))
            if row.startswith("`"):  # else it says that the answer is like another one
                pattern = ".*".join(map(re.escape, row.split("`")[1].split("…")))
                if not re.fullmatch(pattern, result.payload.decode()):
                    wrong[name] = (row, result.payload.decode())
    assert wrong == {}


@pytest.mark.parametrize("seed", range(3))
async def test_the_events_have_their_answers_in_any_order_and_at_any_time(engine: Engine, seed: int) -> None:
    await call(engine, "ping")  # from outside, as all others would come: it opens the connection
    names = [*EVENTS, *EVENTS]
    random.Random(seed).shuffle(names)
    for name in names:
        result = await engine.host.invoke(EVENTS[name].function, event_of(name))
        assert EVENTS[name].answers(json.loads(result.payload)), (name, result, names)


@pytest.mark.parametrize("name", PRINTED)
async def test_what_an_event_posts_is_printed(engine: LoggedEngine, name: str) -> None:
    before = len(engine.lines)
    await call(engine, name)
    printed = [
        line for line in engine.lines[before:] if line.startswith("SampleConnection: aBcDeFgHoAMCJ9w= ")
    ]
    assert [line for line in printed if line.endswith(PRINTED[name])]


async def test_the_authorizer_allows_with_a_name(engine: Engine) -> None:
    answer = await call(engine, "authorize")
    assert answer["policyDocument"]["Statement"][0]["Effect"] == "Allow"
    assert answer["context"] == {
        "user": "3869c35c7dfdbc36154f",
        "name": "Ada",
        "protocol": "v1",
        "room": "lobby",
        "grants": "*",
        "roles": "",
        "expires_at": "",
    }
