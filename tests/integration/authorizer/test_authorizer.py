"""The users that the authorizer lets in, and the context that it gives to their events.

Over 300 lines, because one handler answers all these handshakes.
"""

from __future__ import annotations

import json
import time
from collections.abc import Callable
from typing import Any

import pytest

from tests.conftest import Logs
from tests.integration.authorizer.conftest import (
    PLACE,
    WITH_SECRET,
    Authorizer,
    ColdStart,
    Deploy,
    bearer,
    effect,
)
from tests.support.issuer import SECRET, KeySetServer, claims, forged, rsa_key, token

SITE = "https://chat.example.com"


# AuthMode open


def test_a_client_that_sends_nothing_is_a_guest_in_the_lobby(open_to_all: Authorizer) -> None:
    context = open_to_all.context()
    assert context["name"] == f"Guest {context['user'][:4]}"
    assert context["room"] == "lobby"


def test_a_client_id_is_one_user_on_every_connection(open_to_all: Authorizer) -> None:
    first = open_to_all.context(query={"client": ["one"]})
    again = open_to_all.context(query={"client": ["one"], "name": ["Ada"]})
    other = open_to_all.context(query={"client": ["two"]})
    assert first["user"] == again["user"] != other["user"]
    assert "one" not in first["user"]


def test_the_first_room_is_in_the_context_for_plain_clients(open_to_all: Authorizer) -> None:
    assert open_to_all.context(query={"room": ["general", "news"]})["room"] == "general"


def test_a_name_is_cleaned_before_it_is_in_the_context(open_to_all: Authorizer) -> None:
    assert open_to_all.context(query={"name": ["Ada\n\u202egnp"]})["name"] == "Ada gnp"
    assert len(open_to_all.context(query={"name": ["x" * 5_000]})["name"]) == 64


def test_roles_and_grants_in_the_query_have_no_effect(open_to_all: Authorizer) -> None:
    context = open_to_all.context(
        query={"room": ["private-1"], "roles": ["moderator"], "grants": ["private-*"]}
    )
    assert (context["grants"], context["roles"], context["expires_at"]) == ("*", "", "")


@pytest.mark.parametrize(
    ("header", "protocol"),
    [
        (None, "plain"),
        ("roomcast.v1", "v1"),
        ("a, roomcast.v1", "v1"),
        ("graphql-ws", "plain"),
        ("token.x, roomcast.v1", "v1"),
    ],
)
def test_the_protocol_is_in_the_context(open_to_all: Authorizer, header: str | None, protocol: str) -> None:
    headers = None if header is None else {"sec-websocket-protocol": header}
    assert open_to_all.context(headers=headers)["protocol"] == protocol


@pytest.mark.parametrize("bad", ["a.b.c", "x" * 10_240, ""])
def test_an_open_chat_ignores_tokens(open_to_all: Authorizer, bad: str) -> None:
    expected = open_to_all.context(query={"client": ["one"]})
    for headers in (bearer(bad), {"Authorization": f"Bearer {bad}"}, None):
        context = open_to_all.context(headers=headers, query={"client": ["one"], "token": [bad]})
        assert {**context, "protocol": expected["protocol"]} == expected


# AuthMode jwt


PLACES: dict[str, Callable[[str], dict[str, Any]]] = {
    "subprotocol": lambda text: {"headers": bearer(text)},
    "subprotocol, first": lambda text: {"headers": {"Sec-WebSocket-Protocol": f"token.{text},roomcast.v1"}},
    "lower-case header": lambda text: {"headers": {"sec-websocket-protocol": f"roomcast.v1,token.{text}"}},
    "Authorization": lambda text: {"headers": {"Authorization": f"Bearer {text}"}},
    "authorization": lambda text: {"headers": {"authorization": f"bearer {text}"}},
    "query": lambda text: {"query": {"token": [text]}},
}


@pytest.mark.parametrize("place", PLACES)
def test_a_valid_token_lets_in_its_user_from_each_place(with_secret: Authorizer, place: str) -> None:
    end = int(time.time()) + 600
    good = token(exp=end, rooms=["general", "news:read"], roles=["moderator"])
    context = with_secret.context(**PLACES[place](good))
    assert context == {
        "user": "ada-1",
        "name": "Ada",
        "protocol": "v1" if "sub" in place or "lower" in place else "plain",
        "room": "lobby",
        "grants": "general news:read",
        "roles": "moderator",
        "expires_at": str(end + 60),  # with the leeway
    }


@pytest.mark.parametrize("place", PLACES)
def test_a_bad_token_is_rejected_from_each_place(with_secret: Authorizer, place: str) -> None:
    for bad in (token("another secret of more than 32 bytes"), token(exp=1), "a.b.c", "x" * 10_240, ""):
        assert effect(with_secret.answer(**PLACES[place](bad))) == "Deny"


def test_the_first_token_counts_also_when_a_later_one_is_better(with_secret: Authorizer) -> None:
    good, bad = token(), token(exp=1)
    headers = {**bearer(bad), "Authorization": f"Bearer {good}"}
    assert effect(with_secret.answer(headers=headers, query={"token": [good]})) == "Deny"
    headers = {**bearer(good), "Authorization": f"Bearer {bad}"}
    assert effect(with_secret.answer(headers=headers, query={"token": [bad]})) == "Allow"


def test_a_client_without_a_token_is_rejected(with_secret: Authorizer) -> None:
    assert effect(with_secret.answer()) == "Deny"
    assert effect(with_secret.answer(headers={"Authorization": "Basic YWRhOg=="})) == "Deny"
    assert effect(with_secret.answer(query={"client": ["one"], "name": ["Ada"]})) == "Deny"


def test_a_user_or_a_name_in_the_query_has_no_effect(with_secret: Authorizer) -> None:
    said = {"user": ["bob-2"], "name": ["Bob"], "client": ["bob-2"], "sub": ["bob-2"], "roles": ["moderator"]}
    context = with_secret.context(headers=bearer(token()), query=said)
    assert (context["user"], context["name"], context["roles"]) == ("ada-1", "Ada", "")


def test_of_a_parameter_that_is_sent_twice_the_last_one_counts(deployed: Deploy) -> None:
    # API Gateway has the last value in queryStringParameters, all in multiValueQueryStringParameters.
    context = deployed({}).context(query={"name": ["Ada", "Bob"], "client": ["one", "two"]})
    assert context["name"] == "Bob"
    assert context["user"] == deployed({}).context(query={"client": ["two"]})["user"]


@pytest.mark.parametrize(
    ("rooms", "first"), [(None, "lobby"), ([""], "lobby"), (["a", "b"], "a"), (["a", "a"], "a")]
)
def test_each_room_counts_and_the_first_is_for_messages_without_one(
    open_to_all: Authorizer, rooms: list[str] | None, first: str
) -> None:
    query = {"room": rooms} if rooms else None
    assert open_to_all.context(query=query)["room"] == first


def test_a_token_with_an_empty_list_of_rooms_grants_no_room(with_secret: Authorizer) -> None:
    assert with_secret.context(headers=bearer(token()))["grants"] == "*"
    assert with_secret.context(headers=bearer(token(rooms=[])))["grants"] == ""


def test_a_token_signed_with_a_published_key_lets_its_user_in(with_keys: Authorizer) -> None:
    assert with_keys.context(headers=bearer(token(rsa_key(), "RS256", kid="r1")))["user"] == "ada-1"
    assert effect(with_keys.answer(headers=bearer(token()))) == "Deny"


def test_a_connection_lasts_for_as_long_as_its_token_would_be_accepted(ssm: Any, deployed: Deploy) -> None:
    end = int(time.time()) - 30
    just_ended = bearer(token(exp=end))
    assert deployed(WITH_SECRET).context(headers=just_ended)["expires_at"] == str(end + 60)
    longer = deployed({**WITH_SECRET, "JwtLeeway": "300"})
    assert longer.context(headers=just_ended)["expires_at"] == str(end + 300)
    assert effect(deployed({**WITH_SECRET, "JwtLeeway": "0"}).answer(headers=just_ended)) == "Deny"


def test_the_leeway_and_the_claim_with_the_audience_are_parameters(ssm: Any, deployed: Deploy) -> None:
    ahead = bearer(token(iat=int(time.time()) + 30))
    assert effect(deployed(WITH_SECRET).answer(headers=ahead)) == "Allow"
    assert effect(deployed({**WITH_SECRET, "JwtLeeway": "10"}).answer(headers=ahead)) == "Deny"
    by_client = deployed({**WITH_SECRET, "AudienceClaim": "client_id"})
    assert effect(by_client.answer(headers=bearer(token(aud=..., client_id="roomcast")))) == "Allow"
    assert effect(by_client.answer(headers=bearer(token()))) == "Deny"


def test_a_flood_of_bad_tokens_causes_one_fetch(with_keys: Authorizer, server: KeySetServer) -> None:
    for number in range(1_000):
        bad = token(rsa_key("evil"), "RS256", kid=f"k{number % 10}")
        if number >= 10:  # signing a thousand tokens takes seconds
            bad = bad[:-4] + f"{number:04}"
        assert effect(with_keys.answer(headers=bearer(bad))) == "Deny"
    assert server.fetches == 1


def test_an_issuer_that_is_down_is_an_error_in_the_log_and_a_rejection(
    with_keys: Authorizer, server: KeySetServer, logs: Logs
) -> None:
    server.status = 503
    for _ in range(3):
        assert effect(with_keys.answer(headers=bearer(token(rsa_key(), "RS256", kid="r1")))) == "Deny"
    lines = [(line["level"], line.get("reason")) for line in logs.lines()]
    assert lines == [("ERROR", "the issuer answers 503"), *[("INFO", "keys_unavailable")] * 3]


def test_the_sample_event_with_a_token_lets_in_the_user_that_it_names(
    ssm: Any, deployed: Deploy, event: Callable[[str], dict[str, Any]]
) -> None:
    secret = "the secret of the sample events, and of nothing else"
    ssm.put_parameter(Name=PLACE, Type="SecureString", Value=secret, Overwrite=True)
    context = deployed(WITH_SECRET).invoke(event("authorize-token"))["context"]
    assert context == {
        "user": "ada-1", "name": "Ada", "protocol": "v1", "room": "general", "grants": "general news:read",
        "roles": "moderator", "expires_at": "4102444860",
    }  # fmt: skip


def test_the_sample_event_of_another_sites_page_is_rejected_if_origins_are_listed(
    deployed: Deploy, event: Callable[[str], dict[str, Any]]
) -> None:
    assert effect(deployed({"AllowedOrigins": SITE}).invoke(event("authorize-origin"))) == "Deny"
    listed = deployed({"AllowedOrigins": "https://elsewhere.example.com"})
    assert effect(listed.invoke(event("authorize-origin"))) == "Allow"


# Origins


@pytest.mark.parametrize("name", ["Origin", "origin"])
def test_pages_of_other_sites_are_rejected_in_either_mode(ssm: Any, deployed: Deploy, name: str) -> None:
    for mode in ({}, WITH_SECRET):
        authorizer = deployed({**mode, "AllowedOrigins": f"{SITE},http://localhost:3000"})
        for origin, expected in {
            SITE: "Allow",
            SITE.upper(): "Allow",
            "http://localhost:3000": "Allow",
            "http://chat.example.com": "Deny",
            f"{SITE}.evil.test": "Deny",
            "null": "Deny",
            "": "Deny",
        }.items():
            headers = {**bearer(token()), name: origin}
            assert effect(authorizer.answer(headers=headers)) == expected, origin
        assert effect(authorizer.answer(headers=bearer(token()))) == "Allow"  # not a browser: no Origin


def test_pages_from_disk_are_let_in_if_null_is_listed(deployed: Deploy) -> None:
    authorizer = deployed({"AllowedOrigins": f"null,{SITE}"})
    assert effect(authorizer.answer(headers={"Origin": "null"})) == "Allow"


def test_pages_of_every_site_are_let_in_by_default(open_to_all: Authorizer) -> None:
    assert effect(open_to_all.answer(headers={"Origin": "https://anywhere.test"})) == "Allow"


# Odd handshakes


ODD: dict[str, dict[str, Any]] = {
    "nothing": {"headers": None, "query": None},
    "no headers": {"headers": {}, "query": {}},
    "empty values": {
        "headers": {"Origin": "", "Authorization": "", "Sec-WebSocket-Protocol": ""},
        "query": {"token": [""], "room": [""], "name": [""], "client": [""]},
    },
    "controls": {
        "headers": {"Authorization": "Bearer \0\n\x1b[2J", "Sec-WebSocket-Protocol": "\0,\n,token.\0"},
        "query": {"token": ["\0"], "room": ["\0"], "name": ["\0"], "client": ["\0"]},
    },
    "half characters": {
        "headers": {"Authorization": "Bearer \ud83d", "Origin": "\ud83d"},
        "query": {"token": ["\ud83d"], "name": ["\ud83d"], "client": ["\ud83d"], "room": ["\ud83d"]},
    },
    "commas": {"headers": {"Sec-WebSocket-Protocol": "," * 8_000}, "query": None},
    "a hundred tokens": {
        "headers": {"Sec-WebSocket-Protocol": ", ".join(["token.a.b.c"] * 100)},
        "query": {"token": ["a.b.c"] * 100},
    },
    "one parameter many times": {
        "headers": None,
        "query": {name: ["one", "two", "one"] for name in ("name", "client", "token", "room")},
    },
    "10 KB everywhere": {
        "headers": {"Authorization": "Bearer " + "x" * 10_240, "Origin": "x" * 10_240},
        "query": {name: ["💬" * 2_560] for name in ("name", "client", "token", "room")},
    },
    "odd schemes": {"headers": {"Authorization": "Bearer"}, "query": None},
    "an odd Authorization": {"headers": {"Authorization": " , ; = Bearer Bearer a.b.c"}, "query": None},
    "two cases of one header": {
        "headers": {"AUTHORIZATION": "Bearer a.b.c", "authorization": "Bearer d.e.f"},
        "query": None,
    },
}


@pytest.mark.parametrize("odd", ODD)
def test_an_odd_handshake_is_answered(
    with_secret: Authorizer, open_to_all: Authorizer, odd: str, logs: Logs
) -> None:
    assert effect(with_secret.answer(**ODD[odd])) == "Deny"
    assert effect(open_to_all.answer(**ODD[odd])) == "Allow"
    assert all(line["level"] == "INFO" for line in logs.lines())


def test_the_largest_context_fits_into_an_answer_for_api_gateway(with_secret: Authorizer) -> None:
    largest = claims(sub="💬" * 128, name="💬" * 64, rooms="x" * 4_000, roles="y" * 96)
    unescaped = json.dumps(largest, ensure_ascii=False).encode()
    largest_token = forged({"alg": "HS256"}, unescaped, SECRET.encode())
    context = with_secret.context(headers=bearer(largest_token), query={"room": ["💬" * 100]})
    assert len(context["grants"]) == 4_000


def test_the_context_holds_nothing_but_text(with_secret: Authorizer, open_to_all: Authorizer) -> None:
    # API Gateway passes on strings, numbers and booleans, and answers 500 for anything else.
    query = {"room": ["general", "news"], "name": ["Ada"]}
    for context in (
        with_secret.context(headers=bearer(token(sub=42, rooms=["a", "b"])), query=query),
        open_to_all.context(query=query),
    ):
        assert set(context) == {"user", "name", "protocol", "room", "grants", "roles", "expires_at"}
        assert all(isinstance(value, str) for value in context.values())


# The log


def test_the_log_has_the_user_or_the_reason_of_a_rejection(with_secret: Authorizer, logs: Logs) -> None:
    with_secret.answer(headers=bearer(token()))
    with_secret.answer(headers=bearer(token(exp=1)))
    with_secret.answer()
    said = [(line["message"], line.get("user"), line.get("reason")) for line in logs.lines()]
    assert said == [
        ("identified", "ada-1", None),
        ("rejected", None, "expired"),
        ("rejected", None, "no_token"),
    ]
    assert all(line["connection"] for line in logs.lines())


def test_nothing_else_of_a_token_or_a_url_is_logged(
    with_secret: Authorizer, logs: Logs, capsys: pytest.CaptureFixture[str]
) -> None:
    hushed = {"name": "hush-name", "rooms": ["hush-room"], "roles": ["hush-role"], "jti": "hush-id"}
    tokens = [
        token(**hushed),
        token(**hushed, exp=1),
        token(**hushed, aud="hush-audience"),
        token(**hushed | {"sub": ["hush-user"]}),
        token(**hushed | {"rooms": {"hush-room": True}}),
        token("another secret of more than 32 bytes", **hushed),
        token(**hushed, kid="hush-key"),
        "hush-garbage",
        "hush-" * 2_048,
    ]
    for each in tokens:
        query = {"token": [each], "name": ["hush-query"], "client": ["hush-client"], "room": ["hush room"]}
        for place in PLACES.values():
            asked: dict[str, Any] = {"headers": {"Origin": "https://hush.test"}, "query": {}}
            for part, values in place(each).items():
                asked[part] = {**asked[part], **values}
            with_secret.answer(headers=asked["headers"], query={**query, **asked["query"]})
    assert len(logs.lines()) == len(tokens) * len(PLACES)
    printed = capsys.readouterr()
    written = logs.getvalue() + printed.out + printed.err
    assert "hush" not in written
    for each in tokens:
        for part in each.split("."):
            assert part not in written


# Cold starts


@pytest.mark.parametrize(
    ("environment", "named"),
    [
        ({"JWT_ISSUER": ""}, "JWT_ISSUER"),
        ({"JWT_AUDIENCE": ""}, "JWT_AUDIENCE"),
        ({"JWT_SECRET": ""}, "JWT_SECRET"),
        ({"JWKS_URL": "https://issuer.example.com/jwks.json"}, "JWKS_URL"),
        ({"JWT_SECRET": "", "JWKS_URL": "http://issuer.example.com/jwks.json"}, "https://"),
        ({"JWT_LEEWAY": ""}, "JWT_LEEWAY"),
        ({"AUDIENCE_CLAIM": ""}, "AUDIENCE_CLAIM"),
        ({"USER_CLAIM": ""}, "USER_CLAIM"),
        ({"ROOMS_CLAIM": ""}, "ROOMS_CLAIM"),
        ({"AUTH_MODE": "off"}, "off"),
        ({"AUTH_MODE": ""}, "AUTH_MODE"),
    ],
    ids=str,
)
def test_an_invalid_setting_fails_the_cold_start_by_its_name(
    cold_start: ColdStart, environment: dict[str, str], named: str
) -> None:
    with pytest.raises((KeyError, ValueError), match=named):
        cold_start(WITH_SECRET, environment)
