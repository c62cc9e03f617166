from __future__ import annotations

import pytest

from chat.protocol.subprotocol import find_token, negotiate, offers


@pytest.mark.parametrize(
    ("header", "offered"),
    [
        (None, ()),
        ("", ()),
        ("roomcast.v1", ("roomcast.v1",)),
        ("a,roomcast.v1", ("a", "roomcast.v1")),
        (" a ,  roomcast.v1 ", ("a", "roomcast.v1")),
        (",,roomcast.v1,", ("roomcast.v1",)),
    ],
)
def test_offers_are_split_at_commas_with_or_without_spaces(
    header: str | None, offered: tuple[str, ...]
) -> None:
    assert offers(header) == offered


@pytest.mark.parametrize(
    ("offered", "protocol"),
    [
        ((), "plain"),
        (("roomcast.v1",), "v1"),
        (("a", "roomcast.v1"), "v1"),
        (("a", "b"), None),
        (("roomcast.v10",), None),
        (("ROOMCAST.V1",), None),  # RFC 6455, 4.1: subprotocols are compared as they are written
    ],
)
def test_a_client_speaks_what_it_offers_or_plain_text(offered: tuple[str, ...], protocol: str | None) -> None:
    assert negotiate(offered) == protocol


@pytest.mark.parametrize(
    ("offered", "authorization", "query", "token"),
    [
        ((), None, None, None),
        (("roomcast.v1",), None, None, None),
        (("roomcast.v1", "token.a.b.c"), None, None, "a.b.c"),
        (("token.a.b.c", "roomcast.v1"), None, None, "a.b.c"),
        ((), "Bearer a.b.c", None, "a.b.c"),
        ((), "bearer  a.b.c ", None, "a.b.c"),
        ((), None, "a.b.c", "a.b.c"),
        (("token.first",), "Bearer second", "third", "first"),
        ((), "Bearer second", "third", "second"),
        ((), "Basic YWRhOg==", "third", "third"),
        ((), "Basic YWRhOg==", None, None),
        # An empty token is a bad token: it does not count as no token.
        (("token.",), "Bearer second", "third", ""),
        ((), "Bearer", "third", ""),
        ((), None, "", ""),
    ],
)
def test_a_token_is_taken_from_the_first_place_that_has_one(
    offered: tuple[str, ...], authorization: str | None, query: str | None, token: str | None
) -> None:
    assert find_token(offered, authorization, query) == token


def test_a_client_with_a_token_and_our_subprotocol_speaks_it() -> None:
    assert negotiate(offers("token.a.b.c, roomcast.v1")) == "v1"
    assert negotiate(offers("token.a.b.c")) is None  # a browser needs a subprotocol that can be selected
