"""How the sockets of expired connections end: the frame EXPIRED is posted, then the socket is closed.

Not in membership.py, because connect and disconnect end no socket: frames would lengthen their cold start.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger

from chat.identity.identity import Protocol
from chat.protocol import frames

if TYPE_CHECKING:  # not at run time: it brings boto3's client, which most instances never use
    from apigateway.management import ManagementClient

logger = Logger(child=True)

EXPIRED = frames.disconnect("token_expired", reconnect=True)


@dataclass(frozen=True, slots=True)
class Expiry:
    """Which sockets to post EXPIRED to, and which to close.

    The caller posts and closes, because the message function ends one socket and the fan-out hundreds at
    once. `protocols` is by connection id.
    """

    protocols: Mapping[str, Protocol]

    @property
    def to_notify(self) -> list[str]:
        """The connections to post EXPIRED to. A plain client would show the frame as a message."""
        return [connection_id for connection_id, protocol in self.protocols.items() if protocol == "v1"]

    def to_close(self, gone: Collection[str] = ()) -> list[str]:
        """The sockets to close: all except the `gone` ones, which the post found closed.

        Most are gone: API Gateway closes a socket after two hours, and `$disconnect` is best effort.
        """
        return [connection_id for connection_id in self.protocols if connection_id not in gone]


def disconnect_expired(connection_id: str, protocol: Protocol, reply: str, client: ManagementClient) -> None:
    """End one expired socket that has sent a frame. `$disconnect` follows and deletes its rows.

    The reply to the frame is posted: what the function returns would come after the close.
    """
    expiry = Expiry({connection_id: protocol})
    for to_notify in expiry.to_notify:
        client.post(to_notify, EXPIRED)
    client.post(connection_id, reply)
    close_sockets(client, expiry.to_close())


def close_sockets(client: ManagementClient, connection_ids: Iterable[str]) -> None:
    """Close sockets, and log those that cannot be closed."""
    for connection_id, outcome in client.close(connection_ids).items():
        logger.error("close failed", connection=connection_id, outcome=str(outcome))
