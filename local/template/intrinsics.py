"""CloudFormation's rules, conditions and functions, for a stack that is not deployed.

A resource without a name of its own gets its logical id as name, so that logs and tables read like the
template.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.aws_defaults import ACCOUNT, PARTITION
from local.errors import TemplateError
from local.template import identifiers
from local.template.identifiers import URL_SUFFIX
from local.template.parameters import read_parameters

STACK_NAME = "local"

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# The property of a resource's own name, for types whose Ref is that name.
_NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Logs::LogGroup": "LogGroupName",
}


class Unsupported(TemplateError):
    """Valid CloudFormation that has no meaning on this machine."""


class _NoValue:
    """The value of AWS::NoValue: a property or list item with it is dropped."""


_NO_VALUE = _NoValue()


class Resolver:
    """Resolves the values of a template. All errors are TemplateErrors of one line."""

    def __init__(
        self,
        template: Mapping[str, Any],
        parameters: Mapping[str, str],
        region: str,
        *,
        stack_name: str = STACK_NAME,
    ) -> None:
        self.region = region
        self.parameters = read_parameters(template.get("Parameters") or {}, parameters)
        self._values: dict[str, Any] = {
            **self.parameters,
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": PARTITION,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{PARTITION}:cloudformation:{region}:{ACCOUNT}:stack/{stack_name}/0",
            "AWS::StackName": stack_name,
            "AWS::URLSuffix": URL_SUFFIX,
        }
        self._mappings: Mapping[str, Any] = template.get("Mappings") or {}
        self._conditions: Mapping[str, Any] = template.get("Conditions") or {}
        self._known_conditions: dict[str, bool | None] = {}
        self._functions: dict[str, Callable[[Any], Any]] = {
            "Ref": self._ref,
            "Condition": self.condition,
            "Fn::And": lambda terms: all([self._truth(term) for term in terms]),
            "Fn::Equals": lambda sides: self.resolve(sides[0]) == self.resolve(sides[1]),
            "Fn::FindInMap": self._find_in_map,
            "Fn::GetAtt": self._get_att,
            "Fn::If": lambda choice: self.resolve(choice[1] if self.condition(choice[0]) else choice[2]),
            "Fn::Join": lambda join: join[0].join(str(part) for part in self.resolve(join[1])),
            "Fn::Not": lambda term: not self._truth(term[0]),
            "Fn::Or": lambda terms: any([self._truth(term) for term in terms]),
            "Fn::Select": lambda pick: self.resolve(pick[1])[int(self.resolve(pick[0]))],
            "Fn::Split": lambda split: self.resolve(split[1]).split(split[0]),
            "Fn::Sub": self._sub,
        }
        declared: Mapping[str, Any] = template.get("Resources") or {}
        self.resources: dict[str, dict[str, Any]] = {}  # those whose condition holds
        for name, resource in declared.items():
            if "Condition" not in resource or self.condition(resource["Condition"]):
                self.resources[name] = resource
        self._check_rules(template.get("Rules") or {})

    def of_type(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Yield the resources of these types: logical id and resolved properties."""
        for name, resource in self.resources.items():
            if resource.get("Type") in types:
                yield name, self.properties(name)

    def properties(self, name: str) -> dict[str, Any]:
        try:
            resolved: dict[str, Any] = self.resolve(self.resources[name].get("Properties") or {})
        except TemplateError as error:
            raise type(error)(f"{name}: {error}") from error
        return resolved

    def resolve(self, value: Any) -> Any:
        """Return the value with all its intrinsic functions evaluated."""
        if isinstance(value, list):
            items = [self.resolve(item) for item in value]
            return [item for item in items if item is not _NO_VALUE]
        if not isinstance(value, dict):
            return value
        if len(value) == 1:
            (name, argument), *_ = value.items()
            if function := self._functions.get(name):
                return self._call(name, function, argument)
            if str(name).startswith("Fn::"):
                raise Unsupported(f"{name} is not supported by the local engine")
        pairs = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not _NO_VALUE}

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise TemplateError(f"there is no condition {name}")
        if name not in self._known_conditions:
            self._known_conditions[name] = None  # being evaluated
            self._known_conditions[name] = self._truth(self._conditions[name])
        known = self._known_conditions[name]
        if known is None:
            raise TemplateError(f"condition {name} depends on itself")
        return known

    def physical_name(self, logical: str) -> str:
        """Return the resource's own name, or its logical id if it has none."""
        resource = self.resources[logical]
        properties = resource.get("Properties") or {}
        own = properties.get(_NAMES.get(resource.get("Type", ""), ""))
        name = logical if own is None else str(self.resolve(own))
        queue = resource.get("Type") == "AWS::SQS::Queue"
        fifo = queue and is_true(self.resolve(properties.get("FifoQueue")))
        return name if not fifo or name.endswith(".fifo") else f"{name}.fifo"

    def arn(self, logical: str) -> str:
        """Return the ARN that the resource would have in the local account."""
        return identifiers.arn(self._type(logical), self.physical_name(logical), self.region)

    def _type(self, logical: str) -> str:
        kind: str = self.resources[logical].get("Type", "")
        return kind

    def _check_rules(self, rules: Mapping[str, Any]) -> None:
        """Raise TemplateError if valid parameters are not valid together.

        https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/rules-section-structure.html
        """
        for name, rule in rules.items():
            if self._truth(rule.get("RuleCondition", True)):
                for assertion in rule["Assertions"]:
                    if not self._truth(assertion["Assert"]):
                        raise TemplateError(assertion.get("AssertDescription", f"rule {name} does not hold"))

    def _call(self, name: str, function: Callable[[Any], Any], argument: Any) -> Any:
        try:
            return function(argument)
        except TemplateError:
            raise
        except (AttributeError, IndexError, KeyError, TypeError, ValueError) as error:
            raise TemplateError(f"{name} cannot be evaluated for {argument!r}") from error

    def _truth(self, expression: Any) -> bool:
        value = self.resolve(expression)
        if not isinstance(value, bool):
            raise TemplateError(f"{expression!r} is not a condition; it must be true or false")
        return value

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self.resources:
            raise TemplateError(f"Ref of {name}, which is neither a parameter nor a resource")
        if self.resources[name].get("Type") == "AWS::SQS::Queue":
            return identifiers.queue_url(self.physical_name(name), self.region)
        return self.physical_name(name)

    def _get_att(self, reference: str | list[Any]) -> Any:
        parts = reference.split(".", 1) if isinstance(reference, str) else reference
        logical, attribute = str(parts[0]), str(self.resolve(parts[1]))
        if logical not in self.resources:
            raise TemplateError(f"GetAtt of {logical}, which is not a resource")
        name = self.physical_name(logical)
        return identifiers.attribute(self._type(logical), logical, name, attribute, self.region)

    def _sub(self, argument: str | list[Any]) -> str:
        text, names = (argument, {}) if isinstance(argument, str) else (argument[0], argument[1])

        def value(match: re.Match[str]) -> str:
            name = match[1].strip()
            if name.startswith("!"):  # ${!Literal} is written ${Literal}
                return f"${{{name[1:]}}}"
            if name in names:
                return str(self.resolve(names[name]))
            return str(self._get_att(name) if "." in name else self._ref(name))

        return _VARIABLE.sub(value, text)

    def _find_in_map(self, path: list[Any]) -> Any:
        first, second, third = (str(self.resolve(key)) for key in path[:3])
        try:
            return self.resolve(self._mappings[first][second][third])
        except KeyError:
            raise TemplateError(f"there is no {first}.{second}.{third} in Mappings") from None


def is_true(value: Any) -> bool:
    """True if a boolean property is set; from a parameter it is a string."""
    return str(value).lower() == "true"
