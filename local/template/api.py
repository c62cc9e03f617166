"""Reads the template's WebSocket API: its stage, routes and authorizer."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any

from local.aws_defaults import Limits
from local.errors import TemplateError
from local.stack import Api, Route
from local.template.intrinsics import Resolver

_FUNCTION_URI = re.compile(r":lambda:path/.*/functions/(arn:[^/]+)/invocations$")


def read_api(resolver: Resolver, arns: Mapping[str, str], unknown: list[str]) -> Api:
    """Return the only API. `arns` are the functions'; `unknown` gets a line for what is not run here."""
    apis = list(resolver.of_type("AWS::ApiGatewayV2::Api"))
    stages = [properties for _, properties in resolver.of_type("AWS::ApiGatewayV2::Stage")]
    if len(apis) != 1 or len(stages) != 1 or apis[0][1].get("ProtocolType") != "WEBSOCKET":
        raise TemplateError("must have one WebSocket API with one stage, and no other API")
    (name, api), stage = apis[0], stages[0]
    settings = stage.get("DefaultRouteSettings") or {}
    rate, burst = settings.get("ThrottlingRateLimit"), settings.get("ThrottlingBurstLimit")
    return Api(
        name=name,
        stage=str(stage["StageName"]),
        selection=str(api["RouteSelectionExpression"]),
        routes=_routes(resolver, arns),
        authorizer=_authorizer(resolver, arns, unknown),
        throttle_rate=None if rate is None else float(rate),
        throttle_burst=None if burst is None else int(burst),
    )


def _routes(resolver: Resolver, arns: Mapping[str, str]) -> dict[str, Route]:
    integrations = dict(resolver.of_type("AWS::ApiGatewayV2::Integration"))
    responses = {route.get("RouteId") for _, route in resolver.of_type("AWS::ApiGatewayV2::RouteResponse")}
    routes: dict[str, Route] = {}
    for route_id, route in resolver.of_type("AWS::ApiGatewayV2::Route"):
        key = str(route["RouteKey"])
        integration = integrations.get(str(route.get("Target", "")).removeprefix("integrations/"))
        if integration is None or integration.get("IntegrationType") != "AWS_PROXY":
            raise TemplateError(f"{route_id}: route {key} must have an AWS_PROXY integration")
        routes[key] = Route(
            key=key,
            function=_function(integration.get("IntegrationUri"), arns, route_id),
            # A reply needs both: the route must select a response, and the response must exist.
            # https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-websocket-api-route-response.html
            two_way=route_id in responses and route.get("RouteResponseSelectionExpression") == "$default",
            timeout=int(integration.get("TimeoutInMillis", Limits().integration_timeout * 1000)) / 1000,
        )
    return routes


def _authorizer(resolver: Resolver, arns: Mapping[str, str], unknown: list[str]) -> str | None:
    """Return the function of $connect's authorizer, or None."""
    authorizers = dict(resolver.of_type("AWS::ApiGatewayV2::Authorizer"))
    function = None
    for route_id, route in resolver.of_type("AWS::ApiGatewayV2::Route"):
        key, authorizer_id = route["RouteKey"], str(route.get("AuthorizerId"))
        match route.get("AuthorizationType", "NONE"):
            case "NONE":
                pass
            case "CUSTOM" if key == "$connect" and (authorizer := authorizers.get(authorizer_id)):
                function = _function(authorizer.get("AuthorizerUri"), arns, route_id)
                if authorizer.get("IdentitySource"):
                    unknown.append(f"{authorizer_id}: its IdentitySource is not checked here")
            case other:
                raise TemplateError(
                    f"{route_id}: authorization {other} of route {key} is not supported; "
                    "use CUSTOM on $connect, or NONE"
                )
    return function


def _function(uri: Any, arns: Mapping[str, str], caller: str) -> str:
    match = _FUNCTION_URI.search(str(uri))
    if match is None or match[1] not in arns:
        raise TemplateError(f"{caller} calls {uri}, which is not a function of this template")
    return arns[match[1]]
