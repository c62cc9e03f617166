"""The alarm for costs, a stack of its own."""

from __future__ import annotations

import re
import subprocess

import pytest
from samtranslator.yaml_helper import yaml_parse

from local.errors import TemplateError
from local.template.intrinsics import Resolver
from tests.support.deployed_template import of_type, resolved_with
from tests.support.project import ROOT

BUDGET = yaml_parse((ROOT / "budget.yaml").read_text())
WHOLE = {"BudgetUsd": "50", "AlarmEmail": "ada@example.com"}


def test_the_application_has_no_resource_that_some_regions_do_not_know() -> None:
    # cfn-lint, which `make check` runs for all Regions, knows which these are.
    assert of_type(resolved_with(), "AWS::Budgets::Budget") == {}
    (lint,) = re.findall(r"cfn-lint (.*template\.yaml.*)", (ROOT / "Makefile").read_text())
    assert lint.startswith("--regions ALL_REGIONS")


def test_a_budget_writes_to_its_address() -> None:
    resolved = Resolver(BUDGET, WHOLE, "us-east-1")
    (budget,) = of_type(resolved, "AWS::Budgets::Budget").values()
    assert budget["Budget"]["BudgetLimit"] == {"Amount": "50", "Unit": "USD"}
    for notification in budget["NotificationsWithSubscribers"]:
        assert notification["Subscribers"] == [{"SubscriptionType": "EMAIL", "Address": "ada@example.com"}]


@pytest.mark.parametrize("name", WHOLE)
def test_half_a_budget_is_rejected(name: str) -> None:
    half = {other: value for other, value in WHOLE.items() if other != name}
    for changes in ({}, {name: ""}, {name: "0"}):
        with pytest.raises(TemplateError, match=name):
            Resolver(BUDGET, half | changes, "us-east-1")


@pytest.mark.parametrize("half", ["USD=50", "EMAIL=ada@example.com"])
def test_make_budget_asks_for_both_halves(half: str) -> None:
    done = subprocess.run(
        ["make", "--no-print-directory", "-o", ".venv-sam/.sam", "budget", half, "SAM=/bin/echo"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode
    assert done.stdout == ""
    assert "USD=50 EMAIL=you@example.com" in done.stderr
