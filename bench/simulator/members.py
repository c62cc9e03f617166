"""The members of simulated rooms, by number."""

from __future__ import annotations

import base64
import hashlib


def member_id(number: int) -> str:
    """Return the connection id of member `number`, in API Gateway's format: `aBcDeFgHoAMCJ9w=`."""
    digest = hashlib.blake2b(number.to_bytes(8), digest_size=11).digest()
    return base64.urlsafe_b64encode(digest).decode()
