"""The keys that an issuer publishes, read from a server on loopback."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Iterator
from typing import Any

import pytest
from cryptography.hazmat.primitives.asymmetric import ec

from chat.identity import jwks
from chat.identity.signing_keys import KeysUnavailable, SigningKeys
from tests.support.issuer import KeySetServer, ec_key, published, rsa_key

RSA = published(rsa_key(), kid="r1")
EC = published(ec_key(), kid="e1")


@pytest.fixture
def server() -> Iterator[KeySetServer]:
    server = KeySetServer(RSA, EC)
    yield server
    server.close()


def listed(keys: SigningKeys) -> list[tuple[str, str | None]]:
    """The algorithm and the name of each key that can be had."""
    return [(key.algorithm, key.id) for key in next(keys.candidates())]


def read(*members: Any) -> list[tuple[str, str | None]]:
    return [(key.algorithm, key.id) for key in jwks.read(json.dumps({"keys": members}).encode())]


def test_a_published_set_is_read(server: KeySetServer) -> None:
    assert listed(jwks.jwks_keys(server.url)) == [("RS256", "r1"), ("ES256", "e1")]
    assert server.fetches == 1


def test_a_fetch_names_its_program_and_the_types_that_it_takes(server: KeySetServer) -> None:
    listed(jwks.jwks_keys(server.url))  # firewalls answer 403 to a request without these
    assert server.asked_with["user-agent"].startswith("Roomcast")
    assert server.asked_with["accept"].startswith("application/json")


OTHER_KEYS = {
    "a symmetric key": {"kty": "oct", "k": "c2VjcmV0LXNlY3JldC1zZWNyZXQtc2VjcmV0", "kid": "x"},
    "Ed25519": {
        "kty": "OKP",
        "crv": "Ed25519",
        "x": "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo",
        "kid": "x",
    },
    "for encryption": published(rsa_key(), kid="x", use="enc"),
    "RSA-OAEP": published(rsa_key(), kid="x", alg="RSA-OAEP"),
    "HS256": published(rsa_key(), kid="x", alg="HS256"),
    "none": published(rsa_key(), kid="x", alg="none"),
    "RS512": published(rsa_key(), kid="x", alg="RS512"),
    "1,024 bits": published(rsa_key("short", 1024), kid="x"),
    "P-384": published(ec_key("longer", ec.SECP384R1()), kid="x"),
    "secp256k1": published(ec_key(), kid="x", crv="secp256k1"),
    "a number as kid": published(rsa_key(), kid=7),
    "an array as kid": published(rsa_key(), kid=["x"]),
    "no modulus": published(rsa_key(), kid="x", n=...),
    "a number as modulus": published(rsa_key(), kid="x", n=7),
    "a modulus that is not base64": published(rsa_key(), kid="x", n="not base64!"),
    "an empty modulus": published(rsa_key(), kid="x", n=""),
    "a short coordinate": published(ec_key(), kid="x", x="AAAA"),
    "not a point of the curve": published(ec_key(), kid="x", x=EC["y"], y=EC["x"]),  # no point of the curve
    "an empty object": {},
    "a string": "x",
    "null": None,
    "an array": ["kty", "RSA"],
}


@pytest.mark.parametrize("other", OTHER_KEYS.values(), ids=OTHER_KEYS)
def test_what_is_no_key_for_these_algorithms_is_passed_over(other: Any) -> None:
    assert read(other, RSA) == [("RS256", "r1")]


def test_a_key_needs_neither_a_use_nor_an_algorithm_nor_a_name() -> None:
    assert read(published(rsa_key(), use=...)) == [("RS256", None)]
    assert read(published(ec_key(), alg="ES256")) == [("ES256", None)]


@pytest.mark.parametrize(
    "body",
    [
        b"", b"Not found", b"[]", b"7", b"{}", b'{"keys": {}}', b'{"keys": []}', b'{"keys": [7]}', b"\xff",
        b"[" * 9_999,
    ],
    ids=lambda body: body[:20].decode(errors="replace"),
)  # fmt: skip
def test_an_answer_without_a_key_is_an_error(body: bytes) -> None:
    with pytest.raises(KeysUnavailable):
        jwks.read(body)


@pytest.mark.parametrize("status", [204, 301, 302, 400, 404, 429, 500, 503])
def test_any_other_status_than_200_is_an_error(server: KeySetServer, status: int) -> None:
    server.status = status
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(server.url))


def test_a_redirect_is_not_followed(server: KeySetServer) -> None:
    elsewhere = KeySetServer(RSA)
    server.status, server.headers = 302, {"Location": elsewhere.url}
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(server.url))
    assert (server.fetches, elsewhere.fetches) == (1, 0)
    elsewhere.close()


def test_an_answer_without_end_is_not_read_to_its_end(server: KeySetServer) -> None:
    server.body = json.dumps({"keys": [RSA], "padding": "x" * jwks.MAX_SIZE}).encode()
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(server.url))


def test_a_large_set_is_read(server: KeySetServer) -> None:
    server.body = json.dumps({"keys": [{**RSA, "x5c": ["x" * 2_000]}] * 50}).encode()
    assert len(listed(jwks.jwks_keys(server.url))) == 50


def test_an_answer_that_does_not_come_is_not_awaited(server: KeySetServer) -> None:
    server.hold.clear()
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(server.url, timeout=0.05))


def test_an_answer_that_trickles_in_is_not_awaited(server: KeySetServer) -> None:
    server.byte_by_byte = 0.01
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(server.url, timeout=0.1))


def test_where_nobody_answers_there_is_no_key() -> None:
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{silent.getsockname()[1]}/"
    with pytest.raises(KeysUnavailable):
        listed(jwks.jwks_keys(url))


def test_a_server_that_speaks_no_http_has_no_key() -> None:
    with socket.create_server(("127.0.0.1", 0)) as server:
        keys = jwks.jwks_keys(f"http://127.0.0.1:{server.getsockname()[1]}/")

        def answer() -> None:
            with server.accept()[0] as client:
                client.recv(4_096)
                client.sendall(b"SSH-2.0-OpenSSH\r\n")

        thread = threading.Thread(target=answer)
        thread.start()
        with pytest.raises(KeysUnavailable):
            listed(keys)
        thread.join()


@pytest.mark.parametrize(
    "url",
    [
        "",
        "http://issuer.example.com/jwks.json",
        "http://localhost.evil.test/jwks.json",
        "http://localhost@evil.test/jwks.json",
        "http://127.0.0.1.evil.test/",
        "ftp://127.0.0.1/jwks.json",
        "file:///etc/passwd",
        "https://",
        "https:///jwks.json",
        "issuer.example.com/jwks.json",
        "https://issuer.example.com:99999/",
        "https://issuer.example.com:port/",
    ],
)
def test_a_url_that_anybody_on_the_way_could_answer_is_an_error(url: str) -> None:
    with pytest.raises(ValueError):
        jwks.jwks_keys(url)


@pytest.mark.parametrize(
    "url", ["https://issuer.example.com/.well-known/jwks.json", "http://localhost:8090/", "http://[::1]:8090"]
)
def test_https_and_this_machine_are_fine(url: str) -> None:
    assert jwks.jwks_keys(url).algorithms == ("RS256", "ES256")
