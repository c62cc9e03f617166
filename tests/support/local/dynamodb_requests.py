"""Random requests to DynamoDB, of which some are wrong."""

from __future__ import annotations

import random
import re
from typing import Any, ClassVar

TABLE = {
    "TableName": "Rows",
    "BillingMode": "PAY_PER_REQUEST",
    "AttributeDefinitions": [
        {"AttributeName": "pk", "AttributeType": "S"},
        {"AttributeName": "sk", "AttributeType": "S"},
    ],
    "KeySchema": [
        {"AttributeName": "pk", "KeyType": "HASH"},
        {"AttributeName": "sk", "KeyType": "RANGE"},
    ],
    "StreamSpecification": {"StreamEnabled": True, "StreamViewType": "NEW_IMAGE"},
}
VALUES: list[dict[str, Any]] = [
    {"S": ""},
    {"S": "a"},
    {"S": "ab"},
    {"S": "b"},
    {"N": "1"},
    {"N": "2.50"},
    {"N": "-7"},
    {"B": "AA=="},
    {"B": "/w=="},
    {"BOOL": True},
    {"NULL": True},
    {"SS": ["a", "b"]},
    {"NS": ["1", "2"]},
    {"L": [{"S": "a"}, {"M": {"x": {"N": "1"}}}]},
    {"M": {"x": {"S": "a"}, "y": {"L": [{"S": "b"}]}}},
]
PATHS = ["a", "b", "c", "#n", "#n", "sk", "a.x", "b[0]", "#n.y[0]", "a[1].x", "name", "absent"]
SIGNS = ["=", "<>", "<", "<=", ">", ">="]


class Requests:
    """Requests for the table Rows, which has few keys, so that most meet an item."""

    ACTIONS: ClassVar[list[str]] = [
        *("PutItem", "UpdateItem", "DeleteItem", "GetItem", "Query", "BatchGetItem", "TransactWriteItems"),
    ]

    def __init__(self, chance: random.Random) -> None:
        self._chance = chance

    def next(self) -> tuple[str, dict[str, Any]]:
        """Return an action and its request."""
        action = self._chance.choice(self.ACTIONS)
        match action:
            case "Query":
                return action, self._query()
            case "GetItem":
                return action, self._named({"TableName": "Rows", "Key": self._key(), **self._projection()})
            case "BatchGetItem":
                asked = {"Keys": self._keys(3), **self._projection()}
                return action, {"RequestItems": {"Rows": self._named(asked)}}
            case "TransactWriteItems":
                writes = [self._write(self._pick("Put", "Update", "Delete"), key) for key in self._keys(3)]
                return action, {"TransactItems": [{kind: write} for kind, write in writes]}
        request = self._write(action.removesuffix("Item"), self._key())[1]
        if self._maybe():
            request["ReturnValues"] = self._pick("ALL_OLD", "NONE", "UPDATED_OLD", "ALL_NEW")
        request["ReturnValuesOnConditionCheckFailure"] = "ALL_OLD"
        return action, request

    def _write(self, kind: str, key: dict[str, Any]) -> tuple[str, dict[str, Any]]:
        request: dict[str, Any] = {"TableName": "Rows"}
        if kind == "Put":
            request["Item"] = {**key, **{name: self._value() for name in self._some("a", "b", "c", "name")}}
        else:
            request["Key"] = key
        if kind == "Update":
            request["UpdateExpression"] = self._update()
        if self._maybe():
            request["ConditionExpression"] = self._broken(self._condition(2))
        return kind, self._named(request)

    def _query(self) -> dict[str, Any]:
        keys = [
            "",
            " AND sk = :v1",
            " AND sk BETWEEN :v1 AND :v2",
            " AND begins_with(sk, :v1)",
            " AND sk > :v1",
        ]
        request: dict[str, Any] = {"TableName": "Rows", "ConsistentRead": True}
        request["KeyConditionExpression"] = self._broken("pk = :v0" + self._pick(*keys))
        request |= self._projection()
        if self._maybe():
            request["FilterExpression"] = self._broken(self._condition(1))
        if self._maybe():
            request |= {"Limit": self._chance.randint(1, 3), "ScanIndexForward": self._maybe()}
        if self._maybe():
            request["ExclusiveStartKey"] = self._key()
        return self._named(request)

    def _projection(self) -> dict[str, Any]:
        if self._maybe():
            return {}
        plain = ["a", "b", "#n", "sk", "absent"]
        names = self._some(*(plain if self._maybe() else PATHS)) or ["a"]
        return {"ProjectionExpression": ", ".join(names)}

    def _update(self) -> str:
        path = self._pick(*PATHS)
        clauses = [
            f"SET {path} = {self._reference()}",
            f"SET a = if_not_exists({path}, {self._reference()}), b = {self._reference()}",
            f"SET c = c + {self._reference()}",
            f"ADD c {self._reference()}",
            f"REMOVE {path}",
            f"DELETE a {self._reference()}",
        ]
        return self._broken(" ".join(self._chance.sample(clauses, self._chance.randint(1, 2))))

    def _condition(self, depth: int) -> str:
        if depth and self._maybe():
            parts = [self._condition(depth - 1) for _ in range(2)]
            return self._pick(
                " AND ".join(parts), " OR ".join(parts), f"NOT ({parts[0]})", f"({parts[0]}) AND {parts[1]}"
            )
        operand, path = self._operand(), self._pick(*PATHS)
        return self._pick(
            f"attribute_exists({path})",
            f"attribute_not_exists({path})",
            f"begins_with({path}, {self._reference()})",
            f"contains({path}, {self._reference()})",
            f"attribute_type({path}, {self._reference()})",
            f"size({path}) {self._pick(*SIGNS)} {self._reference()}",
            f"{operand} {self._pick(*SIGNS)} {self._operand()}",
            f"{operand} {self._pick(*SIGNS)} {self._reference()}",
            f"{operand} BETWEEN {self._reference()} AND {self._reference()}",
            f"{operand} IN ({self._reference()}, {self._reference()})",
            f"((attribute_exists({path})))",
        )

    def _operand(self) -> str:
        return self._reference() if self._chance.random() < 0.2 else self._pick(*PATHS)

    def _broken(self, expression: str) -> str:
        """Leave out a word of some expressions."""
        if self._chance.random() > 0.05:
            return expression
        words = expression.split(" ")
        words.pop(self._chance.randrange(len(words)))
        return " ".join(words)

    def _named(self, request: dict[str, Any]) -> dict[str, Any]:
        """Add the names and values that a request's expressions refer to."""
        text = " ".join(value for name, value in request.items() if name.endswith("Expression"))
        if "#n" in text:
            request["ExpressionAttributeNames"] = {"#n": self._pick("name", "a")}
        values = {reference: self._value() for reference in re.findall(r":v\d", text)}
        if ":v0" in values:
            values[":v0"] = {"S": self._pick("one", "two")}
        if values:
            request["ExpressionAttributeValues"] = values
        return request

    def _keys(self, most: int) -> list[dict[str, Any]]:
        return [self._key() for _ in range(self._chance.randint(1, most))]

    def _key(self) -> dict[str, Any]:
        return {"pk": {"S": self._pick("one", "two")}, "sk": {"S": self._pick("a", "ab", "b", "c")}}

    def _reference(self) -> str:
        return f":v{self._chance.randint(1, 5)}"

    def _value(self) -> dict[str, Any]:
        return self._chance.choice(VALUES)

    def _some(self, *choices: str) -> list[str]:
        return self._chance.sample(choices, self._chance.randint(0, len(choices)))

    def _pick[T](self, *choices: T) -> T:
        return self._chance.choice(choices)

    def _maybe(self) -> bool:
        return self._chance.random() < 0.5
