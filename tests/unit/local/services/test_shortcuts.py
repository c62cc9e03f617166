"""What is replaced in ministack's DynamoDB has ministack's own results, whatever is asked of it."""

from __future__ import annotations

import importlib.util
import json
import random
from types import ModuleType
from typing import Any

import ministack.services.dynamodb as module
import pytest

from local.services import shortcuts
from local.services.shortcuts import deepcopy
from tests.support.local.dynamodb_requests import TABLE, Requests

STEPS = 1_500


def another(name: str) -> Any:
    """A copy of ministack's module, with tables of its own."""
    spec = importlib.util.spec_from_file_location(name, module.__file__)
    assert spec is not None and spec.loader is not None
    copied: ModuleType = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(copied)
    return copied


def ask(dynamodb: Any, action: str, request: dict[str, Any]) -> tuple[int, Any]:
    headers = {"x-amz-target": f"DynamoDB_20120810.{action}"}
    body = json.dumps(request).encode()
    try:
        dynamodb.handle_request("POST", "/", headers, body, {}).send(None)
    except StopIteration as end:  # it waits for nothing
        status, _, answer = end.value
        return status, json.loads(answer)
    except ValueError as error:  # an internal error of ministack, which its routing answers
        return 500, str(error)
    raise AssertionError("it waits")


def images(dynamodb: Any) -> list[Any]:
    records = dynamodb.stream_live_records("Rows")
    return [[record["eventName"], record["dynamodb"].get("NewImage")] for record in records]


@pytest.mark.parametrize("seed", range(3))
def test_random_requests_have_the_results_of_ministack(seed: int) -> None:
    plain, quick = another(f"plain{seed}"), another(f"quick{seed}")
    shortcuts.install(quick)
    for dynamodb in (plain, quick):
        assert ask(dynamodb, "CreateTable", TABLE)[0] == 200
    requests = Requests(random.Random(seed))
    statuses = set()
    for _ in range(STEPS):
        action, request = requests.next()
        expected = ask(plain, action, request)
        assert ask(quick, action, request) == expected, (action, request)
        statuses.add((action, expected[0]))
    assert images(quick) == images(plain)
    assert statuses >= {(action, status) for action in requests.ACTIONS for status in (200, 400)}


@pytest.mark.parametrize(
    "condition",
    [
        "pk = :a AND sk BETWEEN :a AND :b",
        "attribute_not_exists(pk) OR (begins_with(#n, :a) AND NOT sk IN (:a, :b))",
        "attribute_not_exists(due) OR due <= :a AND attribute_exists(seq)",
    ],
)
def test_a_common_condition_is_not_parsed_per_item(condition: str) -> None:
    dynamodb, asked = another("asked"), []
    dynamodb._evaluate_condition = lambda *request, **_: asked.append(request)
    shortcuts.install(dynamodb)
    values = {":a": {"S": "a"}, ":b": {"S": "b"}}
    item = {"pk": {"S": "a"}, "sk": {"S": "ab"}, "name": {"S": "ab"}, "seq": {"N": "1"}}
    assert dynamodb._evaluate_condition(condition, item, values, {"#n": "name"}) is True
    assert asked == []


def test_a_copy_has_nothing_of_the_original() -> None:
    original = {"a": {"L": [{"M": {"b": {"S": "ä\ud800"}}}, {"BOOL": True}, {"NULL": None}]}}
    copied = deepcopy(original)
    assert copied == original
    copied["a"]["L"][0]["M"]["b"]["S"] = "changed"
    assert original["a"]["L"][0]["M"]["b"]["S"] == "ä\ud800"


def test_what_is_no_json_is_copied_too() -> None:
    original = [{"not": object}, {1.5: frozenset("x")}, another]
    assert deepcopy(original) == original
