"""Subscriptions: which rooms a person follows, and how far the person has read each of them.

A subscription has the number of messages up to its reading mark, `read_count`, and the room's summary the
number of messages up to where the log is counted. What is unread is the difference: exact, without counting
anything when it is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from botocore.exceptions import ClientError

from chat.identity.identity import Person
from chat.protocol.errors import NotSubscribed, RateLimited
from chat.protocol.timestamps import iso
from chat.storage import keys
from chat.storage.dynamodb import Table, batch_get, old_item, write_if
from chat.storage.items import new_epoch
from chat.storage.people.counting import Counted, count_messages
from chat.storage.people.place import READ, SUBSCRIBED, Place, Subscription
from chat.storage.people.summaries import Summary

READ_EVERY = 1.0  # seconds between two reading marks of a person in a room
_TOO_SOON = "Once in a second is enough: send the newest mark then."
_NOT_SUBSCRIBED = "You have not subscribed to this room."
_ATTEMPTS = 5  # the person's other devices may subscribe or unsubscribe at the same time


class Subscriptions(Table):
    """The subscriptions in the messages table, for the people themselves."""

    def subscribe(self, user: str, room: str, muted: bool | None) -> Place:
        """Subscribe a person to a room, with all of it read, and return the person's place.

        Whoever has subscribed already stays where they are. `muted` is None to leave that as it is.
        """
        for _ in range(_ATTEMPTS):
            found = self._read(user, room, head=True)
            summary = _summary(found)
            if keys.room_pk(room) not in found:
                subscription = self._new(room, found, summary, muted or False)
                if self._put_if_absent(user, subscription):
                    return Place(subscription, summary)
                continue
            subscription = Subscription.from_item(found[keys.room_pk(room)])
            if muted in (None, subscription.muted):
                return Place(subscription, summary)
            self._mute(user, room, muted)
        raise TimeoutError("too many changes of a subscription at once: try again")

    def unsubscribe(self, user: str, room: str) -> None:
        """End a person's subscription to a room, if there is one."""
        self._dynamodb.delete_item(TableName=self._table, Key=keys.subscription(user, room))

    def mark(self, person: Person, room: str, seq: int) -> Place:
        """Note that a person has read a room up to a seq, and return the person's place.

        A mark that is not higher changes nothing. One beyond the end of the log counts as its end. Raises
        NotSubscribed, and RateLimited within a second of the last mark.
        """
        found = self._read(person.user, room)
        if keys.room_pk(room) not in found:
            raise NotSubscribed(_NOT_SUBSCRIBED)
        old, summary = Subscription.from_item(found[keys.room_pk(room)]), _summary(found)
        if seq <= old.read:
            return Place(old, summary)
        now = int(self._now() * 1_000)
        _require_pause(old, now)
        seq, count = self._count_at(old, summary, seq)
        if seq <= old.read:
            return Place(old, summary)
        return Place(self._write_mark(person, old, seq, count, now), summary)

    def page(self, user: str, after: str, limit: int) -> tuple[list[Subscription], bool]:
        """Return a person's subscriptions after a room, ordered by room, and whether there are more."""
        answer = self._dynamodb.query(
            TableName=self._table,
            KeyConditionExpression="pk = :user AND sk > :after",
            ExpressionAttributeValues={":user": keys.user_pk(user), ":after": keys.room_pk(after)},
            ConsistentRead=True,
            Limit=limit,
        )
        return [Subscription.from_item(item) for item in answer["Items"]], "LastEvaluatedKey" in answer

    def _read(self, user: str, room: str, *, head: bool = False) -> dict[str, dict[str, Any]]:
        """Return a subscription and its room's summary by their sk, and with `head` that, too."""
        wanted = [keys.subscription(user, room), keys.summary(room), *([keys.head(room)] if head else [])]
        return {item["sk"]: item for item in batch_get(self._dynamodb, self._table, wanted)}

    def _new(self, room: str, found: Mapping[str, Any], summary: Summary | None, muted: bool) -> Subscription:
        """Return a subscription with everything read that is stored by now."""
        head = found.get(keys.HEAD, {})
        if "followed" not in head:
            head = self._follow(room)
        known = summary or Summary(int(head["followed"]), 0)
        upto, count = self._count_on(room, known, head, int(head.get("seq", 0)))
        return Subscription(room, upto, count, muted, iso(self._now()))

    def _follow(self, room: str) -> dict[str, Any]:
        """Note on a room's head that its messages are counted from now on, and return the head.

        The seq is stored in the same write: what is committed later comes after it, and finds the note.
        """
        for start, condition in (
            ("seq", "attribute_exists(seq)"),
            (":zero", "attribute_not_exists(seq)"),
        ) * 2:
            try:
                answer = self._dynamodb.update_item(
                    TableName=self._table,
                    Key=keys.head(room),
                    UpdateExpression=(
                        f"SET followed = if_not_exists(followed, {start}), not_a_message = :not_a_message,"
                        " epoch = if_not_exists(epoch, :epoch)"
                    ),
                    ConditionExpression=condition,
                    ExpressionAttributeValues={":not_a_message": True, ":epoch": new_epoch()}
                    | ({":zero": 0} if start == ":zero" else {}),
                    ReturnValues="ALL_NEW",
                )
            except ClientError as error:
                old_item(error)
                continue
            head: dict[str, Any] = answer["Attributes"]
            return head
        raise AssertionError("a head never loses its seq")

    def _put_if_absent(self, user: str, new: Subscription) -> bool:
        item = {"read": new.read, "read_count": new.read_count, "muted": new.muted, "since": new.since}
        item["cause"] = SUBSCRIBED
        return write_if(
            self._dynamodb.put_item,
            TableName=self._table,
            Item=keys.subscription(user, new.room) | item,
            ConditionExpression="attribute_not_exists(pk)",
        )

    def _mute(self, user: str, room: str, muted: bool | None) -> None:
        write_if(
            self._dynamodb.update_item,
            TableName=self._table,
            Key=keys.subscription(user, room),
            UpdateExpression="SET muted = :muted, cause = :cause",
            ConditionExpression="attribute_exists(pk)",  # unsubscribed meanwhile
            ExpressionAttributeValues={":muted": muted, ":cause": SUBSCRIBED},
        )

    def _count_at(self, old: Subscription, summary: Summary | None, seq: int) -> tuple[int, int]:
        """Return a seq above the old mark, at most the end of the log, and the number of messages up to it.

        Counted from where it is known already, whichever is nearer: the old mark, or the summary's seq.
        """

        if summary is None or summary.seq <= old.read:  # the person was faster than the count
            summary = Summary(old.read, old.read_count)
        if seq == summary.seq:
            return seq, summary.count
        if seq > summary.seq:
            return self._count_on(old.room, summary, self._get(keys.head(old.room)) or {}, seq)
        if seq - old.read < summary.seq - seq:
            read = self._count(old.room, old.read, seq)
            if read.complete:
                return seq, old.read_count + read.messages
        # Rows below may have expired. What remains above is what the person can still read.
        return seq, summary.count - self._count(old.room, seq, summary.seq).messages

    def _count_on(self, room: str, known: Summary, head: Mapping[str, Any], to: int) -> tuple[int, int]:
        """Return a seq up to another, and the number of messages up to it, counted on from a known number.

        If there are only changes behind that, which may be very many, their rows are not read.
        """
        if int(head.get("messaged", to)) <= known.seq:
            return max(known.seq, min(to, int(head.get("seq", 0)))), known.count
        # Behind a row that is being written is what the person will find unread.
        new = self._count(room, known.seq, to)
        return new.upto, known.count + new.before_gap

    def _count(self, room: str, after: int, to: int) -> Counted:
        return count_messages(self._dynamodb, self._table, room, after, to)

    def _write_mark(self, person: Person, old: Subscription, seq: int, count: int, now: int) -> Subscription:
        """Write a mark, unless another device has written a higher one, and return the subscription."""
        names = {"#read": "read", "#name": "name"}
        gone = {each for each in old.mentions if each <= seq}
        pause = "attribute_not_exists(read_at) OR read_at <= :before"
        try:
            answer = self._dynamodb.update_item(
                TableName=self._table,
                Key=keys.subscription(person.user, old.room),
                UpdateExpression=(
                    "SET #read = :seq, read_count = :count, read_at = :now, #name = :name, cause = :cause"
                    + (" DELETE mentions :gone" if gone else "")
                ),
                ConditionExpression=f"attribute_exists(pk) AND #read < :seq AND ({pause})",
                ExpressionAttributeNames=names,
                ExpressionAttributeValues={
                    ":seq": seq,
                    ":count": count,
                    ":now": now,
                    ":before": now - int(READ_EVERY * 1_000),
                    ":name": person.name,
                    ":cause": READ,
                }
                | ({":gone": gone} if gone else {}),
                ReturnValues="ALL_NEW",
                ReturnValuesOnConditionCheckFailure="ALL_OLD",
            )
        except ClientError as error:
            item = old_item(error)
            if item is None:  # unsubscribed meanwhile
                raise NotSubscribed(_NOT_SUBSCRIBED) from None
            current = Subscription.from_item(item)
            if current.read < seq:
                _require_pause(current, now)
            return current
        return Subscription.from_item(answer["Attributes"])


def _require_pause(old: Subscription, now: int) -> None:
    """Raises RateLimited within a second of a subscription's last mark."""
    early = old.read_at + int(READ_EVERY * 1_000) - now
    if early > 0:
        raise RateLimited(_TOO_SOON, retry_after=early / 1_000)


def _summary(found: Mapping[str, Any]) -> Summary | None:
    return Summary.from_item(found[keys.SUMMARY]) if keys.SUMMARY in found else None
