"""Reads template.yaml into a Stack: what each resource type that runs here comes to, as plain values."""

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
from local.aws_defaults import Limits
from local.errors import TemplateError
from local.stack import Api, Function, Queue, Route, Stack, Table
from local.template import sam
from local.template.event_source_mappings import EventSourceMappings
from local.template.intrinsics import URL_SUFFIX, Resolver, Unsupported, is_true

# What is read from the types below; of the rest, these have nothing to do on a laptop.
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
# What CreateTable takes of a table's properties and ministack acts on.
TABLE_PROPERTIES = (
    "AttributeDefinitions",
    "BillingMode",
    "GlobalSecondaryIndexes",
    "KeySchema",
    "LocalSecondaryIndexes",
    "ProvisionedThroughput",
    "StreamSpecification",
)
_FUNCTION_URI = re.compile(r":lambda:path/.*/functions/(arn:[^/]+)/invocations$")


@dataclass(frozen=True, slots=True)
class Endpoints:
    """What stands in for API Gateway, and for the services that functions use, as `host:port`.

    `queues` is for SQS where that is elsewhere.
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
    """The stack that the template describes with these parameters.

    Without endpoints, the functions' environment names AWS's own, as under `sam local invoke`.
    Raises TemplateError, in one line, for anything that would not deploy or could not run here.
    """
    try:
        cloudformation, code = sam.read(path, parameters, region)
        stack = _stack(Resolver(cloudformation, parameters, region), code)
    except TemplateError as error:
        raise TemplateError(f"{path.name}: {' '.join(str(error).split())}") from error
    except (AttributeError, KeyError, TypeError, ValueError) as error:
        # A property that is missing, or not of its kind: CloudFormation would refuse it by its schema.
        raise TemplateError(f"{path.name}: a property is missing or of the wrong kind: {error!r}") from error
    return stack if endpoints is None else redirect(stack, endpoints, region)


def redirect(stack: Stack, endpoints: Endpoints, region: str = "us-east-1") -> Stack:
    """The same stack with every environment value that points at AWS pointed at this machine."""
    api, host = re.escape(stack.api.name), re.escape(f".{region}.{URL_SUFFIX}")
    gateway, services, queues = endpoints.gateway, endpoints.services, endpoints.queues or endpoints.services
    rules = [
        (re.compile(rf"https://{api}\.execute-api{host}"), f"http://{gateway}"),
        (re.compile(rf"wss://{api}\.execute-api{host}"), f"ws://{gateway}"),
        (re.compile(rf"https://(?:(?:streams\.)?dynamodb|secretsmanager|ssm){host}"), f"http://{services}"),
        (re.compile(rf"https://sqs{host}"), f"http://{queues}"),
    ]

    def here(value: str) -> str:
        for pattern, local in rules:
            value = pattern.sub(local, value)
        return value

    functions = {
        name: replace(function, environment={key: here(text) for key, text in function.environment.items()})
        for name, function in stack.functions.items()
    }
    return replace(stack, functions=functions)


def _stack(resolver: Resolver, code: Mapping[str, Path]) -> Stack:
    unknown: list[str] = []
    for name, resource in resolver.resources.items():
        kind = resource.get("Type")
        if kind not in READ:
            with suppress(Unsupported):
                resolver.properties(name)  # what it refers to must exist even so
            if kind not in NOTHING_TO_DO:
                unknown.append(f"{name}: {kind} is not run here")
    functions = dict(_functions(resolver, code))
    tables = {
        name: _table(resolver.physical_name(name), it)
        for name, it in resolver.of_type("AWS::DynamoDB::Table")
    }
    queues = {
        name: _queue(resolver.physical_name(name), it) for name, it in resolver.of_type("AWS::SQS::Queue")
    }
    _check_dead_letters(queues, {resolver.arn(name): name for name in queues})
    sources = EventSourceMappings(resolver, functions, tables, queues)
    api = _api(resolver, {resolver.arn(name): name for name in functions}, unknown)
    return Stack(
        functions=functions,
        api=api,
        tables=tables,
        queues=queues,
        stream_mappings=tuple(sources.stream_mappings()),
        queue_mappings=tuple(sources.queue_mappings()),
        unknown=(*unknown, *sources.unknown()),
    )


def _functions(resolver: Resolver, code: Mapping[str, Path]) -> Iterator[tuple[str, Function]]:
    for name, it in resolver.of_type("AWS::Lambda::Function"):
        if name not in code:
            raise TemplateError(f"{name}: its code is not in a folder of this project (CodeUri)")
        handler, runtime = str(it.get("Handler")), str(it.get("Runtime"))
        here = f"python{sys.version_info.major}.{sys.version_info.minor}"
        if runtime != here:
            raise TemplateError(f"{name} wants {runtime}; the engine runs on {here}")
        module = code[name].joinpath(*handler.rpartition(".")[0].replace("/", ".").split("."))
        if not module.with_suffix(".py").is_file() and not (module / "__init__.py").is_file():
            raise TemplateError(f"{name}: its handler is {handler}, but there is no {module}.py")
        environment = (it.get("Environment") or {}).get("Variables") or {}
        yield (
            name,
            Function(
                name=name,
                handler=handler,
                code=code[name],
                timeout=float(it.get("Timeout", aws_defaults.FUNCTION_TIMEOUT)),
                memory=int(it.get("MemorySize", aws_defaults.FUNCTION_MEMORY)),
                environment={key: _text(value) for key, value in environment.items()},
                traced=(it.get("TracingConfig") or {}).get("Mode") == "Active",
            ),
        )


def _api(resolver: Resolver, arns: Mapping[str, str], unknown: list[str]) -> Api:
    apis = [(name, it) for name, it in resolver.of_type("AWS::ApiGatewayV2::Api")]
    stages = [it for _, it in resolver.of_type("AWS::ApiGatewayV2::Stage")]
    if len(apis) != 1 or len(stages) != 1 or apis[0][1].get("ProtocolType") != "WEBSOCKET":
        raise TemplateError("has to have one WebSocket API with one stage, and no other API")
    (name, api), stage = apis[0], stages[0]
    integrations = dict(resolver.of_type("AWS::ApiGatewayV2::Integration"))
    authorizers = dict(resolver.of_type("AWS::ApiGatewayV2::Authorizer"))
    answered = {it.get("RouteId") for _, it in resolver.of_type("AWS::ApiGatewayV2::RouteResponse")}
    routes: dict[str, Route] = {}
    authorizer: str | None = None
    for route_id, it in resolver.of_type("AWS::ApiGatewayV2::Route"):
        key = str(it["RouteKey"])
        integration = integrations.get(str(it.get("Target", "")).removeprefix("integrations/"))
        if integration is None or integration.get("IntegrationType") != "AWS_PROXY":
            raise TemplateError(f"{route_id}: route {key} has to have an AWS_PROXY integration")
        routes[key] = Route(
            key=key,
            function=_called(integration.get("IntegrationUri"), arns, route_id),
            # A reply needs both: the route has to select a response, and the response has to exist.
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
            two_way=route_id in answered and it.get("RouteResponseSelectionExpression") == "$default",
            timeout=int(integration.get("TimeoutInMillis", Limits().integration_timeout * 1000)) / 1000,
        )
        match it.get("AuthorizationType", "NONE"):
            case "NONE":
                pass
            case "CUSTOM" if key == "$connect" and (found := authorizers.get(str(it.get("AuthorizerId")))):
                authorizer = _called(found.get("AuthorizerUri"), arns, route_id)
                if found.get("IdentitySource"):
                    unknown.append(f"{it['AuthorizerId']}: its IdentitySource is not checked here")
            case other:
                raise TemplateError(f"{route_id}: authorization {other} of route {key} is not known here")
    settings = stage.get("DefaultRouteSettings") or {}
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    return Api(
        name=name,
        stage=str(stage["StageName"]),
        selection=str(api["RouteSelectionExpression"]),
        routes=routes,
        authorizer=authorizer,
        throttle_rate=None if rate is None else float(rate),
        throttle_burst=None if burst is None else int(burst),
    )


def _called(uri: Any, arns: Mapping[str, str], by: str) -> str:
    match = _FUNCTION_URI.search(str(uri))
    if match is None or match[1] not in arns:
        raise TemplateError(f"{by} calls {uri}, which is no function of this template")
    return arns[match[1]]


def _table(name: str, properties: Mapping[str, Any]) -> Table:
    definition = {key: properties[key] for key in TABLE_PROPERTIES if key in properties}
    if "StreamSpecification" in definition:  # CloudFormation leaves out what its API wants to be told
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
        raise TemplateError(f"{own}: the name of a FIFO queue, and of no other, ends with .fifo")
    return queue


def _check_dead_letters(queues: Mapping[str, Queue], arns: Mapping[str, str]) -> None:
    for name, queue in queues.items():
        if (policy := queue.attributes.get("RedrivePolicy")) is None:
            continue
        target = json.loads(policy).get("deadLetterTargetArn")
        if target not in arns:
            raise TemplateError(f"{name}: its dead-letter queue {target} is no queue of this template")
        # "The dead-letter queue of a FIFO queue must also be a FIFO queue", and a standard one's standard:
        # https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_SetQueueAttributes.html
        if queues[arns[target]].fifo != queue.fifo:
            raise TemplateError(f"{name}: of it and its dead-letter queue {arns[target]} only one is FIFO")


def _text(value: Any) -> str:
    """As AWS stores it: YAML's booleans in lower case, structures as JSON."""
    if isinstance(value, str):
        return value
    return json.dumps(value, separators=(",", ":"))
