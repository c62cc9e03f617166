"""The secret in Secrets Manager or SSM, both in this process."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import boto3
import pytest

from bench.fakes.account import fake_account
from chat.identity.shared_secret import LIFETIME, key, shared_key
from chat.identity.signing_keys import PAUSE, KeysUnavailable, SigningKeys
from tests.support.fakes.clock import Clock
from tests.support.issuer import SECRET, ec_key, pem, rsa_key

PARAMETER = "/roomcast/jwt-secret"


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def account(aws: None) -> Iterator[None]:
    with fake_account():
        yield


@pytest.fixture
def ssm(account: None) -> Any:
    return boto3.client("ssm")


@pytest.fixture
def secrets(account: None) -> Any:
    return boto3.client("secretsmanager")


def put(ssm: Any, secret: str) -> None:
    ssm.put_parameter(Name=PARAMETER, Type="SecureString", Value=secret, Overwrite=True)


def value(keys: SigningKeys) -> bytes:
    (only,) = next(keys.candidates())
    assert (only.algorithm, only.id) == ("HS256", None)
    secret: bytes = only.value
    return secret


def test_a_secure_parameter_is_read_decrypted(ssm: Any) -> None:
    put(ssm, SECRET)
    assert value(shared_key(PARAMETER)) == SECRET.encode()


def test_a_secret_is_read_by_its_arn(secrets: Any) -> None:
    arn = secrets.create_secret(Name="roomcast", SecretString=SECRET)["ARN"]
    assert value(shared_key(arn)) == SECRET.encode()


def test_a_secret_may_be_bytes(secrets: Any) -> None:
    arn = secrets.create_secret(Name="roomcast", SecretBinary=bytes(range(32)))["ARN"]
    assert value(shared_key(arn)) == bytes(range(32))


def test_a_secret_is_read_when_it_is_first_needed(ssm: Any) -> None:
    keys = shared_key(PARAMETER)
    put(ssm, SECRET)
    assert value(keys) == SECRET.encode()


def test_a_secret_that_is_exchanged_is_read_again_in_time(ssm: Any, clock: Clock) -> None:
    put(ssm, SECRET)
    keys = shared_key(PARAMETER, now=clock)
    assert value(keys) == SECRET.encode()
    put(ssm, "another " + SECRET)
    assert value(keys) == SECRET.encode()
    clock.now += LIFETIME
    assert value(keys) == b"another " + SECRET.encode()


def test_a_token_that_it_did_not_sign_has_it_read_again_at_once(ssm: Any, clock: Clock) -> None:
    put(ssm, SECRET)
    keys = shared_key(PARAMETER, now=clock)
    value(keys)
    put(ssm, "another " + SECRET)
    clock.now += PAUSE
    assert [only.value for (only,) in keys.candidates()] == [SECRET.encode(), b"another " + SECRET.encode()]


@pytest.mark.parametrize(
    "place", [PARAMETER, "arn:aws:secretsmanager:us-east-1:123456789012:secret:roomcast-a1b2c3"]
)
def test_a_secret_that_is_not_there_lets_nobody_in(account: None, place: str) -> None:
    with pytest.raises(KeysUnavailable):
        next(shared_key(place).candidates())


@pytest.mark.parametrize(
    ("secret", "reason"),
    [
        (f"{SECRET}\n", "it begins or ends with white space, such as a newline: store it without"),
        (f" {SECRET}", "it begins or ends with white space, such as a newline: store it without"),
        (f'{{"secret": "{SECRET}"}}', "it is JSON, which is used as a whole: store the text alone"),
        (f'"{SECRET}"', "it is JSON, which is used as a whole: store the text alone"),
    ],
    ids=["newline", "space", "object", "quotes"],
)
def test_a_secret_that_was_probably_not_meant_so_is_named_in_the_log(
    secrets: Any, caplog: pytest.LogCaptureFixture, secret: str, reason: str
) -> None:
    arn = secrets.create_secret(Name="roomcast", SecretString=secret)["ARN"]
    assert value(shared_key(arn)) == secret.encode()  # used as it is all the same
    (record,) = [record for record in caplog.records if record.message == "secret looks wrong"]
    assert record.__dict__["reason"] == reason
    assert SECRET not in str(record.__dict__)


@pytest.mark.parametrize("secret", [SECRET, "4" * 40, "null" * 10])
def test_an_ordinary_secret_is_not_remarked_on(
    ssm: Any, caplog: pytest.LogCaptureFixture, secret: str
) -> None:
    put(ssm, secret)
    value(shared_key(PARAMETER))
    assert not caplog.records


def test_a_weak_secret_lets_nobody_in(ssm: Any) -> None:
    put(ssm, "x" * 31)
    with pytest.raises(KeysUnavailable):
        next(shared_key(PARAMETER).candidates())


@pytest.mark.parametrize(
    "secret",
    [
        b"",
        b"secret",
        b"x" * 31,
        pem(rsa_key()),
        pem(ec_key()),
        b"-----BEGIN CERTIFICATE-----\n" + b"MIIB" * 20 + b"\n-----END CERTIFICATE-----\n",
        b"ssh-rsa " + b"AAAA" * 30,
    ],
    ids=["empty", "guessed", "31 bytes", "RSA", "EC", "certificate", "SSH"],
)
def test_a_secret_that_can_be_guessed_or_is_public_is_no_key(secret: bytes) -> None:
    with pytest.raises(KeysUnavailable):
        key(secret)


def test_why_a_secret_is_no_key_does_not_tell_it(ssm: Any) -> None:
    with pytest.raises(KeysUnavailable) as why:
        key(b"too short to be good")
    assert "good" not in str(why.value)


def test_32_bytes_are_enough() -> None:
    assert key(b"x" * 32).value == b"x" * 32
