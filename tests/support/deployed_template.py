"""template.yaml after AWS's own transform, as CloudFormation deploys it."""

from __future__ import annotations

from typing import Any

from local.template import sam
from local.template.intrinsics import Resolver
from tests.support.project import HANDLERS, TEMPLATE

FUNCTIONS = [f"{name.capitalize()}Function" for name in [*HANDLERS, "slice"]]
JWT = {"AuthMode": "jwt", "JwtIssuer": "https://issuer.example.com/", "JwtAudience": "roomcast"}
KEYS = "https://issuer.example.com/.well-known/jwks.json"
SECRET_ARN = "arn:aws:secretsmanager:us-east-1:123456789012:secret:roomcast/jwt-a1b2c3"
CALLED_BY_QUEUES = {"FanoutFunction", "SliceFunction"}
CONNECTIONS = "arn:aws:dynamodb:us-east-1:000000000000:table/ConnectionsTable"
MESSAGES = "arn:aws:dynamodb:us-east-1:000000000000:table/MessagesTable"
SIGNALS = f"{MESSAGES} SIG#*"  # only items with such partition keys
POSTS = "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/POST/@connections/*"
CLOSES = "arn:aws:execute-api:us-east-1:000000000000:ChatApi/prod/DELETE/@connections/*"
FAILURES = "arn:aws:sqs:us-east-1:000000000000:FanoutFailures"
SLICE_QUEUE = "arn:aws:sqs:us-east-1:000000000000:SliceQueue.fifo"


def resolved_with(**parameters: str) -> Resolver:
    """Return the transformed template. Raises TemplateError for a parameter that is not allowed."""
    cloudformation, _ = sam.read(TEMPLATE, parameters, "us-east-1")
    return Resolver(cloudformation, parameters, "us-east-1")


def of_type(resolved: Resolver, kind: str) -> dict[str, dict[str, Any]]:
    return dict(resolved.of_type(kind))


def listed(value: str | list[str]) -> list[str]:
    return [value] if isinstance(value, str) else value
