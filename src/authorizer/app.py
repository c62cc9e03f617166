"""The REQUEST authorizer of $connect: find out who is connecting, and what the user may do."""

from __future__ import annotations

from chat import cold_start  # isort: split

import os
from collections.abc import Callable
from typing import Any

from aws_lambda_powertools import Logger, Metrics, Tracer
from aws_lambda_powertools.metrics import MetricUnit
from aws_lambda_powertools.utilities.typing import LambdaContext

from authorizer.handshake import Handshake
from chat.identity.identity import AuthError, Authorization, anonymous_identity
from chat.identity.origins import Origins

logger = Logger()
tracer = Tracer(auto_patch=False)
metrics = Metrics()
origins = Origins.parse(os.environ["ALLOWED_ORIGINS"])


def anonymous(handshake: Handshake) -> Authorization:
    """AuthMode open: anyone may connect, under any name."""
    return Authorization(
        anonymous_identity(
            client=handshake.client,
            name=handshake.name,
            connection_id=handshake.connection_id,
            protocol=handshake.protocol,
        )
    )


def by_token() -> Callable[[Handshake], Authorization]:
    """AuthMode jwt: a client with a valid token may connect, as the user that the token names."""
    # Imported only for this mode: boto3 alone doubles the time of a cold start.
    from chat.identity.tokens import ClaimNames, Tokens

    url, secret = os.environ["JWKS_URL"], os.environ["JWT_SECRET"]
    if bool(url) == bool(secret):
        raise ValueError("set either JWKS_URL or JWT_SECRET, and not both")
    if url:
        from chat.identity.jwks import jwks_keys

        keys = jwks_keys(url)
    else:
        from chat.identity.shared_secret import shared_key

        keys = shared_key(secret)
    tokens = Tokens(
        keys,
        issuer=required("JWT_ISSUER"),
        audiences=required("JWT_AUDIENCE").split(","),
        leeway=int(required("JWT_LEEWAY")),
        claims=ClaimNames(
            audience=required("AUDIENCE_CLAIM"),
            user=required("USER_CLAIM"),
            name=required("NAME_CLAIM"),
            rooms=required("ROOMS_CLAIM"),
            roles=required("ROLES_CLAIM"),
        ),
    )
    return lambda handshake: tokens.authenticate(handshake.token, handshake.protocol)


def required(variable: str) -> str:
    """Return an environment variable. Raises ValueError if it is empty."""
    if not os.environ[variable]:
        raise ValueError(f"{variable} is empty")
    return os.environ[variable]


authorize: Callable[[Handshake], Authorization]
match os.environ["AUTH_MODE"]:
    case "open":
        authorize = anonymous
    case "jwt":
        authorize = by_token()
    case other:
        raise ValueError(f"AUTH_MODE is {other!r}; set it to open or jwt")
cold_start.done()


@logger.inject_lambda_context(clear_state=True)
@tracer.capture_lambda_handler
@metrics.log_metrics
def handler(event: dict[str, Any], context: LambdaContext) -> dict[str, Any]:
    handshake = Handshake.from_event(event)
    logger.append_keys(connection=handshake.connection_id)
    try:
        if not origins.allows(handshake.origin):
            raise AuthError("origin")
        authorization = authorize(handshake)
    except AuthError as error:
        metrics.add_metric("Rejected", MetricUnit.Count, 1)
        logger.info("rejected", reason=error.reason)
        return policy("nobody", "Deny", handshake.arn)
    user = authorization.identity.user
    metrics.add_metric("Identified", MetricUnit.Count, 1)
    logger.info("identified", room=handshake.room, user=user)
    expires_at = authorization.expires_at
    return {
        **policy(user, "Allow", handshake.arn),
        # API Gateway passes these with every event of the connection, as text.
        "context": {
            "user": user,
            "name": authorization.identity.name,
            "protocol": authorization.identity.protocol,
            "room": handshake.room,
            "grants": authorization.grants,
            "roles": authorization.roles,
            "expires_at": "" if expires_at is None else str(expires_at),
        },
    }


def policy(principal: str, effect: str, arn: str) -> dict[str, Any]:
    statement = {"Action": "execute-api:Invoke", "Effect": effect, "Resource": arn}
    return {
        "principalId": principal,
        "policyDocument": {"Version": "2012-10-17", "Statement": [statement]},
    }
