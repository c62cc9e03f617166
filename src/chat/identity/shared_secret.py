"""The secret that an issuer of tokens shares with the chat, kept in Secrets Manager or in SSM."""

from __future__ import annotations

import time
from collections.abc import Callable

import boto3
import jwt
from botocore.exceptions import BotoCoreError, ClientError

from boto_config import BOTO_CONFIG
from chat.identity.signing_keys import Key, KeysUnavailable, SigningKeys

LIFETIME = 5 * 60  # seconds that the secret is believed without asking again


def shared_key(place: str, *, now: Callable[[], float] = time.time) -> SigningKeys:
    """The key for HS256 that is kept there: in the SSM parameter of this name, which begins with `/`, or else
    in the Secrets Manager secret of this ARN.
    """
    fetch = _from_ssm(place) if place.startswith("/") else _from_secrets_manager(place)

    def read() -> list[Key]:
        try:
            secret = fetch()
        except (BotoCoreError, ClientError) as error:
            raise KeysUnavailable(f"the secret cannot be read: {error}") from error
        return [key(secret)]

    return SigningKeys(read, ("HS256",), lifetime=LIFETIME, now=now)


def key(secret: bytes) -> Key:
    """A secret as a key. Raises KeysUnavailable for one that can be guessed, or that everybody may know."""
    algorithm = jwt.get_algorithm_by_name("HS256")
    try:
        weakness = algorithm.check_key_length(algorithm.prepare_key(secret))
    except jwt.InvalidKeyError:  # with it, whoever knows the public key could sign
        raise KeysUnavailable("the secret is a public key, or a certificate") from None
    if weakness:
        raise KeysUnavailable("the secret has fewer than 32 bytes")
    return Key("HS256", None, secret)


def _from_ssm(name: str) -> Callable[[], bytes]:
    client = boto3.client("ssm", config=BOTO_CONFIG)
    return lambda: client.get_parameter(Name=name, WithDecryption=True)["Parameter"]["Value"].encode()


def _from_secrets_manager(arn: str) -> Callable[[], bytes]:
    client = boto3.client("secretsmanager", config=BOTO_CONFIG)

    def fetch() -> bytes:
        answer = client.get_secret_value(SecretId=arn)
        text: str | None = answer.get("SecretString")
        binary: bytes = answer.get("SecretBinary", b"")
        return binary if text is None else text.encode()

    return fetch
