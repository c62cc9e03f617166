"""The WebSocket API of a template."""

from __future__ import annotations

from local.stack import Route
from tests.support.local.templates import API, Project


def test_routes_name_their_functions_and_integration_timeouts(project: Project) -> None:
    api = project.load(API).api
    assert (api.name, api.stage, api.selection) == ("Api", "live", "$request.body.action")
    assert api.routes == {
        "$connect": Route(key="$connect", function="Hello", two_way=False, timeout=29.0),
        "$default": Route(key="$default", function="Hello", two_way=False, timeout=5.0),
    }
    assert (api.authorizer, api.throttle_rate, api.throttle_burst) == (None, None, None)


RESPONSE = """
  Reply:
    Type: AWS::ApiGatewayV2::RouteResponse
    Properties: {ApiId: !Ref Api, RouteId: !Ref ApiDefaultRoute, RouteResponseKey: $default}
"""


def test_a_route_is_two_way_only_with_a_response_that_it_selects(project: Project) -> None:
    selecting = API.replace("IntegrationTimeout: 5000", "RouteResponseSelectionExpression: $default")
    assert project.load(selecting + RESPONSE).api.routes["$default"].two_way
    assert not project.load(selecting).api.routes["$default"].two_way
    assert not project.load(API + RESPONSE).api.routes["$default"].two_way


def test_the_authorizer_and_the_throttle_come_from_the_api(project: Project) -> None:
    authorizing = API.replace(
        "      StageName: live\n",
        "      StageName: live\n"
        "      Auth: {AuthType: CUSTOM, AuthArn: !GetAtt Hello.Arn}\n"
        "      DefaultRouteSettings: {ThrottlingRateLimit: 20, ThrottlingBurstLimit: 5}\n",
    )
    api = project.load(authorizing).api
    assert (api.authorizer, api.throttle_rate, api.throttle_burst) == ("Hello", 20.0, 5)
