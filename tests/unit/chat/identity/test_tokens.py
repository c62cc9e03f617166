"""Valid tokens and rejected ones, and the user that a token names.

Over 300 lines, because the table of bad tokens is one table.
"""

from __future__ import annotations

import json
import random
import time
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from typing import Any

import jwt
import pytest

from chat.identity.identity import AuthError, Authorization, Identity
from chat.identity.jwks import jwks_keys
from chat.identity.signing_keys import PAUSE, Key, KeysUnavailable, SigningKeys
from chat.identity.tokens import MAX_GRANTS, MAX_TOKEN, ClaimNames, Tokens
from tests.support.fakes.clock import Clock
from tests.support.issuer import (
    AUDIENCE,
    ISSUER,
    SECRET,
    KeySetServer,
    claims,
    ec_key,
    forged,
    pem,
    published,
    rsa_key,
    signed,
    token,
)

LEEWAY = 10  # seconds
NAMES = ClaimNames(audience="aud", user="sub", name="name", rooms="rooms", roles="roles")


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def server() -> Iterator[KeySetServer]:
    server = KeySetServer(published(rsa_key(), kid="r1"), published(ec_key(), kid="e1"))
    yield server
    server.close()


def tokens_of(
    keys: SigningKeys,
    *,
    audiences: Sequence[str] = (AUDIENCE,),
    leeway: int = LEEWAY,
    names: ClaimNames = NAMES,
) -> Tokens:
    return Tokens(keys, issuer=ISSUER, audiences=audiences, leeway=leeway, claims=names)


@pytest.fixture
def with_keys(server: KeySetServer, clock: Clock) -> Tokens:
    """Return the tokens of an issuer that publishes an RSA and an EC key."""
    return tokens_of(jwks_keys(server.url, now=clock))


def keys_of_secret(secret: str = SECRET) -> SigningKeys:
    return SigningKeys(lambda: [Key("HS256", None, secret.encode())], ["HS256"], lifetime=300)


@pytest.fixture
def with_secret() -> Tokens:
    """Return the tokens of an issuer that shares a secret with the chat."""
    return tokens_of(keys_of_secret())


def reason_for(tokens: Tokens, text: str | None) -> str:
    with pytest.raises(AuthError) as error:
        tokens.authenticate(text, "v1")
    return error.value.reason


def authorized(**changes: Any) -> Authorization:
    """Return the authorization by a valid token with these changes."""
    return tokens_of(keys_of_secret()).authenticate(token(**changes), "v1")


def rsa_token(**changes: Any) -> str:
    return token(rsa_key(), "RS256", kid="r1", **changes)


# Valid tokens


def test_a_valid_token_authorizes_the_user_that_it_names(with_secret: Tokens) -> None:
    end = int(time.time()) + 600
    good = token(exp=end, rooms=["general", "news:read"], roles=["moderator"])
    assert with_secret.authenticate(good, "plain") == Authorization(
        Identity("ada-1", "Ada", "plain"),
        grants="general news:read",
        roles="moderator",
        expires_at=end + LEEWAY,
    )


@pytest.mark.parametrize(
    "good",
    [
        lambda: token(rsa_key(), "RS256", kid="r1"),
        lambda: token(ec_key(), "ES256", kid="e1"),
        lambda: token(rsa_key(), "RS256"),
        lambda: token(ec_key(), "ES256"),
    ],
    ids=["RS256", "ES256", "RS256 without kid", "ES256 without kid"],
)
def test_a_token_signed_with_a_published_key_is_valid(with_keys: Tokens, good: Any) -> None:
    assert with_keys.authenticate(good(), "v1").identity.user == "ada-1"


def test_each_of_several_keys_without_a_kid_is_tried(server: KeySetServer) -> None:
    server.keys = [published(rsa_key("other")), published(rsa_key())]
    assert tokens_of(jwks_keys(server.url)).authenticate(rsa_token(), "v1").identity.user == "ada-1"


def test_a_secret_checks_a_token_with_any_kid(with_secret: Tokens) -> None:
    assert with_secret.authenticate(token(kid="2026-11"), "v1").identity.user == "ada-1"


@pytest.mark.parametrize("aud", [AUDIENCE, [AUDIENCE], ["other", AUDIENCE]])
def test_the_audience_is_one_or_a_list(aud: Any) -> None:
    assert authorized(aud=aud).identity.user == "ada-1"


@pytest.mark.parametrize("aud", ["web", "phone", ["phone", "other"]])
def test_one_audience_of_several_is_enough(aud: Any) -> None:
    tokens = tokens_of(keys_of_secret(), audiences=["web", "phone"])
    assert tokens.authenticate(token(aud=aud), "v1").identity.user == "ada-1"


@pytest.mark.parametrize(
    ("claim", "named"),
    [("azp", "https://example.com"), ("client_id", "1example23456789abcdefghij"), ("aud", AUDIENCE)],
)
def test_the_audience_is_in_the_claim_that_the_settings_name(claim: str, named: str) -> None:
    tokens = tokens_of(keys_of_secret(), audiences=["other", named], names=replace(NAMES, audience=claim))
    assert tokens.authenticate(token(**{"aud": ..., claim: named}), "v1").identity.user == "ada-1"
    assert reason_for(tokens, token(**{"aud": ..., claim: "another"})) == "audience"
    assert reason_for(tokens, token(**{"aud": ...})) == "missing_claim"


@pytest.mark.parametrize("claim", ["iat", "nbf"])
def test_a_token_of_an_issuer_whose_clock_is_fast_is_valid_within_the_leeway(claim: str) -> None:
    ahead = token(**{claim: time.time() + 30})
    assert tokens_of(keys_of_secret(), leeway=60).authenticate(ahead, "v1").identity.user == "ada-1"
    assert reason_for(tokens_of(keys_of_secret(), leeway=10), ahead) == "not_yet_valid"


@pytest.mark.parametrize(
    "times",
    [
        {"exp": LEEWAY // -2},
        {"nbf": LEEWAY // 2},
        {"iat": LEEWAY // 2},
        {"nbf": -100, "iat": -100},
        {"exp": 3.5},
    ],
    ids=str,
)
def test_clocks_may_differ_by_the_leeway(times: dict[str, float]) -> None:
    now = time.time()
    assert authorized(**{name: now + later for name, later in times.items()}).identity.user == "ada-1"


def test_a_connection_may_last_for_as_long_as_its_token_is_accepted() -> None:
    # Without the leeway, the first frame of a connection that was accepted a moment ago would end it.
    end = int(time.time()) - LEEWAY // 2
    assert authorized(exp=end).expires_at == end + LEEWAY
    assert reason_for(tokens_of(keys_of_secret()), token(exp=int(time.time()) - LEEWAY)) == "expired"


def test_the_expiry_is_in_whole_seconds() -> None:
    assert authorized(exp=4_000_000_000.9).expires_at == 4_000_000_000 + LEEWAY


# Rejected tokens


SOON = 3600


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"exp": ...}, "missing_claim"),
        ({"exp": None}, "missing_claim"),
        ({"exp": -LEEWAY - 1}, "expired"),
        ({"exp": -SOON}, "expired"),
        ({"nbf": LEEWAY + 5}, "not_yet_valid"),
        ({"iat": LEEWAY + 5}, "not_yet_valid"),
    ],
    ids=str,
)
def test_a_token_is_valid_in_its_time_only(changes: dict[str, Any], reason: str, with_secret: Tokens) -> None:
    now = time.time()
    times = {name: now + later if isinstance(later, int) else later for name, later in changes.items()}
    assert reason_for(with_secret, token(**times)) == reason


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"iss": ...}, "missing_claim"),
        ({"iss": "https://issuer.example.com"}, "issuer"),  # without the slash at its end
        ({"iss": "https://evil.test/"}, "issuer"),
        ({"aud": ...}, "missing_claim"),
        ({"aud": None}, "missing_claim"),
        ({"aud": []}, "missing_claim"),
        ({"aud": ""}, "missing_claim"),
        ({"aud": "another app"}, "audience"),
        ({"aud": ["another app"]}, "audience"),
        ({"aud": AUDIENCE.upper()}, "audience"),
        ({"aud": 7}, "audience"),
        ({"aud": {AUDIENCE: True}}, "audience"),
        ({"aud": [AUDIENCE, 7]}, "audience"),
        ({"exp": "soon"}, "malformed"),
        ({"exp": [4_000_000_000]}, "malformed"),
        ({"exp": True}, "expired"),
        ({"exp": float("inf")}, "malformed"),
        ({"exp": float("nan")}, "malformed"),
        ({"nbf": "soon"}, "malformed"),
        ({"nbf": float("inf")}, "malformed"),
        ({"iat": float("inf")}, "malformed"),
        ({"iat": {}}, "malformed"),
    ],
    ids=str,
)
def test_a_token_of_another_issuer_or_for_another_audience_is_rejected(
    changes: dict[str, Any], reason: str, with_secret: Tokens
) -> None:
    assert reason_for(with_secret, token(**changes)) == reason


def test_an_issuer_that_is_not_text_is_rejected(with_secret: Tokens) -> None:
    header = {"alg": "HS256"}
    assert reason_for(with_secret, forged(header, claims(iss=[ISSUER]), SECRET.encode())) == "issuer"


def test_a_token_with_the_signature_of_another_key_is_rejected(
    with_secret: Tokens, with_keys: Tokens
) -> None:
    assert reason_for(with_secret, token("another secret of more than 32 bytes")) == "signature"
    assert reason_for(with_keys, token(rsa_key("evil"), "RS256", kid="r1")) == "signature"
    assert reason_for(with_keys, token(ec_key("evil"), "ES256", kid="e1")) == "signature"
    assert reason_for(with_keys, token(rsa_key("evil"), "RS256")) == "signature"


@pytest.mark.parametrize("kid", ["r2", "R1", "", "../r1", "r1\0", "' OR 1=1 --", "💬"])
def test_a_token_of_an_unknown_key_is_rejected(with_keys: Tokens, kid: str) -> None:
    bad = signed(claims(), rsa_key("evil"), "RS256", kid=kid)
    assert reason_for(with_keys, bad) == ("unknown_key" if kid else "signature")


def test_a_key_checks_its_own_algorithm_only(with_keys: Tokens) -> None:
    assert reason_for(with_keys, token(rsa_key(), "RS256", kid="e1")) == "unknown_key"
    assert reason_for(with_keys, token(ec_key(), "ES256", kid="r1")) == "unknown_key"


@pytest.mark.parametrize("kid", ["r1", "e1", None])
@pytest.mark.parametrize("algorithm", ["HS256", "HS384", "HS512"])
def test_a_public_key_is_not_accepted_as_a_secret(with_keys: Tokens, kid: str | None, algorithm: str) -> None:
    header = {"alg": algorithm, "typ": "JWT", **({"kid": kid} if kid else {})}
    known = [rsa_key(), ec_key()]
    for known_to_all in [*map(pem, known), *(json.dumps(published(key)).encode() for key in known), b""]:
        assert reason_for(with_keys, forged(header, claims(), known_to_all)) == "algorithm"


@pytest.mark.parametrize("algorithm", ["RS384", "RS512", "PS256", "HS256"])
def test_a_published_key_checks_one_algorithm(with_keys: Tokens, algorithm: str) -> None:
    key = SECRET if algorithm == "HS256" else rsa_key()
    assert reason_for(with_keys, token(key, algorithm, kid="r1")) == "algorithm"


@pytest.mark.parametrize("algorithm", ["HS384", "HS512"])
def test_a_secret_checks_one_algorithm(with_secret: Tokens, algorithm: str) -> None:
    assert reason_for(with_secret, token(SECRET, algorithm)) == "algorithm"
    assert reason_for(with_secret, rsa_token()) == "algorithm"
    assert reason_for(with_secret, token(ec_key(), "ES256")) == "algorithm"


@pytest.mark.parametrize("algorithm", ["none", "None", "nOnE", "", "hs256", None, 256, ["HS256"], {}, True])
def test_an_unsigned_token_is_rejected(with_keys: Tokens, with_secret: Tokens, algorithm: object) -> None:
    header = {"alg": algorithm, "typ": "JWT"}
    for tokens in (with_keys, with_secret):
        assert reason_for(tokens, forged(header, claims())) == "algorithm"
        assert reason_for(tokens, forged(header, claims()).rpartition(".")[0] + ".") == "malformed"
    assert reason_for(with_secret, jwt.encode(claims(), None, "none")) == "malformed"


def test_a_token_cannot_bring_its_own_key(with_keys: Tokens, server: KeySetServer) -> None:
    evil = KeySetServer(published(rsa_key("evil"), kid="evil"))
    for header in (
        {"jwk": published(rsa_key("evil"), kid="evil")},
        {"jku": evil.url},
        {"x5u": evil.url},
        {"x5c": ["MIIB"]},
        {"kid": evil.url},
    ):
        bad = jwt.encode(claims(), rsa_key("evil"), "RS256", headers={"kid": "evil", **header})
        assert reason_for(with_keys, bad) == "unknown_key"
    assert (evil.fetches, server.fetches) == (0, 1)
    evil.close()


@pytest.mark.parametrize(
    "header",
    [
        {"crit": ["exp"], "exp": 1},
        {"crit": []},
        {"crit": "b64"},
        {"b64": False, "crit": ["b64"]},
        {"kid": 7},
        {"kid": ["r1"]},
    ],
    ids=str,
)
def test_a_header_with_unknown_critical_fields_is_rejected(
    with_secret: Tokens, header: dict[str, Any]
) -> None:
    bad = forged({"alg": "HS256", **header}, claims(), SECRET.encode())
    assert reason_for(with_secret, bad) == "malformed"


@pytest.mark.parametrize(
    "payload",
    [
        b"", b"{}", b"[]", b"7", b"null", b"Hi", b"\xff\xfe", b'{"exp":', b"[" * 3_000,
        b'{"exp": ' + b"9" * 4_500 + b"}",
    ],
    ids=lambda payload: payload[:12].decode(errors="replace") + f" ({len(payload)})",
)  # fmt: skip
def test_a_signed_payload_that_is_not_claims_is_rejected(with_secret: Tokens, payload: bytes) -> None:
    reason = reason_for(with_secret, forged({"alg": "HS256"}, payload, SECRET.encode()))
    assert reason in ("malformed", "missing_claim")


GARBAGE = [
    "", ".", "..", "...", "a", "a.b", "a.b.c", "a.b.c.d", "null", "undefined", "Bearer a.b.c", "\0", "\n",
    "[object Promise]", " ", "é.é.é", "\ud83d.\ud83d.\ud83d", "💬", "%00", "e30.e30.e30", "e30=.e30=.e30=",
    "W10.e30.eA", "bnVsbA.e30.eA", "Nw.e30.eA", "x" * 8_000, "eyJ" * 2_000 + ".e30.eA", "." * 8_000,
    "W1tb" * 1_500 + ".e30.eA", "e30." * 2_000,
]  # fmt: skip


@pytest.mark.parametrize("garbage", GARBAGE, ids=lambda text: ascii(text[:20]))
def test_garbage_is_rejected(with_keys: Tokens, with_secret: Tokens, garbage: str) -> None:
    for tokens in (with_keys, with_secret):
        assert reason_for(tokens, garbage) in ("malformed", "algorithm")


def test_a_client_without_a_token_is_rejected(with_secret: Tokens) -> None:
    assert reason_for(with_secret, None) == "no_token"


def test_a_token_that_is_too_long_is_rejected_before_it_is_parsed(with_secret: Tokens) -> None:
    padding = MAX_TOKEN - len(token(data=""))
    good = token(data="x" * (padding * 3 // 4 - 3))
    assert MAX_TOKEN - 8 < len(good) <= MAX_TOKEN
    assert with_secret.authenticate(good, "v1").identity.user == "ada-1"
    assert reason_for(with_secret, token(data="x" * padding)) == "token_too_long"
    assert reason_for(with_secret, "x" * 10_240) == "token_too_long"


def test_a_valid_token_with_one_character_changed_is_rejected(with_secret: Tokens, with_keys: Tokens) -> None:
    chance = random.Random(7)
    alphabet = "ABCxyz019-_."
    for tokens, good in ((with_secret, token()), (with_keys, rsa_token())):
        tokens.authenticate(good, "v1")
        for _ in range(300):
            at = chance.randrange(len(good))
            changed = good[:at] + chance.choice(alphabet.replace(good[at], "")) + good[at + 1 :]
            assert reason_for(tokens, changed)


def test_the_parts_of_two_tokens_make_no_valid_token(with_secret: Tokens) -> None:
    one, other = token(sub="ada-1").split("."), token(sub="bob-2").split(".")
    assert reason_for(with_secret, ".".join([one[0], other[1], one[2]])) == "signature"


# Where the keys come from


def test_a_thousand_bad_tokens_cause_one_fetch(with_keys: Tokens, server: KeySetServer) -> None:
    bad = [token(rsa_key("evil"), "RS256", kid=f"made up {number}") for number in range(100)]
    bad += [token(rsa_key("evil"), "RS256", kid="r1")]
    for number in range(1_000):
        reason_for(with_keys, bad[number % len(bad)])
    assert server.fetches == 1
    assert with_keys.authenticate(rsa_token(), "v1").identity.user == "ada-1"


def test_bad_tokens_in_many_threads_cause_one_fetch(with_keys: Tokens, server: KeySetServer) -> None:
    bad = token(rsa_key("evil"), "RS256", kid="made up")
    server.hold.clear()
    with ThreadPoolExecutor(20) as threads:
        reasons = [threads.submit(reason_for, with_keys, bad) for _ in range(200)]
        server.hold.set()
        assert {each.result() for each in reasons} == {"unknown_key"}
    assert (server.fetches, server.most_at_once) == (1, 1)


def test_a_new_key_of_the_issuer_is_found(with_keys: Tokens, server: KeySetServer, clock: Clock) -> None:
    with_keys.authenticate(rsa_token(), "v1")
    server.keys = [published(rsa_key("next"), kid="r2")]
    by_the_next = token(rsa_key("next"), "RS256", kid="r2")
    assert reason_for(with_keys, by_the_next) == "unknown_key"  # the keys were fetched a moment ago
    clock.now += PAUSE
    assert with_keys.authenticate(by_the_next, "v1").identity.user == "ada-1"
    assert reason_for(with_keys, rsa_token()) == "unknown_key"
    assert server.fetches == 2


def test_a_key_that_is_replaced_under_its_kid_is_found(
    with_keys: Tokens, server: KeySetServer, clock: Clock
) -> None:
    with_keys.authenticate(rsa_token(), "v1")
    server.keys = [published(rsa_key("next"), kid="r1")]
    clock.now += PAUSE
    assert with_keys.authenticate(token(rsa_key("next"), "RS256", kid="r1"), "v1").identity.user == "ada-1"


def test_known_keys_stay_valid_while_the_issuer_is_down(
    with_keys: Tokens, server: KeySetServer, clock: Clock
) -> None:
    with_keys.authenticate(rsa_token(), "v1")
    server.status = 503
    clock.now += 24 * 3600
    assert with_keys.authenticate(rsa_token(), "v1").identity.user == "ada-1"
    assert reason_for(with_keys, token(rsa_key("next"), "RS256", kid="r2")) == "unknown_key"


def test_every_token_is_rejected_until_the_first_keys_are_fetched(
    with_keys: Tokens, server: KeySetServer, clock: Clock
) -> None:
    server.status = 503
    assert {reason_for(with_keys, rsa_token()) for _ in range(100)} == {"keys_unavailable"}
    assert server.fetches == 1
    server.status = 200
    clock.now += PAUSE
    assert with_keys.authenticate(rsa_token(), "v1").identity.user == "ada-1"


def test_a_secret_that_is_replaced_is_found(clock: Clock) -> None:
    secret = [SECRET]
    keys = SigningKeys(lambda: [Key("HS256", None, secret[0].encode())], ["HS256"], lifetime=300, now=clock)
    tokens = tokens_of(keys)
    tokens.authenticate(token(), "v1")
    secret[0] = "another " + SECRET
    clock.now += PAUSE
    assert tokens.authenticate(token(secret[0]), "v1").identity.user == "ada-1"
    assert reason_for(tokens, token()) == "signature"


def test_a_secret_that_cannot_be_read_rejects_every_token() -> None:
    def unreadable() -> Sequence[Key]:
        raise KeysUnavailable("no such parameter")

    assert (
        reason_for(tokens_of(SigningKeys(unreadable, ["HS256"], lifetime=300)), token()) == "keys_unavailable"
    )


# Users, names, rooms and roles


@pytest.mark.parametrize(
    ("claim", "user"),
    [("ada-1", "ada-1"), ("auth0|5f7c", "auth0|5f7c"), (42, "42"), ("Ада", "Ада"), ("x" * 128, "x" * 128)],
)
def test_a_user_is_text_or_a_number(claim: object, user: str) -> None:
    assert authorized(sub=claim).identity.user == user


@pytest.mark.parametrize(
    "claim",
    [
        ..., None, "", "x" * 129, 10**128, True, 4.2, [], ["ada-1"], {"id": 1}, "a\nb", "a\0b", "a\u202eb",
        "\ud83d", "a\u200db",
    ],
    ids=lambda claim: ascii(claim)[:20],
)  # fmt: skip
def test_any_other_user_is_rejected(with_secret: Tokens, claim: object) -> None:
    assert reason_for(with_secret, token(sub=claim)) == "user"


@pytest.mark.parametrize(
    "name", [..., None, "", " ", "\u202e", 7, True, ["Ada"], {"first": "Ada"}], ids=ascii
)
def test_the_user_of_a_token_without_a_name_is_a_guest(name: object) -> None:
    assert authorized(name=name).identity.name.startswith("Guest ")


def test_a_name_is_cleaned() -> None:
    assert authorized(name=" Ada\u202e \n Lovelace").identity.name == "Ada Lovelace"
    assert len(authorized(name="x" * 500).identity.name) == 64


@pytest.mark.parametrize(
    ("claim", "grants"),
    [
        (..., "*"),
        ([], ""),
        ("", ""),
        ("  ", ""),
        (["general"], "general"),
        (["team-*", "news:read", "private-7"], "team-* news:read private-7"),
        ("general team-*  news:read", "general team-* news:read"),
        (["general", "general"], "general"),
        ([""], ""),
        # Split at the space, it would grant rooms that the issuer did not grant.
        (["general private-board", "news"], "news"),
        (["general\tprivate-board", "a\u00a0b", "a\nb", "a\0b", "\ud83d"], ""),
    ],
    ids=ascii,
)
def test_rooms_are_a_list_or_one_text(claim: object, grants: str) -> None:
    assert authorized(rooms=claim).grants == grants


@pytest.mark.parametrize(
    ("claim", "roles"),
    [
        (..., ""),
        ([], ""),
        (["moderator"], "moderator"),
        ("editor moderator", "editor moderator"),
        (["Moderator of cats", "not moderator"], ""),
    ],
    ids=ascii,
)
def test_roles_are_a_list_or_one_text(claim: object, roles: str) -> None:
    assert authorized(roles=claim).roles == roles


@pytest.mark.parametrize(
    "claim", [None, 7, True, {}, {"general": True}, [7], ["general", None], [["general"]]], ids=str
)
@pytest.mark.parametrize("name", ["rooms", "roles"])
def test_rooms_or_roles_of_another_type_are_rejected(with_secret: Tokens, name: str, claim: object) -> None:
    # Taken for a missing claim, it would grant every room.
    assert reason_for(with_secret, token(**{name: claim})) == "rooms_or_roles"


def test_grants_and_roles_fit_into_the_answer_of_an_authorizer(with_secret: Tokens) -> None:
    half = "x" * (MAX_GRANTS // 2)
    assert with_secret.authenticate(token(rooms=half, roles=half), "v1").roles == half
    assert reason_for(with_secret, token(rooms=half, roles=half + "x")) == "too_many_grants"


def test_claims_are_read_by_the_names_in_the_settings() -> None:
    names = ClaimNames(
        audience="aud",
        user="email",
        name="https://example.com/nickname",
        rooms="https://example.com/rooms",
        roles="cognito:groups",
    )
    good = token(
        **{
            "email": "ada@example.com",
            "https://example.com/nickname": "Countess",
            "https://example.com/rooms": ["general"],
            "cognito:groups": ["moderator"],
        },
        rooms=["*"],
        roles=["admin"],
    )
    authorization = tokens_of(keys_of_secret(), names=names).authenticate(good, "v1")
    assert authorization.identity == Identity("ada@example.com", "Countess", "v1")
    assert (authorization.grants, authorization.roles) == ("general", "moderator")
