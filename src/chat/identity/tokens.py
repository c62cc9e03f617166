"""JSON Web Tokens (RFC 7519): check a token, and read who may connect from its claims."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

import jwt

from chat.identity.characters import is_printable
from chat.identity.grants import EVERY_ROOM
from chat.identity.identity import AuthError, Authorization, Protocol, is_user, token_identity
from chat.identity.signing_keys import Key, KeysUnavailable, SigningKeys

MAX_TOKEN = 8 * 1024  # characters; API Gateway takes 10 KB of headers
MAX_GRANTS = 4 * 1024  # bytes of grants and roles; API Gateway takes 8 KB from an authorizer, names included

_TOKEN = re.compile(r"[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+\.[A-Za-z0-9_-]+")
# PyJWT would insist on text in `sub`, where some issuers put a number, and in `jti`, which is not used here.
# It looks for an audience in `aud` alone; _check_audience reads the claim that the settings name.
_OPTIONS: jwt.types.Options = {
    "require": ["exp", "iss"],
    "verify_aud": False,
    "verify_sub": False,
    "verify_jti": False,
}
_REASONS: Mapping[type[jwt.PyJWTError], str] = {
    jwt.ExpiredSignatureError: "expired",
    jwt.ImmatureSignatureError: "not_yet_valid",
    jwt.InvalidIssuerError: "issuer",
    jwt.MissingRequiredClaimError: "missing_claim",
}


@dataclass(frozen=True, slots=True)
class ClaimNames:
    """The names of the claims."""

    audience: str
    user: str
    name: str
    rooms: str
    roles: str


class Tokens:
    """The tokens of one issuer for one of these audiences. Clocks may differ by `leeway` seconds: a token is
    good for so long after its `exp`, at the handshake and for its connection.
    """

    def __init__(
        self, keys: SigningKeys, *, issuer: str, audiences: Sequence[str], leeway: int, claims: ClaimNames
    ) -> None:
        self._keys = keys
        self._issuer = issuer
        self._audiences = frozenset(audiences)
        self._leeway = leeway
        self._claims = claims

    def authenticate(self, token: str | None, protocol: Protocol) -> Authorization:
        """Return who may connect with this token. Raises AuthError."""
        if token is None:
            raise AuthError("no_token")
        return self._authorization(self._verified(token), protocol)

    def _verified(self, token: str) -> Mapping[str, Any]:
        """Return the claims of a valid token. Raises AuthError."""
        if len(token) > MAX_TOKEN:
            raise AuthError("token_too_long")
        if not _TOKEN.fullmatch(token):
            raise AuthError("malformed")
        try:
            header = jwt.get_unverified_header(token)
        except jwt.PyJWTError:
            raise AuthError("malformed") from None
        algorithm, kid = header.get("alg"), header.get("kid")
        if not isinstance(algorithm, str) or algorithm not in self._keys.algorithms:
            raise AuthError("algorithm")
        tried = False
        try:
            for keys in self._keys.candidates():
                for key in (key for key in keys if key.fits(algorithm, kid)):
                    tried = True
                    with suppress(jwt.InvalidSignatureError):
                        return self._signed(token, key)
        except KeysUnavailable:
            raise AuthError("keys_unavailable") from None
        raise AuthError("signature" if tried else "unknown_key")

    def _signed(self, token: str, key: Key) -> Mapping[str, Any]:
        """Return the claims of a token that this key has signed for this audience and this time.

        Raises jwt.InvalidSignatureError if another key has signed it, and AuthError.
        """
        try:
            claims: Mapping[str, Any] = jwt.decode(
                token,
                key.value,
                algorithms=[key.algorithm],
                issuer=self._issuer,
                leeway=self._leeway,
                options=_OPTIONS,
            )
        except jwt.InvalidSignatureError:
            raise
        except jwt.PyJWTError as error:
            raise AuthError(_REASONS.get(type(error), "malformed")) from None
        self._check_audience(claims.get(self._claims.audience))
        return claims

    def _check_audience(self, claim: object) -> None:
        """Check an audience, one text or a list of them. Raises AuthError if it does not name this chat."""
        if not claim:
            raise AuthError("missing_claim")
        named = [claim] if isinstance(claim, str) else claim
        if not isinstance(named, list) or not all(isinstance(each, str) for each in named):
            raise AuthError("audience")
        if self._audiences.isdisjoint(named):
            raise AuthError("audience")

    def _authorization(self, claims: Mapping[str, Any], protocol: Protocol) -> Authorization:
        """Read the claims. Raises AuthError if a claim has the wrong type."""
        user, name = claims.get(self._claims.user), claims.get(self._claims.name)
        if isinstance(user, int) and not isinstance(user, bool):
            user = str(user)
        if not is_user(user):
            raise AuthError("user")
        rooms = claims.get(self._claims.rooms, EVERY_ROOM)
        grants, roles = _words(rooms), _words(claims.get(self._claims.roles, ""))
        if len(grants.encode()) + len(roles.encode()) > MAX_GRANTS:
            raise AuthError("too_many_grants")
        return Authorization(
            token_identity(user=user, name=name if isinstance(name, str) else "", protocol=protocol),
            grants=grants,
            roles=roles,
            # With the leeway, as `exp` was checked: else the first frame of a connection that was accepted a
            # moment ago would end it.
            expires_at=int(claims["exp"]) + self._leeway,
        )


def _words(claim: object) -> str:
    """Return the words of a claim, each once, separated by spaces. Raises AuthError.

    A claim is a list of words or one text. An element of a list with a space in it is left out: split, it
    would become words that nobody has granted.
    """
    words = claim.split() if isinstance(claim, str) else claim
    if not isinstance(words, list) or not all(isinstance(word, str) for word in words):
        raise AuthError("rooms_or_roles")
    return " ".join(dict.fromkeys(word for word in words if is_printable(word) and word and " " not in word))
