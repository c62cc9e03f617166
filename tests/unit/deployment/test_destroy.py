"""What `make destroy` says before SAM CLI asks."""

from __future__ import annotations

import pytest

from deployment.account import Stack
from deployment.destroy import what_stays
from deployment.errors import DeploymentError


def stack(**parameters: str) -> Stack:
    return Stack("chat", parameters, {})


def test_a_backup_that_stays_is_told() -> None:
    said = what_stays(stack(PointInTimeRecovery="on", DeletionProtection="off"))
    assert "the stack chat with all its messages" in said
    assert "restored for 35 days" in said
    assert "PointInTimeRecovery=off" in said
    assert "aws-sam-cli-managed-default" in said


def test_no_backup_is_told_where_none_stays() -> None:
    said = what_stays(stack(PointInTimeRecovery="off", DeletionProtection="off"))
    assert "35 days" not in said
    assert "aws-sam-cli-managed-default" in said


def test_a_protected_stack_is_not_deleted_by_half() -> None:
    with pytest.raises(DeploymentError, match="nothing was deleted"):
        what_stays(stack(PointInTimeRecovery="on", DeletionProtection="on"))


def test_the_alarm_for_costs_leaves_nothing() -> None:
    assert what_stays(stack(BudgetUsd="50")) == "This deletes the stack chat."
