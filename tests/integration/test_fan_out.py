"""The fan-out function, from the stream's records to the posted frames."""

from __future__ import annotations

import json
import sys
import time
from typing import Any

import boto3
import pytest

from apigateway.outcomes import Failed, Throttled
from local.stack import Stack
from tests.integration.conftest import Site
from tests.support.fakes.lambda_context import LambdaContext
from tests.support.fakes.stream import Stream

NO_FAILURES: dict[str, list[Any]] = {"batchItemFailures": []}


def record(number: int, room: str, seq: int, text: str) -> dict[str, Any]:
    """A record of the stream: a room's head after its message `seq`."""
    message = {
        "id": f"{room}-{seq}", "user": "u1", "name": "Ada", "message": text, "at": "2026-11-24T06:00:01.163Z",
    }  # fmt: skip
    return {
        "eventName": "INSERT" if seq == 1 else "MODIFY",
        "dynamodb": {
            "Keys": {"pk": {"S": f"ROOM#{room}"}, "sk": {"S": "HEAD"}},
            "NewImage": {
                "pk": {"S": f"ROOM#{room}"},
                "sk": {"S": "HEAD"},
                "seq": {"N": str(seq)},
                "last": {"M": {name: {"S": value} for name, value in message.items()}},
            },
            "SequenceNumber": str(number),
        },
    }


def batch_failed() -> type[Exception]:
    """Return the function error of the fan-out that was started last."""
    error: type[Exception] = sys.modules["fanout.batch"].BatchFailed
    return error


def batch(*records: dict[str, Any]) -> dict[str, Any]:
    return {"Records": list(records)}


def failures(*numbers: int) -> dict[str, list[Any]]:
    return {"batchItemFailures": [{"itemIdentifier": str(number)} for number in numbers]}


def seqs(site: Site, connection: str) -> list[int]:
    frames = [json.loads(frame) for frame in site.posted().get(connection, [])]
    return [message["seq"] for frame in frames for message in frame.get("messages", [])]


def poison(number: int, **image: Any) -> dict[str, Any]:
    return {"eventName": "MODIFY", "dynamodb": {"NewImage": image, "SequenceNumber": str(number)}}


POISON = {
    "nothing in it": {},
    "no newest message": {"pk": {"S": "ROOM#a"}, "sk": {"S": "HEAD"}, "seq": {"N": "2"}},
    "no seq": {"pk": {"S": "ROOM#a"}, "sk": {"S": "HEAD"}, "last": {"M": {}}},
    "a newest message that is none": {"pk": {"S": "ROOM#a"}, "seq": {"N": "2"}, "last": {"S": "Hi"}},
    "a key that is none": {"pk": {"N": "1"}, "seq": {"N": "2"}, "last": {"M": {}}},
}


@pytest.mark.parametrize("image", POISON.values(), ids=POISON.keys())
def test_a_poison_record_is_reported_and_ends_the_batch(site: Site, image: dict[str, Any]) -> None:
    site.connect("c1", "a", "b")
    event = batch(record(1, "a", 1, "before"), poison(2, **image), record(3, "b", 1, "after"))
    assert site.invoke("fanout", event) == failures(2)
    assert seqs(site, "c1") == [1]
    assert {item["pk"] for item in site.items("MessagesTable")} == {"LOG#a", "REF#a#a-1"}


def test_poison_that_comes_first_fails_the_batch_so_that_it_is_split_off(site: Site) -> None:
    # If the failure were reported, [poison, healthy] would be repeated unchanged and given up together.
    site.connect("c1", "a")
    site.start("fanout")
    with pytest.raises(batch_failed()):
        site.invoke("fanout", batch(poison(1), record(2, "a", 1, "healthy")))
    assert not site.posted()
    assert site.invoke("fanout", batch(poison(1))) == failures(1)


def test_a_record_without_an_image_is_poison(site: Site) -> None:
    record_of_a_deletion = {"eventName": "REMOVE", "dynamodb": {"SequenceNumber": "1"}}
    assert site.invoke("fanout", batch(record_of_a_deletion)) == failures(1)


def test_a_failing_room_is_reported_with_the_first_record_of_its_run(site: Site) -> None:
    site.connect("c1", "a", "bad", "c")
    event = batch(
        record(1, "a", 1, "Hi"),
        record(2, "bad", 1, "fine"),
        record(3, "c", 1, "Hi"),
        record(4, "bad", 2, "Hi"),
    )
    site.dynamodb.put_item(TableName="MessagesTable", Item={"pk": "REF#bad#bad-2", "sk": "REF"})  # broken
    assert site.invoke("fanout", event) == failures(2)
    rooms = {json.loads(frame)["room"] for frame in site.posted()["c1"]}
    assert rooms == {"a", "c"}


def test_a_batch_that_fails_from_its_first_record_on_is_split_until_it_is_alone(site: Site) -> None:
    site.connect("c1", "a")
    site.start("fanout")
    site.dynamodb.delete_table(TableName="ConnectionsTable")
    with pytest.raises(batch_failed()):
        site.invoke("fanout", batch(record(1, "a", 1, "Hi"), record(2, "b", 1, "Hi")))
    assert site.invoke("fanout", batch(record(1, "a", 1, "Hi"))) == failures(1)


def test_the_same_batch_again_repeats_frames_but_no_seq_with_another_message(site: Site) -> None:
    site.connect("c1", "samples")
    event = site.event("fanout-hot-room")
    assert site.invoke("fanout", event) == site.invoke("fanout", event) == NO_FAILURES
    first, again = site.posted()["c1"]
    assert first == again
    rows = [item for item in site.items("MessagesTable") if item["pk"] == "LOG#samples"]
    assert len(rows) == 12


def test_a_message_that_was_sent_twice_is_posted_once(site: Site) -> None:
    site.connect("c1", "a")
    site.connect("c2", "a", protocol="plain")
    first, again = record(1, "a", 1, "Hi"), record(2, "a", 2, "Hi")
    again["dynamodb"]["NewImage"]["last"] = first["dynamodb"]["NewImage"]["last"]
    assert site.invoke("fanout", batch(first, again)) == NO_FAILURES
    (frame,) = site.posted()["c1"]
    assert json.loads(frame)["skipped"] == [2]
    assert seqs(site, "c1") == [1]
    assert site.posted()["c2"] == ["Hi"]


def test_a_long_run_stays_in_frames_of_32_kb(site: Site) -> None:
    site.connect("c1", "a")
    event = batch(*(record(seq, "a", seq, "💬" * 4_000) for seq in range(1, 6)))
    assert site.invoke("fanout", event) == NO_FAILURES
    assert seqs(site, "c1") == [1, 2, 3, 4, 5]
    assert all(len(frame.encode()) <= 32 * 1024 for frame in site.posted()["c1"])


def test_a_gone_connection_leaves_no_row_and_the_others_get_the_message(site: Site) -> None:
    site.connect("gone", "a", "b")
    site.connect("here", "a", "b")
    site.gateway.gone.add("gone")
    assert site.invoke("fanout", batch(record(1, "a", 1, "Hi"))) == NO_FAILURES
    assert seqs(site, "here") == [1]
    assert {item["pk"] for item in site.items("ConnectionsTable")} == {"CONN#here", "ROOM#a", "ROOM#b"}
    assert len(site.items("ConnectionsTable")) == 3


def test_a_connection_that_is_still_connecting_is_not_pruned(site: Site) -> None:
    event = site.event("connect-rooms")
    event["requestContext"]["connectedAt"] = int(time.time() * 1000)
    site.invoke("connect", event)
    connection = event["requestContext"]["connectionId"]
    site.gateway.gone.add(connection)  # API Gateway answers 410 until $connect has returned
    assert site.invoke("fanout", batch(record(1, "general", 1, "too early"))) == NO_FAILURES
    site.gateway.gone.clear()
    assert site.invoke("fanout", batch(record(2, "general", 2, "Hi"))) == NO_FAILURES
    assert seqs(site, connection) == [2]


def test_temporary_failures_are_retried(site: Site) -> None:
    site.connect("c1", "a")
    site.gateway.troubles["c1"] = [Throttled(), Failed("status 500")]
    assert site.invoke("fanout", batch(record(1, "a", 1, "Hi"))) == NO_FAILURES
    assert seqs(site, "c1") == [1]


def test_a_message_from_frame_to_frame(site: Site, stream: Stream) -> None:
    site.connect("ada", "lobby")
    site.connect("grace", "lobby", protocol="plain")
    for number in range(1, 4):
        body = json.dumps({"action": "send", "ref": f"r{number}", "room": "lobby", "message": f"Hi {number}"})
        site.frame(body, route="$default", connection="ada")
    assert site.invoke("fanout", batch(*stream.records())) == NO_FAILURES
    assert seqs(site, "ada") == [1, 2, 3]
    assert site.posted()["grace"] == ["Hi 1", "Hi 2", "Hi 3"]


def reaction(number: int, room: str, seq: int, user: str) -> dict[str, Any]:
    """A record of the stream: a room's head after the change `seq`, somebody's reaction to message 1."""
    made = record(number, room, seq, "")
    fields = made["dynamodb"]["NewImage"]["last"]["M"]
    del fields["message"]
    fields |= {"kind": {"S": "react"}, "of": {"N": "1"}, "user": {"S": user}, "reaction": {"S": "👍"}}
    return made


def test_reactions_of_a_storm_wait_a_second_in_the_slice_queue(site: Site, stack: Stack) -> None:
    sqs = boto3.client("sqs")
    name = stack.queues["SliceQueue"].name
    url = sqs.create_queue(QueueName=name, Attributes={"FifoQueue": "true"})["QueueUrl"]
    site.connect("c1", "a")
    site.connect("plain", "a", protocol="plain")
    site.invoke("fanout", batch(record(1, "a", 1, "Hi")))
    storm = [reaction(seq, "a", seq, f"user-{seq}") for seq in range(2, 32)]
    assert site.invoke("fanout", batch(*storm)) == NO_FAILURES
    assert len(site.posted()["c1"]) == 1

    def receive() -> list[dict[str, Any]]:
        received = sqs.receive_message(QueueUrl=url, AttributeNames=["All"]).get("Messages", [])
        return [
            {
                "messageId": each["MessageId"],
                "receiptHandle": each["ReceiptHandle"],
                "body": each["Body"],
                "attributes": each["Attributes"],
            }
            for each in received
        ]

    slice_handler = site.start("fanout").slice_handler
    (waits,) = receive()
    began = time.monotonic()
    again = slice_handler({"Records": [waits]}, LambdaContext())
    assert again == {"batchItemFailures": [{"itemIdentifier": waits["messageId"]}]}
    while not (due := receive()):
        time.sleep(0.05)
    assert time.monotonic() - began > 0.9
    assert slice_handler({"Records": due}, LambdaContext()) == NO_FAILURES
    _, frame = map(json.loads, site.posted()["c1"])
    assert frame["skipped"] == list(range(2, 32))
    assert frame["changes"][-1]["message"]["reactions"][0]["count"] == 30
    assert site.posted()["plain"] == ["Hi"]
