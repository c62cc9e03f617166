"""The functions' platform, logs, traces and environment."""

from __future__ import annotations

from collections.abc import Callable
from types import ModuleType

import pytest

from local.template.intrinsics import Resolver
from tests.support.deployed_template import (
    CALLED_BY_QUEUES,
    FUNCTIONS,
)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_function_is_traced_and_logs_to_a_group_with_a_retention(resolved: Resolver, function: str) -> None:
    properties = resolved.properties(function)
    assert properties["TracingConfig"] == {"Mode": "Active"}
    group = resolved.properties(properties["LoggingConfig"]["LogGroup"])
    assert group == {"RetentionInDays": "30"}


def test_no_two_functions_share_a_log_group(resolved: Resolver) -> None:
    groups = [resolved.properties(function)["LoggingConfig"]["LogGroup"] for function in FUNCTIONS]
    assert len(set(groups)) == len(FUNCTIONS)


@pytest.mark.parametrize("function", FUNCTIONS)
def test_every_function_runs_on_the_same_platform(resolved: Resolver, function: str) -> None:
    properties = resolved.properties(function)
    assert (properties["Runtime"], properties["Architectures"]) == ("python3.13", ["arm64"])
    assert [layer.startswith("DependenciesLayer") for layer in properties["Layers"]] == [True]
    assert "ReservedConcurrentExecutions" not in properties  # small accounts cannot have it


@pytest.mark.parametrize("function", FUNCTIONS)
def test_a_functions_handler_exists(
    handlers: Callable[[str], ModuleType], resolved: Resolver, function: str
) -> None:
    module, _, attribute = resolved.properties(function)["Handler"].rpartition(".")
    app = handlers(module.partition(".")[0])
    assert app.__name__ == module
    assert callable(getattr(app, attribute))


def test_functions_time_out_before_api_gateway_does(resolved: Resolver) -> None:
    for function in FUNCTIONS:
        if function not in CALLED_BY_QUEUES:
            assert resolved.properties(function)["Timeout"] < 29


@pytest.mark.parametrize("function", FUNCTIONS)
def test_no_message_is_in_a_trace_or_a_debug_log(resolved: Resolver, function: str) -> None:
    variables = resolved.properties(function)["Environment"]["Variables"]
    assert variables["POWERTOOLS_TRACER_CAPTURE_RESPONSE"] == "false"
    assert variables["POWERTOOLS_TRACER_CAPTURE_ERROR"] == "false"
    assert "POWERTOOLS_LOGGER_LOG_EVENT" not in variables
    assert variables["POWERTOOLS_LOG_LEVEL"] == "INFO"


def test_fan_out_and_slice_differ_only_in_their_initial_rate(resolved: Resolver) -> None:
    fanout, slice_ = (
        dict(resolved.properties(function)["Environment"]["Variables"])
        for function in sorted(CALLED_BY_QUEUES)
    )
    assert float(fanout.pop("INITIAL_POST_RATE")) > float(
        slice_.pop("INITIAL_POST_RATE")
    )  # many slices begin at once
    assert fanout == slice_  # one module makes both
