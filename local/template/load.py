"""Reads template.yaml into a Stack: every resource type that runs here, as plain values."""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any

from local import aws_defaults
from local.errors import TemplateError
from local.stack import Function, Queue, Stack, Table
from local.template import sam
from local.template.api import read_api
from local.template.event_source_mappings import EventSourceMappings
from local.template.identifiers import URL_SUFFIX
from local.template.intrinsics import Resolver, Unsupported, is_true

# Types that this file reads, and types that need nothing on a laptop. Any other type is a warning.
READ = {
    "AWS::ApiGatewayV2::Api",
    "AWS::ApiGatewayV2::Authorizer",
    "AWS::ApiGatewayV2::Integration",
    "AWS::ApiGatewayV2::Route",
    "AWS::ApiGatewayV2::RouteResponse",
    "AWS::ApiGatewayV2::Stage",
    "AWS::DynamoDB::Table",
    "AWS::Lambda::EventSourceMapping",
    "AWS::Lambda::Function",
    "AWS::SQS::Queue",
}
NOTHING_TO_DO = {
    "AWS::ApiGatewayV2::Deployment",
    "AWS::Budgets::Budget",
    "AWS::CloudFormation::WaitConditionHandle",
    "AWS::CloudWatch::Alarm",
    "AWS::CloudWatch::CompositeAlarm",
    "AWS::CloudWatch::Dashboard",
    "AWS::IAM::ManagedPolicy",
    "AWS::IAM::Policy",
    "AWS::IAM::Role",
    "AWS::Lambda::LayerVersion",  # the packages are installed beside the engine
    "AWS::Lambda::LayerVersionPermission",
    "AWS::Lambda::Permission",
    "AWS::Logs::LogGroup",
    "AWS::Logs::MetricFilter",
    "AWS::Logs::ResourcePolicy",
    "AWS::SQS::QueuePolicy",
    "AWS::XRay::Group",
    "AWS::XRay::SamplingRule",
}
# Properties of a table that CreateTable takes and ministack implements.
TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "StreamSpecification",
)


@dataclass(frozen=True, slots=True)
class Endpoints:
    """The local addresses of API Gateway and of the services that functions use, as `host:port`.

    `queues` is SQS, if its address differs from `services`.
    """

    gateway: str
    services: str
    queues: str | None = None


def load(
    path: Path,
    *,
    parameters: Mapping[str, str] = MappingProxyType({}),
    region: str = "us-east-1",
    endpoints: Endpoints | None = None,
) -> Stack:
    """Return the stack that the template describes with these parameters.

    Without endpoints, the functions' environment has AWS's URLs, as under `sam local invoke`.
    Raises TemplateError, in one line, if the template would not deploy or cannot run here.
    """
    try:
        cloudformation, code = sam.read(path, parameters, region)
        stack = _stack(Resolver(cloudformation, parameters, region), code)
    except TemplateError as error:
        raise TemplateError(f"{path.name}: {' '.join(str(error).split())}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A missing property, or a wrong type: CloudFormation would reject it by its schema.
        raise TemplateError(f"{path.name}: a property is missing or has the wrong type: {error!r}") from error
    return stack if endpoints is None else redirect(stack, endpoints, region)


def redirect(stack: Stack, endpoints: Endpoints, region: str = "us-east-1") -> Stack:
    """Return the stack with AWS's URLs in environment values replaced by those of this machine."""
    api, host = re.escape(stack.api.name), re.escape(f".{region}.{URL_SUFFIX}")
    gateway, services, queues = endpoints.gateway, endpoints.services, endpoints.queues or endpoints.services
    rules = [
        (re.compile(rf"https://{api}\.execute-api{host}"), f"http://{gateway}"),
        (re.compile(rf"wss://{api}\.execute-api{host}"), f"ws://{gateway}"),
        (re.compile(rf"https://(?:(?:streams\.)?dynamodb|secretsmanager|ssm){host}"), f"http://{services}"),
        (re.compile(rf"https://sqs{host}"), f"http://{queues}"),
    ]

    def localize(value: str) -> str:
        for pattern, local in rules:
            value = pattern.sub(local, value)
        return value

    functions = {
        name: replace(
            function, environment={key: localize(value) for key, value in function.environment.items()}
        )
        for name, function in stack.functions.items()
    }
    return replace(stack, functions=functions)


def _stack(resolver: Resolver, code: Mapping[str, Path]) -> Stack:
    unknown: list[str] = []
    for name, resource in resolver.resources.items():
        kind = resource.get("Type")
        if kind not in READ:
            with suppress(Unsupported):
                resolver.properties(name)  # its references must exist all the same
            if kind not in NOTHING_TO_DO:
                unknown.append(f"{name}: {kind} is not run here")
    functions = dict(_functions(resolver, code))
    tables = {
        name: _table(resolver.physical_name(name), properties)
        for name, properties in resolver.of_type("AWS::DynamoDB::Table")
    }
    queues = {
        name: _queue(resolver.physical_name(name), properties)
        for name, properties in resolver.of_type("AWS::SQS::Queue")
    }
    _check_dead_letters(queues, {resolver.arn(name): name for name in queues})
    mappings = EventSourceMappings(resolver, functions, tables, queues)
    api = read_api(resolver, {resolver.arn(name): name for name in functions}, unknown)
    return Stack(
        functions=functions,
        api=api,
        tables=tables,
        queues=queues,
        stream_mappings=tuple(mappings.stream_mappings()),
        queue_mappings=tuple(mappings.queue_mappings()),
        unknown=(*unknown, *mappings.unknown()),
    )


def _functions(resolver: Resolver, code: Mapping[str, Path]) -> Iterator[tuple[str, Function]]:
    for name, properties in resolver.of_type("AWS::Lambda::Function"):
        if name not in code:
            raise TemplateError(f"{name} has no code in this project; set CodeUri to a folder")
        handler = str(properties.get("Handler"))
        _check_runtime(name, str(properties.get("Runtime")))
        _check_handler(name, handler, code[name])
        variables = (properties.get("Environment") or {}).get("Variables") or {}
        yield (
            name,
            Function(
                name=name,
                handler=handler,
                code=code[name],
                timeout=float(properties.get("Timeout", aws_defaults.FUNCTION_TIMEOUT)),
                memory=int(properties.get("MemorySize", aws_defaults.FUNCTION_MEMORY)),
                environment={key: _text(value) for key, value in variables.items()},
                may_recur=properties.get("RecursiveLoop") == "Allow",
                traced=(properties.get("TracingConfig") or {}).get("Mode") == "Active",
            ),
        )


def _check_runtime(name: str, runtime: str) -> None:
    ours = f"python{sys.version_info.major}.{sys.version_info.minor}"
    if runtime != ours:
        raise TemplateError(f"{name} has runtime {runtime}, but the engine runs on {ours}; use the same")


def _check_handler(name: str, handler: str, code: Path) -> None:
    module = code.joinpath(*handler.rpartition(".")[0].replace("/", ".").split("."))
    if not module.with_suffix(".py").is_file() and not (module / "__init__.py").is_file():
        raise TemplateError(f"{name} has handler {handler}, but there is no {module}.py")


def _table(name: str, properties: Mapping[str, Any]) -> Table:
    definition = {key: properties[key] for key in TABLE_PROPERTIES if key in properties}
    if "StreamSpecification" in definition:  # the API requires it, CloudFormation has no such property
        definition["StreamSpecification"] = {"StreamEnabled": True, **definition["StreamSpecification"]}
    ttl = properties.get("TimeToLiveSpecification") or {}
    return Table(
        name=name,
        definition={"TableName": name, **definition},
        ttl=ttl.get("AttributeName") if is_true(ttl.get("Enabled", False)) else None,
    )


def _queue(name: str, properties: Mapping[str, Any]) -> Queue:
    settings = {key: value for key, value in properties.items() if key not in ("QueueName", "Tags")}
    queue = Queue(name=name, attributes={key: _text(value) for key, value in settings.items()})
    # https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-sqs-queue.html#cfn-sqs-queue-queuename
    own = str(properties.get("QueueName", name))
    if own.endswith(".fifo") != queue.fifo:
        raise TemplateError(f"queue {own}: the name must end with .fifo if the queue is FIFO, and only then")
    return queue


def _check_dead_letters(queues: Mapping[str, Queue], arns: Mapping[str, str]) -> None:
    for name, queue in queues.items():
        if (policy := queue.attributes.get("RedrivePolicy")) is None:
            continue
        target = json.loads(policy).get("deadLetterTargetArn")
        if target not in arns:
            raise TemplateError(
                f"{name} has the dead-letter queue {target}, which is not a queue of this template"
            )
        # "The dead-letter queue of a FIFO queue must also be a FIFO queue", and likewise for standard ones:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
        if queues[arns[target]].fifo != queue.fifo:
            raise TemplateError(
                f"{name} and its dead-letter queue {arns[target]} must both be FIFO or both be standard"
            )


def _text(value: Any) -> str:
    """Return the value as AWS stores it: booleans in lower case, structures as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
