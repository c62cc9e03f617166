"""The parameters of a template, and its rules about them."""

from __future__ import annotations

import pytest

from tests.support.local.templates import API, Project

PARAMETERS = """
Parameters:
  Stage: {Type: String, Default: dev, AllowedPattern: "[a-z]+"}
  Days: {Type: Number, Default: 3, MinValue: 1, MaxValue: 9}
  Mode: {Type: String, Default: "on", AllowedValues: ["on", "off"]}
  Zones: {Type: CommaDelimitedList, Default: "a, b"}
  Long: {Type: String, Default: abc, MinLength: 2, MaxLength: 4}
"""


def test_parameters_have_defaults_that_can_be_overridden(project: Project) -> None:
    value = '!Sub "${Stage} ${Days} ${Mode}"'
    assert project.variable(value, PARAMETERS) == "dev 3 on"
    assert project.variable(value, PARAMETERS, Stage="live", Days="9", Mode="off") == "live 9 off"
    assert project.variable('!Join ["+", !Ref Zones]', PARAMETERS) == "a+b"


@pytest.mark.parametrize(
    ("name", "value", "reason"),
    [
        ("Stage", "UPPER", "[a-z]+"),
        ("Stage", "good-not", "[a-z]+"),  # the pattern has to match all of it
        ("Days", "0", "1 to 9"),
        ("Days", "many", "number"),
        ("Mode", "maybe", "on, off"),
        ("Long", "abcde", "2 to 4 characters"),
        ("Nothing", "x", "no parameter Nothing"),
    ],
)
def test_a_parameter_that_breaks_its_rules_is_an_error_that_names_it(
    project: Project, name: str, value: str, reason: str
) -> None:
    message = project.error(API + PARAMETERS, **{name: value})
    assert name in message
    assert reason in message


RULES = """
Rules:
  Together:
    RuleCondition: !Equals [!Ref Mode, "on"]
    Assertions:
      - Assert: !Not [!Equals [!Ref Stage, live]]
        AssertDescription: What is on is not live.
      - Assert: !Or [!Equals [!Ref Days, "3"], !Equals [!Ref Long, long]]
  Always:
    Assertions:
      - Assert: !Not [!Equals [!Ref Long, zzzz]]
"""


def test_parameters_that_break_a_rule_together_are_an_error_in_its_words(project: Project) -> None:
    template = API + PARAMETERS + RULES
    assert project.load(template)
    assert "What is on is not live." in project.error(template, Stage="live")
    assert project.load(template, Stage="live", Mode="off")  # where the rule does not apply
    assert "Together" in project.error(template, Days="4")
    assert project.load(template, Days="4", Long="long")
    assert "Always" in project.error(template, Long="zzzz", Mode="off")


def test_an_invalid_rule_is_an_error(project: Project) -> None:
    assert "Ref of Nothing" in project.error(
        API + "Rules: {R: {Assertions: [{Assert: !Equals [!Ref Nothing, a]}]}}\n"
    )
    assert project.error(API + "Rules: {R: {}}\n")


def test_a_parameter_without_a_default_needs_a_value(project: Project) -> None:
    template = API + "Parameters: {Domain: {Type: String}}\n"
    assert "Domain needs a value" in project.error(template)
    assert project.load(template, Domain="x")
