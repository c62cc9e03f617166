"""A batch of the messages table's stream, grouped by room."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from aws_lambda_powertools import Logger
from boto3.dynamodb.types import TypeDeserializer

from chat.protocol.messages import Entry
from chat.storage import keys
from chat.storage.items import from_head
from chat.storage.people.place import Subscription, receipt_of
from chat.storage.signals import Signal, from_item, is_signal

logger = Logger(child=True)

# Not Powertools' DynamoDBStreamEvent: its import would add 14 to 18 ms to each cold start.
type Record = Mapping[str, Any]


def item_of(record: Record) -> dict[str, Any]:
    """Return the item that a record is about, as it was written, in Python's types.

    Of an item that was deleted, return the key. Raises KeyError if the record has neither.
    """
    deserialize = TypeDeserializer().deserialize
    image = record["dynamodb"]["Keys" if is_removal(record) else "NewImage"]
    return {name: deserialize(value) for name, value in image.items()}


def is_removal(record: Record) -> bool:
    return record.get("eventName") == "REMOVE"


def sequence_number_of(record: Record) -> str:
    number: str = record["dynamodb"]["SequenceNumber"]
    return number


class RoomBatch:
    """The runs and signals of a batch by room, in the order of the stream; changed subscriptions by user.

    With `receipts`, each reading mark is a signal of its room, too.
    """

    def __init__(self, *, receipts: bool) -> None:
        self._with_receipts = receipts
        self.runs: dict[str, list[Entry]] = {}
        self.signals: dict[str, list[Signal]] = {}
        self.subscriptions: dict[str, dict[str, Subscription | None]] = {}  # None for one that has ended
        self._starts: dict[str, int] = {}  # the position of a room's first record in the batch
        self._users_starts: dict[str, int] = {}  # the same of a user's

    def add(self, position: int, item: dict[str, Any], *, removed: bool = False) -> None:
        """Raises KeyError and TypeError if the item is neither a head, a signal nor a subscription."""
        if keys.is_subscription(item["pk"]):
            user, room = keys.user_of(item["pk"]), keys.room_of(item["sk"])
            subscription = None if removed else Subscription.from_item(item)
            self.subscriptions.setdefault(user, {})[room] = subscription
            self._users_starts.setdefault(user, position)
            # Here, and not of the newest version: that may be one of a mention.
            if self._with_receipts and not removed and (receipt := receipt_of(item)):
                self._add_signal(position, room, receipt)
        elif removed:
            raise TypeError("only a subscription is told when it is deleted")
        elif is_signal(item):
            if signal := from_item(item):
                self._add_signal(position, *signal)
        elif entry := from_head(item):
            self.runs.setdefault(entry[0], []).append(entry[1])
            self._starts.setdefault(entry[0], position)

    def _add_signal(self, position: int, room: str, signal: Signal) -> None:
        self.signals.setdefault(room, []).append(signal)
        self._starts.setdefault(room, position)

    def positions(self, rooms: Iterable[str], users: Iterable[str] = ()) -> set[int]:
        """Return the positions of these rooms' and users' first records."""
        return {self._starts[room] for room in rooms} | {self._users_starts[user] for user in users}


def group_by_room(records: Sequence[Record], *, receipts: bool) -> tuple[RoomBatch, set[int]]:
    """Return the records by room, and the position of a record that cannot be read, if there is one.

    The batch ends before that record: Lambda repeats everything after a failed record, and what had been
    posted would be posted again at each retry.
    """
    batch = RoomBatch(receipts=receipts)
    for position, record in enumerate(records):
        try:
            batch.add(position, item_of(record), removed=is_removal(record))
        except Exception:
            logger.exception("unrecognized stream record", sequence_number=sequence_number_of(record))
            return batch, {position}
    return batch, set()


class BatchFailed(Exception):
    """The batch fails with its first record."""


def batch_response(records: Sequence[Record], failed: set[int]) -> dict[str, list[dict[str, str]]]:
    """Return Lambda's response for a batch with the records, by position, that failed.

    Raises BatchFailed if the first of several failed. Reported, the whole batch would be repeated as it is,
    and be given up as a whole in the end. After a function error Lambda splits it, until the failing record
    is alone and the others are done.
    """
    if 0 in failed and len(records) > 1:
        raise BatchFailed
    numbers = [sequence_number_of(records[position]) for position in sorted(failed)]
    return {"batchItemFailures": [{"itemIdentifier": number} for number in numbers]}
