"""The WebSocket API: routes, throttling and access logs."""

from __future__ import annotations

from typing import Any

from local.template.intrinsics import Resolver
from tests.support.deployed_template import (
    of_type,
)


def test_each_route_has_its_function(stack: Any) -> None:
    assert {route.key: route.function for route in stack.api.routes.values()} == {
        "$connect": "ConnectFunction",
        "$disconnect": "DisconnectFunction",
        "onMessage": "MessageFunction",
        "$default": "MessageFunction",
    }
    assert stack.api.selection == "$request.body.action"


def test_only_the_default_route_answers(resolved: Resolver) -> None:
    (response,) = of_type(resolved, "AWS::ApiGatewayV2::RouteResponse").values()
    # A logical id that the transform makes up: should it ever change, the reply would be lost.
    assert response == {"ApiId": "ChatApi", "RouteId": "ChatApiDefaultRoute", "RouteResponseKey": "$default"}
    assert {
        name: (route["RouteKey"], route.get("RouteResponseSelectionExpression"))
        for name, route in of_type(resolved, "AWS::ApiGatewayV2::Route").items()
    } == {
        "ChatApiConnectRoute": ("$connect", None),
        "ChatApiDisconnectRoute": ("$disconnect", None),
        "ChatApiOnmessageRoute": ("onMessage", None),
        "ChatApiDefaultRoute": ("$default", "$default"),
    }


def test_a_connect_without_any_header_or_query_reaches_the_authorizer(resolved: Resolver) -> None:
    # API Gateway answers 401 by itself when a listed identity source is absent.
    (authorizer,) = of_type(resolved, "AWS::ApiGatewayV2::Authorizer").values()
    assert authorizer["AuthorizerType"] == "REQUEST"
    assert "IdentitySource" not in authorizer
    assert "function:AuthorizerFunction/" in authorizer["AuthorizerUri"]


def test_connect_and_nothing_else_is_authorized(resolved: Resolver) -> None:
    routes = of_type(resolved, "AWS::ApiGatewayV2::Route").values()
    assert [route["RouteKey"] for route in routes if route.get("AuthorizationType", "NONE") != "NONE"] == [
        "$connect"
    ]


def test_handshakes_are_throttled_to_bound_the_cost(resolved: Resolver) -> None:
    (stage,) = of_type(resolved, "AWS::ApiGatewayV2::Stage").values()
    assert stage["DefaultRouteSettings"] == {"ThrottlingRateLimit": "200", "ThrottlingBurstLimit": "400"}


def test_access_logs_are_off_unless_asked_for(resolved: Resolver, with_access_logs: Resolver) -> None:
    (stage,) = of_type(resolved, "AWS::ApiGatewayV2::Stage").values()
    assert "AccessLogSettings" not in stage
    assert "AccessLogGroup" not in resolved.resources
    (stage,) = of_type(with_access_logs, "AWS::ApiGatewayV2::Stage").values()
    assert "AccessLogGroup" in stage["AccessLogSettings"]["DestinationArn"]
    assert with_access_logs.properties("AccessLogGroup")["RetentionInDays"] == "30"


def test_access_logs_hold_no_message_and_no_query(with_access_logs: Resolver) -> None:
    (stage,) = of_type(with_access_logs, "AWS::ApiGatewayV2::Stage").values()
    for private in ("querystring", "path", "body", "authorizer.principalId", "authorizer.name", "identity"):
        assert private not in stage["AccessLogSettings"]["Format"]
