"""docs/identity.md: every recipe with a token of just that shape, and every list against the code."""

from __future__ import annotations

import json
import re
import time
from typing import Any

import pytest

from local.template import load as template
from local.template.intrinsics import Resolver
from local.template.sam import read
from tests.integration.authorizer.conftest import PLACE, Deploy, bearer, effect
from tests.support.issuer import SECRET, KeySetServer, rsa_key, signed
from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "identity.md").read_text()
TEMPLATE = ROOT / "template.yaml"
LEEWAY = 60  # seconds, the default of JwtLeeway


def section(heading: str) -> str:
    """What stands under a heading, up to the next."""
    _, found, rest = PAGE.partition(f"{heading}\n")
    assert found
    return re.split(r"^##", rest, maxsplit=1, flags=re.MULTILINE)[0]


def blocks(text: str, language: str) -> list[str]:
    """The code blocks in this language."""
    return re.findall(rf"^```{language}\n(.*?)^```$", text, flags=re.MULTILINE | re.DOTALL)


def parameters(recipe: str) -> dict[str, str]:
    """What a recipe sets, which the template has to accept as it stands."""
    found = dict(line.split("=", 1) for line in blocks(recipe, "")[0].splitlines())
    template.load(TEMPLATE, parameters=found)
    return found


def lately(claims: dict[str, Any]) -> dict[str, Any]:
    """The same claims of a token that was made just now."""
    past = int(time.time()) - claims["iat"]
    times = {name: claims[name] + past for name in ("iat", "nbf", "exp", "auth_time") if name in claims}
    return claims | times


# Where an issuer publishes its keys, after its name: `jwks_uri` of its /.well-known/openid-configuration.
PUBLISHED_AT = {
    "Cognito's ID tokens": "/.well-known/jwks.json",
    "Cognito's access tokens": "/.well-known/jwks.json",
    "Auth0": "/.well-known/jwks.json",
    "Clerk": "/.well-known/jwks.json",
    "Keycloak": "/protocol/openid-connect/certs",
}


@pytest.mark.parametrize("name", PUBLISHED_AT)
def test_a_recipe_with_published_keys_lets_in_its_token(
    name: str, deployed: Deploy, server: KeySetServer
) -> None:
    recipe = section(f"### {name}")
    set_to = parameters(recipe)
    claims, expected = (json.loads(block) for block in blocks(recipe, "json"))
    assert set_to["JwksUrl"] == set_to["JwtIssuer"].rstrip("/") + PUBLISHED_AT[name]
    authorizer = deployed({**set_to, "JwksUrl": server.url})
    good = lately(claims)
    context = authorizer.context(headers=bearer(signed(good, rsa_key(), "RS256", kid="r1")))
    told = {**expected, "protocol": "v1", "room": "lobby", "expires_at": str(good["exp"] + LEEWAY)}
    assert context == told
    for missing in ("iss", set_to.get("AudienceClaim", "aud"), "sub", "exp"):
        bad = {claim: value for claim, value in good.items() if claim != missing}
        assert effect(authorizer.answer(headers=bearer(signed(bad, rsa_key(), "RS256", kid="r1")))) == "Deny"
    other_audience = good | {set_to.get("AudienceClaim", "aud"): "account"}
    assert (
        effect(authorizer.answer(headers=bearer(signed(other_audience, rsa_key(), "RS256", kid="r1"))))
        == "Deny"
    )
    expired = signed(claims | {"exp": claims["iat"]}, rsa_key(), "RS256", kid="r1")
    assert effect(authorizer.answer(headers=bearer(expired))) == "Deny"


def test_the_recipe_for_tokens_of_ones_own_lets_in_its_token(
    deployed: Deploy, ssm: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    recipe = section("### Your own tokens")
    set_to = parameters(recipe)
    assert set_to["JwtSecret"] == PLACE
    assert f"put-parameter --name {PLACE} --type SecureString" in blocks(recipe, "sh")[0]
    monkeypatch.setenv("ROOMCAST_SECRET", SECRET)
    written: dict[str, Any] = {}
    exec(blocks(recipe, "python")[0], written)
    token = written["chat_token"]("ada-1", "Ada", ["general", "private-board"], ["moderator"])
    context = deployed(set_to).context(headers=bearer(token))
    assert 590 <= int(context.pop("expires_at")) - LEEWAY - time.time() <= 600
    assert context == {
        "user": "ada-1",
        "name": "Ada",
        "protocol": "v1",
        "room": "lobby",
        "grants": "general private-board",
        "roles": "moderator",
    }


@pytest.mark.parametrize("heading", ["## Set the parameters", "## Try it on your machine"])
def test_a_command_sets_parameters_that_go_together(heading: str) -> None:
    command = blocks(section(heading), "sh")[0]
    found = dict(re.findall(r"\b(\w+)=(?!\")(\S+?)(?=[\s\"])", command))
    assert {"AuthMode", "JwtIssuer", "JwtAudience", "JwtSecret"} == set(found)
    template.load(TEMPLATE, parameters=found)


def test_the_parameters_are_all_listed_with_their_defaults() -> None:
    cloudformation, _ = read(TEMPLATE, {}, "us-east-1")
    defaults = Resolver(cloudformation, {}, "us-east-1").parameters
    table = section("## Set the parameters")
    listed = re.findall(r"^\| `(\w+)` \| (?:`(.+?)`)? ?\|", table, flags=re.MULTILINE)
    variables = template.load(TEMPLATE).functions["AuthorizerFunction"].environment
    own = [name for name in variables if not name.startswith(("AWS_", "POWERTOOLS_"))]
    assert len(listed) == len(own) + 1  # JWT_SECRET is that of two parameters
    assert {name: defaults[name] for name, _ in listed} == dict(listed)


def test_every_reason_of_a_rejection_is_explained() -> None:
    code = "".join(
        (ROOT / "src" / path).read_text()
        for path in ("chat/identity/tokens.py", "authorizer/app.py", "chat/identity/identity.py")
    )
    reasons = set(re.findall(r'AuthError\("(\w+)"\)', code))
    reasons |= set(re.findall(r'jwt\.\w+Error: "(\w+)"', code))
    reasons |= set(re.findall(r'AuthError\("(\w+)" if tried else "(\w+)"\)', code)[0])
    rows = re.findall(r"^\| (`.+?) \|", section("## When a handshake is rejected"), flags=re.MULTILINE)
    explained = {name for row in rows for name in re.findall(r"`(\w+)`", row)} - {"reason"}
    assert explained == reasons
