"""$connect's REQUEST authorizer: who are you?"""

from __future__ import annotations

from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from chat.identity import open_identity, spoken, subprotocols
from chat.rooms import first_room

logger = Logger()
tracer = Tracer(auto_patch=False)
metrics = Metrics()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    connection_id = event["requestContext"]["connectionId"]
    query = event.get("queryStringParameters") or {}
    room = first_room((event.get("multiValueQueryStringParameters") or {}).get("room") or [])
    headers = {name.lower(): value for name, value in (event.get("headers") or {}).items()}
    identity = open_identity(
        client=query.get("client"),
        name=query.get("name"),
        connection_id=connection_id,
        # An offer that we do not speak is refused by $connect, which can say so with a status of its own.
        protocol=spoken(subprotocols(headers.get("sec-websocket-protocol"))) or "plain",
    )
    metrics.add_metric("Identified", MetricUnit.Count, 1)
    logger.info("identified", connection=connection_id, room=room, user=identity.user)
    return {
        "principalId": identity.user,
        "policyDocument": {
            "Version": "2012-10-17",
            "Statement": [
                {"Action": "execute-api:Invoke", "Effect": "Allow", "Resource": event["methodArn"]}
            ],
        },
        # Travels with every event of this connection. $connect refuses it when its rooms are no rooms' names.
        "context": {
            "user": identity.user,
            "name": identity.name,
            "protocol": identity.protocol,
            "room": room,
        },
    }
