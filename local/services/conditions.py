"""Conditions of DynamoDB as functions: parsed once, and not again for each item.

A condition has the result of ministack's own evaluator, `_ExprEval` in ministack/services/dynamodb.py. It
raises where ministack would report an error, and ministack then says which. Some rare conditions are left to
it.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

type Item = Mapping[str, Any]
type Condition = Callable[[Item, Mapping[str, Any]], bool]  # of an item and ExpressionAttributeValues
type _Operand = Callable[[Item, Mapping[str, Any]], Any]
type _Compare = Callable[[Any, str, Any], bool]

_COMPARISONS: dict[str, Callable[[Any, Any], bool]] = {
    "=": operator.eq,
    "<>": operator.ne,
    "<": operator.lt,
    ">": operator.gt,
    "<=": operator.le,
    ">=": operator.ge,
}
_KEYWORDS = {"AND", "OR", "NOT", "BETWEEN", "IN"}


class Unsupported(Exception):
    """This expression, or this value, is left to ministack."""


class Parser:
    """Parses ministack's tokens of a condition that it has checked.

    `names` are ExpressionAttributeNames. `compare` compares attribute values that are not two strings.
    """

    def __init__(
        self, tokens: Sequence[tuple[str, str]], names: Mapping[str, str], compare: _Compare
    ) -> None:
        self._tokens = tokens
        self._names = names
        self._compare = compare
        self._at = 0

    def condition(self) -> Condition:
        """Raises Unsupported for an expression that is left to ministack."""
        parsed = self._any()
        if self._kind != "EOF":
            raise Unsupported
        return parsed

    @property
    def _kind(self) -> str:
        """The token's kind; a keyword is a kind of its own, and so is a function's name."""
        kind, text = self._tokens[self._at]
        if kind != "IDENT":
            return kind
        if text.upper() in _KEYWORDS:
            return text.upper()
        return "FUNCTION" if self._tokens[self._at + 1][0] == "LPAREN" else kind

    def _next(self, *kinds: str) -> str:
        if self._kind not in kinds:
            raise Unsupported
        text = self._tokens[self._at][1]
        self._at += 1
        return text

    def _any(self) -> Condition:
        parts = [self._all()]
        while self._kind == "OR":
            self._next("OR")
            parts.append(self._all())
        # ministack evaluates every part, and so reports the error of each.
        return parts[0] if len(parts) == 1 else lambda item, values: any([p(item, values) for p in parts])

    def _all(self) -> Condition:
        parts = [self._not()]
        while self._kind == "AND":
            self._next("AND")
            parts.append(self._not())
        return parts[0] if len(parts) == 1 else lambda item, values: all([p(item, values) for p in parts])

    def _not(self) -> Condition:
        if self._kind != "NOT":
            return self._primary()
        self._next("NOT")
        negated = self._not()
        return lambda item, values: not negated(item, values)

    def _primary(self) -> Condition:
        if self._kind == "LPAREN":
            self._next("LPAREN")
            inner = self._any()
            self._next("RPAREN")
            return inner
        if self._kind == "FUNCTION":
            return self._function()
        left = self._operand()
        if self._kind in ("EQ", "NE", "LT", "GT", "LE", "GE"):
            return self._comparison(left, self._next(self._kind), self._operand())
        if self._kind == "BETWEEN":
            return self._between(left)
        self._next("IN")
        same = [self._comparison(left, "=", value) for value in self._listed()]
        return lambda item, values: any(is_same(item, values) for is_same in same)

    def _listed(self) -> list[_Operand]:
        self._next("LPAREN")
        values = [self._operand()]
        while self._kind == "COMMA":
            self._next("COMMA")
            values.append(self._operand())
        self._next("RPAREN")
        return values

    def _between(self, operand: _Operand) -> Condition:
        self._next("BETWEEN")
        low = self._operand()
        self._next("AND")
        high = self._operand()
        in_order = self._comparison(low, "<=", high)
        above, below = self._comparison(low, "<=", operand), self._comparison(operand, "<=", high)

        def between(item: Item, values: Mapping[str, Any]) -> bool:
            if not in_order(item, values):  # an error, for some
                raise Unsupported
            return above(item, values) and below(item, values)

        return between

    def _function(self) -> Condition:
        function = self._next("FUNCTION").lower()
        self._next("LPAREN")
        operand = self._path()
        if function == "begins_with":
            self._next("COMMA")
            prefix = self._operand()
            self._next("RPAREN")
            return lambda item, values: _begins_with(operand(item, values), prefix(item, values))
        self._next("RPAREN")
        match function:
            case "attribute_exists":
                return lambda item, values: operand(item, values) is not None
            case "attribute_not_exists":
                return lambda item, values: operand(item, values) is None
        raise Unsupported

    def _comparison(self, left: _Operand, sign: str, right: _Operand) -> Condition:
        compare, of_strings = self._compare, _COMPARISONS[sign]

        def comparison(item: Item, values: Mapping[str, Any]) -> bool:
            a, b = left(item, values), right(item, values)
            if type(a) is dict and type(b) is dict and "S" in a and "S" in b:
                return of_strings(a["S"], b["S"])
            return compare(a, sign, b)

        return comparison

    def _operand(self) -> _Operand:
        if self._kind != "VALUE_REF":
            return self._path()
        reference = self._next("VALUE_REF")
        return lambda item, values: values.get(reference)

    def _path(self) -> _Operand:
        text = self._next("IDENT", "NAME_REF")
        if self._kind in ("DOT", "LBRACKET"):
            raise Unsupported
        name = self._names.get(text, text) if text.startswith("#") else text
        return lambda item, values: item.get(name)


def _begins_with(text: Any, prefix: Any) -> bool:
    if text is None or prefix is None:
        return False
    if "S" in text and "S" in prefix:
        return bool(text["S"].startswith(prefix["S"]))
    raise Unsupported
