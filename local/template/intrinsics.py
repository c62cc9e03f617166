"""CloudFormation's parameters, rules, conditions and functions, for a stack that is deployed nowhere.

A resource without a name of its own is named by its logical id, so that logs and tables read as the
template does.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping
from typing import Any

from local.aws_defaults import ACCOUNT, PARTITION
from local.errors import TemplateError

URL_SUFFIX = "amazonaws.com"
STACK_NAME = "local"
STREAM_LABEL = "2026-01-01T00:00:00.000"

_VARIABLE = re.compile(r"\$\{([^}]*)\}")
# Where a resource type keeps its own name, for those whose Ref is that name.
_NAMES = {
    "AWS::DynamoDB::Table": "TableName",
    "AWS::Lambda::Function": "FunctionName",
    "AWS::SQS::Queue": "QueueName",
    "AWS::Logs::LogGroup": "LogGroupName",
}


class Unsupported(TemplateError):
    """Valid CloudFormation that has no meaning on this machine."""


class _NoValue:
    """What AWS::NoValue stands for: the property or list item is as if it had not been written."""


_NO_VALUE = _NoValue()


class Resolver:
    """Gives every value of a template its meaning. All errors are TemplateErrors of one line."""

    def __init__(self, template: Mapping[str, Any], parameters: Mapping[str, str], region: str) -> None:
        self.region = region
        self.parameters = _parameters(template.get("Parameters") or {}, parameters)
        self._values: dict[str, Any] = {
            **self.parameters,
            "AWS::AccountId": ACCOUNT,
            "AWS::NoValue": _NO_VALUE,
            "AWS::NotificationARNs": [],
            "AWS::Partition": PARTITION,
            "AWS::Region": region,
            "AWS::StackId": f"arn:{PARTITION}:cloudformation:{region}:{ACCOUNT}:stack/{STACK_NAME}/0",
            "AWS::StackName": STACK_NAME,
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
        self._hold(template.get("Rules") or {})

    def of_type(self, *types: str) -> Iterator[tuple[str, dict[str, Any]]]:
        """Resources of these types, by logical id, their properties resolved."""
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
        """The value with all intrinsic functions in it carried out."""
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
                raise Unsupported(f"{name} is not known to the local engine")
        pairs = {key: self.resolve(item) for key, item in value.items()}
        return {key: item for key, item in pairs.items() if item is not _NO_VALUE}

    def condition(self, name: str) -> bool:
        if name not in self._conditions:
            raise TemplateError(f"there is no condition {name}")
        if name not in self._known_conditions:
            self._known_conditions[name] = None  # being worked out
            self._known_conditions[name] = self._truth(self._conditions[name])
        known = self._known_conditions[name]
        if known is None:
            raise TemplateError(f"condition {name} depends on itself")
        return known

    def physical_name(self, logical: str) -> str:
        """The resource's own name where it gives itself one, and its logical id otherwise."""
        resource = self.resources[logical]
        properties = resource.get("Properties") or {}
        own = properties.get(_NAMES.get(resource.get("Type", ""), ""))
        name = logical if own is None else str(self.resolve(own))
        queue = resource.get("Type") == "AWS::SQS::Queue"
        fifo = queue and is_true(self.resolve(properties.get("FifoQueue")))
        return name if not fifo or name.endswith(".fifo") else f"{name}.fifo"

    def queue_url(self, logical: str) -> str:
        return f"https://sqs.{self.region}.{URL_SUFFIX}/{ACCOUNT}/{self.physical_name(logical)}"

    def arn(self, logical: str) -> str:
        """The ARN that the resource would have in the local account."""
        name, kind = self.physical_name(logical), self.resources[logical].get("Type", "")
        service = kind.split("::")[1].lower() if "::" in kind else "unknown"
        where = f"arn:{PARTITION}:{service}:{self.region}:{ACCOUNT}"
        match kind:
            case "AWS::DynamoDB::Table":
                return f"{where}:table/{name}"
            case "AWS::Lambda::Function":
                return f"{where}:function:{name}"
            case "AWS::Logs::LogGroup":
                return f"{where}:log-group:{name}:*"
            case "AWS::IAM::Role":
                return f"arn:{PARTITION}:iam::{ACCOUNT}:role/{name}"
        return f"{where}:{name}"

    def _hold(self, rules: Mapping[str, Any]) -> None:
        """Refuses parameters that each may be so, but not together.

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
            raise TemplateError(f"{name} of {argument!r} makes no sense") from error

    def _truth(self, expression: Any) -> bool:
        value = self.resolve(expression)
        if not isinstance(value, bool):
            raise TemplateError(f"{expression!r} is not a condition")
        return value

    def _ref(self, name: str) -> Any:
        if name in self._values:
            return self._values[name]
        if name not in self.resources:
            raise TemplateError(f"Ref of {name}, which is neither a parameter nor a resource")
        if self.resources[name].get("Type") == "AWS::SQS::Queue":
            return self.queue_url(name)
        return self.physical_name(name)

    def _get_att(self, reference: str | list[Any]) -> Any:
        parts = reference.split(".", 1) if isinstance(reference, str) else reference
        logical, attribute = str(parts[0]), str(self.resolve(parts[1]))
        if logical not in self.resources:
            raise TemplateError(f"GetAtt of {logical}, which is not a resource")
        match self.resources[logical].get("Type", ""), attribute:
            case _, "Arn":
                return self.arn(logical)
            case "AWS::DynamoDB::Table", "StreamArn":
                return f"{self.arn(logical)}/stream/{STREAM_LABEL}"
            case "AWS::SQS::Queue", "QueueName":
                return self.physical_name(logical)
            case "AWS::SQS::Queue", "QueueUrl":
                return self.queue_url(logical)
            case "AWS::ApiGatewayV2::Api", "ApiId":
                return logical
            case "AWS::ApiGatewayV2::Api", "ApiEndpoint":
                return f"wss://{logical}.execute-api.{self.region}.{URL_SUFFIX}"
            case "AWS::DynamoDB::Table" | "AWS::Lambda::Function" | "AWS::SQS::Queue" as kind, _:
                raise TemplateError(f"{kind} {logical} has no attribute {attribute}")
        return f"{logical}.{attribute}"  # of a resource that does not exist here: any value tells it apart

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
    """Whether a property is set: parameters, as which it may come, are strings."""
    return str(value).lower() == "true"


def _parameters(declared: Mapping[str, Any], given: Mapping[str, str]) -> dict[str, Any]:
    for name in given:
        if name not in declared:
            known = ", ".join(declared) or "none"
            raise TemplateError(f"there is no parameter {name} (there are: {known})")
    return {name: _parameter(name, rules, given.get(name)) for name, rules in declared.items()}


def _parameter(name: str, rules: Mapping[str, Any], given: str | None) -> Any:
    if given is None and "Default" not in rules:
        raise TemplateError(f"parameter {name} needs a value: --set {name}=...")
    value = str(rules["Default"] if given is None else given)
    kind = rules.get("Type", "String")
    parts = [part.strip() for part in value.split(",")] if "List" in kind else [value]
    for part in parts:
        if reason := _refusal(part, kind, rules):
            raise TemplateError(f"parameter {name} is {value!r}, but {reason}")
    return parts if "List" in kind else value


def _refusal(value: str, kind: str, rules: Mapping[str, Any]) -> str | None:
    """Why CloudFormation would not take the value, or None."""
    if own := rules.get("ConstraintDescription"):  # the template's own words for whatever is wrong
        without = {key: rule for key, rule in rules.items() if key != "ConstraintDescription"}
        return f"has to be: {own}" if _refusal(value, kind, without) else None
    allowed = [str(choice) for choice in rules.get("AllowedValues", ())]
    if allowed and value not in allowed:
        return f"has to be one of {', '.join(allowed)}"
    # CloudFormation matches the whole value: "the pattern must match the entire parameter value".
    if (pattern := rules.get("AllowedPattern")) and not re.fullmatch(pattern, value):
        return f"has to match {pattern}"
    shortest, longest = int(rules.get("MinLength", 0)), int(rules.get("MaxLength", 4096))
    if not shortest <= len(value) <= longest:
        return f"has to have {shortest} to {longest} characters"
    if "Number" in kind:
        try:
            number = float(value)
        except ValueError:
            return "has to be a number"
        if not float(rules.get("MinValue", number)) <= number <= float(rules.get("MaxValue", number)):
            return f"has to be {rules.get('MinValue', 'anything')} to {rules.get('MaxValue', 'anything')}"
    return None
