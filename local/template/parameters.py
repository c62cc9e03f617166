"""The parameters of a template: their values, checked as CloudFormation does."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local.errors import TemplateError


def read_parameters(declared: Mapping[str, Any], values: Mapping[str, str]) -> dict[str, Any]:
    """Return the value of each declared parameter. Raises TemplateError for an unknown or invalid value."""
    for name in values:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise TemplateError(f"there is no parameter {name}; use one of: {known}")
    return {name: _parameter(name, rules, values.get(name)) for name, rules in declared.items()}


def _parameter(name: str, rules: Mapping[str, Any], value: str | None) -> Any:
    if value is None and "Default" not in rules:
        raise TemplateError(f"parameter {name} needs a value: --set {name}=...")
    text = str(rules["Default"] if value is None else value)
    kind = rules.get("Type", "String")
    parts = [part.strip() for part in text.split(",")] if "List" in kind else [text]
    for part in parts:
        if problem := _problem(part, kind, rules):
            raise TemplateError(f"parameter {name} is {text!r}, but {problem}")
    return parts if "List" in kind else text


def _problem(value: str, kind: str, rules: Mapping[str, Any]) -> str | None:
    """Return the reason why CloudFormation would reject the value, or None."""
    if own := rules.get("ConstraintDescription"):  # the template's own words for every problem
        others = {key: rule for key, rule in rules.items() if key != "ConstraintDescription"}
        return f"has to be: {own}" if _problem(value, kind, others) else None
    allowed = [str(choice) for choice in rules.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return f"has to be one of {', '.join(allowed)}"
    # CloudFormation matches the whole value: "the pattern must match the entire parameter value".
    if (pattern := rules.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        return f"has to match {pattern}"
    min_length, max_length = int(rules.get("MinLength", 0)), int(rules.get("MaxLength", 4096))
    if not min_length <= len(value) <= max_length:
        return f"has to have {min_length} to {max_length} characters"
    return _number_problem(value, rules) if "Number" in kind else None


def _number_problem(value: str, rules: Mapping[str, Any]) -> str | None:
    try:
        number = float(value)
    except ValueError:
        return "has to be a number"
    if not float(rules.get("MinValue", number)) <= number <= float(rules.get("MaxValue", number)):
        return f"has to be {rules.get('MinValue', 'anything')} to {rules.get('MaxValue', 'anything')}"
    return None
