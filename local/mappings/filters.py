"""Filter criteria of an event source mapping: they choose the records that reach the function.

The patterns are EventBridge's, with the operators that Lambda lists for event source mappings
(https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventfiltering.html). AWS rejects an invalid pattern
when the mapping is created; so does `Filters`.
"""

from __future__ import annotations

import json
import operator
from collections.abc import Callable, Iterable
from typing import Any

type Pattern = dict[str, Any]

_COMPARISONS: dict[str, Callable[[float, float], bool]] = {
    "=": operator.eq,
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
}


class Filters:
    """Passes a record that matches one of the patterns; without patterns, every record.

    Raises ValueError if AWS would reject a pattern, or this engine does not support it.
    """

    def __init__(self, patterns: Iterable[Pattern]) -> None:
        self._patterns = tuple(patterns)
        for pattern in self._patterns:
            _check(pattern, "the pattern")

    def passes(self, record: dict[str, Any]) -> bool:
        return not self._patterns or any(_matches(pattern, record) for pattern in self._patterns)


def _matches(pattern: Pattern, event: dict[str, Any]) -> bool:
    for key, wanted in pattern.items():
        if key == "$or":
            if not any(_matches(choice, event) for choice in wanted):
                return False
        elif isinstance(wanted, dict):
            # Search lists: {"L": {"S": [...]}} matches any element of the list. If nothing is there, match
            # the rest of the pattern against nothing; only `exists: false` matches that.
            if not any(_matches(wanted, child) for child in _objects(event.get(key)) or [{}]):
                return False
        elif not _any_rule(wanted, _leaves(event, key)):
            return False
    return True


def _objects(value: Any) -> list[dict[str, Any]]:
    values = value if isinstance(value, list) else [value]
    return [value for value in values if isinstance(value, dict)]


def _leaves(event: dict[str, Any], key: str) -> list[Any]:
    """Return the values at the key without objects: operators see leaf nodes only, `exists` too.

    https://docs.aws.amazon.com/lambda/latest/dg/with-ddb-filtering.html#filtering-ddb-exists
    """
    if key not in event:
        return []
    values = event[key] if isinstance(event[key], list) else [event[key]]
    return [value for value in values if not isinstance(value, dict | list)]


def _any_rule(rules: list[Any], leaves: list[Any]) -> bool:
    return any(_rule_matches(rule, leaves) for rule in rules)


def _rule_matches(rule: Any, leaves: list[Any]) -> bool:
    if not isinstance(rule, dict):
        return any(_same(rule, leaf) for leaf in leaves)
    ((name, operand),) = rule.items()
    if name == "exists":
        return bool(leaves) is operand
    matches = _OPERATORS[name][1]
    return any(matches(operand, leaf) for leaf in leaves)


def _same(wanted: Any, found: Any) -> bool:
    # Lambda compares numbers by their text: 300 and 300.0 differ. The text also keeps True from equalling 1.
    return json.dumps(wanted) == json.dumps(found)


def _anything_but(operand: Any, leaf: Any) -> bool:
    excluded = operand if isinstance(operand, list) else [operand]
    return not any(_same(value, leaf) for value in excluded)


def _numeric(operand: list[Any], leaf: Any) -> bool:
    # Only a JSON number can match. DynamoDB's own numbers are strings in a record ({"N": "5"}), so numeric
    # operators never match an attribute; with-ddb-filtering.html says the same of AWS.
    if isinstance(leaf, bool) or not isinstance(leaf, int | float):
        return False
    return all(
        _COMPARISONS[sign](leaf, bound) for sign, bound in zip(operand[::2], operand[1::2], strict=True)
    )


def _is_numeric(operand: Any) -> bool:
    return (
        isinstance(operand, list)
        and len(operand) in (2, 4)
        and all(isinstance(sign, str) and sign in _COMPARISONS for sign in operand[::2])
        and all(isinstance(bound, int | float) for bound in operand[1::2])
    )


def _is_text(operand: Any) -> bool:
    return isinstance(operand, str)


def _is_scalars(operand: Any) -> bool:
    values = operand if isinstance(operand, list) else [operand]
    return bool(values) and all(isinstance(value, str | int | float) for value in values)


# Per operator: the check of its operand, and the match with a leaf.
_OPERATORS: dict[str, tuple[Callable[[Any], bool], Callable[[Any, Any], bool]]] = {
    "prefix": (_is_text, lambda text, leaf: isinstance(leaf, str) and leaf.startswith(text)),
    "suffix": (_is_text, lambda text, leaf: isinstance(leaf, str) and leaf.endswith(text)),
    "equals-ignore-case": (
        _is_text,
        lambda text, leaf: isinstance(leaf, str) and leaf.casefold() == text.casefold(),
    ),
    "anything-but": (_is_scalars, _anything_but),
    "numeric": (_is_numeric, _numeric),
    "exists": (lambda operand: isinstance(operand, bool), lambda operand, leaf: bool(operand)),
}


def _check(pattern: Any, where: str) -> None:
    if not isinstance(pattern, dict) or not pattern:
        raise ValueError(f"{where} must be an object with at least one field")
    for key, wanted in pattern.items():
        here = f"{where}.{key}"
        if key == "$or":
            if not isinstance(wanted, list) or len(wanted) < 2:
                raise ValueError(f"{here} must be a list of at least two patterns")
            for choice in wanted:
                _check(choice, here)
        elif isinstance(wanted, dict):
            _check(wanted, here)
        elif isinstance(wanted, list) and wanted:
            for rule in wanted:
                _check_rule(rule, here)
        else:
            raise ValueError(f'{here} must be a list of rules, such as ["value"], or an object')


def _check_rule(rule: Any, where: str) -> None:
    if isinstance(rule, list):
        raise ValueError(f"{where}: a rule must not be a list")
    if not isinstance(rule, dict):
        return
    if len(rule) != 1:
        raise ValueError(f"{where}: a rule must have exactly one operator")
    ((name, operand),) = rule.items()
    if name not in _OPERATORS:
        raise ValueError(f"{where}: {name!r} is not an operator of Lambda's filters")
    if not _OPERATORS[name][0](operand):
        raise ValueError(f"{where}: {operand!r} is not a valid operand of {name!r}")
