"""How many invocations of an account the stack may take."""

from __future__ import annotations

import pytest

from local.errors import TemplateError
from local.template import load
from tests.support.deployed_template import FUNCTIONS, resolved_with
from tests.support.project import TEMPLATE


def test_nothing_is_reserved_and_nothing_bounded_unless_asked_for() -> None:
    resolved = resolved_with()  # a new account can reserve nothing
    assert all("ReservedConcurrentExecutions" not in resolved.properties(name) for name in FUNCTIONS)
    assert "ScalingConfig" not in resolved.properties("SliceMapping")


def test_a_new_account_can_bound_what_broadcasts_take() -> None:
    bounds = {"ParallelizationFactor": "3", "SliceMaximumConcurrency": "2"}
    assert resolved_with(**bounds).properties("FanoutMapping")["ParallelizationFactor"] == "3"
    stack = load.load(TEMPLATE, parameters=bounds)  # as the local engine applies them
    assert [mapping.parallelization for mapping in stack.stream_mappings] == [3]
    assert [mapping.concurrency for mapping in stack.queue_mappings] == [2]


def test_sending_can_be_kept_free_of_broadcasts() -> None:
    resolved = resolved_with(MessageReservedConcurrency="50", FanoutReservedConcurrency="30")
    reserved = {
        name: resolved.properties(name).get("ReservedConcurrentExecutions")
        for name in FUNCTIONS
        if "ReservedConcurrentExecutions" in resolved.properties(name)
    }
    assert reserved == {"MessageFunction": "50", "FanoutFunction": "30"}


def test_a_bound_that_aws_does_not_take_is_rejected() -> None:
    with pytest.raises(TemplateError, match="SliceMaximumConcurrency is 1"):
        resolved_with(SliceMaximumConcurrency="1")
