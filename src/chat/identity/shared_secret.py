"""The secret that an issuer of tokens shares with the chat, in Secrets Manager or in SSM."""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import jwt
from aws_lambda_powertools import Logger
from aws_lambda_powertools.utilities.parameters import SecretsProvider, SSMProvider
from aws_lambda_powertools.utilities.parameters.exceptions import GetParameterError

from chat.boto_config import BOTO_CONFIG
from chat.identity.signing_keys import Key, KeysUnavailable, SigningKeys

logger = Logger(child=True)

LIFETIME = 5 * 60  # seconds until the secret is fetched again


def shared_key(place: str, *, now: Callable[[], float] = time.time) -> SigningKeys:
    """Return the key for HS256 from the SSM parameter of this name, which begins with `/`, or else from the
    Secrets Manager secret of this ARN.
    """
    if place.startswith("/"):
        provider: Any = SSMProvider(boto_config=BOTO_CONFIG)
        options = {"decrypt": True}
    else:
        provider, options = SecretsProvider(boto_config=BOTO_CONFIG), {}

    def read() -> list[Key]:
        try:
            # Not from the provider's cache: SigningKeys decides when to fetch.
            secret: str | bytes = provider.get(place, force_fetch=True, **options)
        except GetParameterError as error:
            raise KeysUnavailable(f"the secret cannot be read: {error}") from error
        if isinstance(secret, str):
            if reason := _likely_mistake(secret):
                logger.warning("secret looks wrong", reason=reason)
            secret = secret.encode()
        return [key(secret)]

    return SigningKeys(read, ("HS256",), lifetime=LIFETIME, now=now)


def key(secret: bytes) -> Key:
    """Make a key of a secret. Raises KeysUnavailable if it is too short or may be public."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    try:
        weakness = algorithm.check_key_length(algorithm.prepare_key(secret))
    except jwt.InvalidKeyError:  # anybody who knows the public key could sign with it
        raise KeysUnavailable("the secret is a public key, or a certificate") from None
    if weakness:
        raise KeysUnavailable("the secret has fewer than 32 bytes")
    return Key("HS256", None, secret)


def _likely_mistake(secret: str) -> str | None:
    """Return what was probably not meant about a secret, without any of it. None if nothing is odd."""
    if secret != secret.strip():
        return "it begins or ends with white space, such as a newline: store it without"
    with suppress(ValueError, RecursionError):
        if isinstance(json.loads(secret), dict | list | str):
            return "it is JSON, which is used as a whole: store the text alone"
    return None
