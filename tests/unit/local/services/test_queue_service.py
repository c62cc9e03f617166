"""ministack's queues: the rules that the mapping leaves to them, and the mapping on a real queue."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterable
from pathlib import Path
from typing import Any

import pytest

from local.invocation import Result
from local.mappings.queue_batches import Message
from local.mappings.queue_poller import QueuePoller
from local.services.client import ServiceQueue, ServicesClient
from local.stack import Queue, QueueMapping
from tests.support.local.services import a_stack, emptied_services, running_services
from tests.support.local.stream_engine import DONE, ERROR, reporting

ARN = "arn:aws:sqs:us-east-1:000000000000"


def a_queue(name: str, **attributes: str) -> Queue:
    kind = {"FifoQueue": "true"} if name.endswith(".fifo") else {}
    return Queue(name, {**kind, **attributes})


def redrive(to: str, after: int) -> str:
    return json.dumps({"deadLetterTargetArn": f"{ARN}:{to}", "maxReceiveCount": after})


# A redrive policy names a queue that comes later.
WORK = a_queue("Work.fifo", VisibilityTimeout="1", RedrivePolicy=redrive("DeadLetters.fifo", 3))
DEAD_LETTERS = a_queue("DeadLetters.fifo")
BY_GROUP = a_queue("ByGroup.fifo", ContentBasedDeduplication="true", DeduplicationScope="messageGroup")


class RealQueue:
    """One of the queues, with a way to send to it."""

    def __init__(self, services: ServicesClient, queue: Queue) -> None:
        self.source: ServiceQueue = services.queue(queue)
        self._services = services
        self._url = services.queue_url(queue)

    async def send(self, body: str, group: str | None = None, **more: Any) -> None:
        request = {"QueueUrl": self._url, "MessageBody": body, **more}
        if group is not None:
            request["MessageGroupId"] = group
        await self._services.sqs("SendMessage", request)

    async def send_all(self, *bodies: str, group: str) -> None:
        for body in bodies:
            await self.send(body, group, MessageDeduplicationId=body)

    async def receive(self, limit: int = 10, visibility: int | None = None) -> list[str]:
        return [message["Body"] for message in await self.source.receive(limit, visibility)]

    async def attributes(self) -> dict[str, str]:
        request = {"QueueUrl": self._url, "AttributeNames": ["All"]}
        found: dict[str, str] = (await self._services.sqs("GetQueueAttributes", request))["Attributes"]
        return found

    async def wait_for_one(self) -> dict[str, Any]:
        request = {"QueueUrl": self._url, "WaitTimeSeconds": 20}
        (message,) = (await self._services.sqs("ReceiveMessage", request))["Messages"]
        return dict(message)


@pytest.fixture
async def services(ministack_url: str) -> AsyncIterator[ServicesClient]:
    async with emptied_services(ministack_url, a_stack(queues=(WORK, DEAD_LETTERS, BY_GROUP))) as services:
        yield services


@pytest.fixture
def work(services: ServicesClient) -> RealQueue:
    return RealQueue(services, WORK)


@pytest.fixture
def dead(services: ServicesClient) -> RealQueue:
    return RealQueue(services, DEAD_LETTERS)


# The rules that the mapping leaves to the queue


async def test_a_message_has_all_fields_that_an_event_needs(work: RealQueue) -> None:
    trace = "Root=1-5759e988-bd862e3fe1be46a994272793;Sampled=1"
    await work.send(
        "hi",
        "g",
        MessageDeduplicationId="d",
        MessageAttributes={"city": {"DataType": "String", "StringValue": "Manaus"}},
        MessageSystemAttributes={"AWSTraceHeader": {"DataType": "String", "StringValue": trace}},
    )
    (raw,) = await work.source.receive(10, None)
    record = Message.parse(raw, queue_arn=work.source.arn).record
    assert set(record["attributes"]) == {
        "ApproximateReceiveCount",
        "SentTimestamp",
        "SenderId",
        "ApproximateFirstReceiveTimestamp",
        "MessageGroupId",
        "SequenceNumber",
        "MessageDeduplicationId",
        "AWSTraceHeader",
    }
    assert record["attributes"]["ApproximateReceiveCount"] == "1"
    assert record["attributes"]["AWSTraceHeader"] == trace
    assert record["messageAttributes"]["city"]["stringValue"] == "Manaus"
    assert record["md5OfMessageAttributes"]
    assert record["eventSourceARN"] == f"{ARN}:Work.fifo"


async def test_a_group_is_held_back_while_any_of_it_is_in_flight_and_other_groups_are_not(
    work: RealQueue,
) -> None:
    await work.send_all("a1", "a2", "a3", group="a")
    await work.send_all("b1", group="b")
    first = await work.source.receive(1, 30)
    assert [message["Body"] for message in first] == ["a1"]
    assert await work.receive() == ["b1"]
    assert await work.receive() == []
    await work.source.delete([first[0]["ReceiptHandle"]])
    assert await work.receive() == ["a2", "a3"]


async def test_a_group_that_becomes_visible_again_comes_in_order(work: RealQueue) -> None:
    await work.send_all("a1", "a2", group="a")
    assert await work.receive(visibility=0) == ["a1", "a2"]
    await work.send_all("a3", group="a")
    assert await work.receive() == ["a1", "a2", "a3"]


async def test_an_outdated_receipt_deletes_nothing(work: RealQueue) -> None:
    await work.send_all("a1", group="a")
    (before,) = await work.source.receive(1, 0)
    (now,) = await work.source.receive(1, 0)
    await work.source.delete([before["ReceiptHandle"]])
    assert await work.receive(visibility=0) == ["a1"]
    await work.source.delete([])
    assert now["ReceiptHandle"] != before["ReceiptHandle"]


async def test_a_message_received_too_often_is_a_dead_letter(work: RealQueue, dead: RealQueue) -> None:
    await work.send_all("a1", "a2", group="a")
    for _ in range(3):
        assert await work.receive(1, visibility=0) == ["a1"]
    assert await work.receive(visibility=0) == ["a2"]
    assert await dead.receive() == ["a1"]


async def test_the_same_message_twice_is_one_in_its_queue_or_in_its_group(
    services: ServicesClient, work: RealQueue
) -> None:
    for group in ("a", "b"):
        await work.send("same", group, MessageDeduplicationId="same")
    assert await work.receive() == ["same"]
    by_group = RealQueue(services, BY_GROUP)
    for group in ("a", "a", "b"):
        await by_group.send("same", group)
    assert await by_group.receive() == ["same", "same"]


async def test_a_kept_queue_gets_the_attributes_that_the_template_has_now(tmp_path: Path) -> None:
    async with running_services(a_stack(queues=(WORK, DEAD_LETTERS)), data=tmp_path) as services:
        await RealQueue(services, WORK).send_all("kept", group="g")
    changed = a_queue("Work.fifo", VisibilityTimeout="9", RedrivePolicy=redrive("DeadLetters.fifo", 5))
    async with running_services(a_stack(queues=(changed, DEAD_LETTERS)), data=tmp_path) as services:
        queue = RealQueue(services, changed)
        attributes = await queue.attributes()
        assert attributes["VisibilityTimeout"] == "9"
        assert json.loads(attributes["RedrivePolicy"])["maxReceiveCount"] == 5
        assert await queue.receive() == ["kept"]


# The mapping on a real queue


class Function:
    """Records the bodies that it was called with; fails for some of them, always or once."""

    def __init__(self, *, fails: Iterable[str] = (), fails_once: Iterable[str] = ()) -> None:
        self.handled: asyncio.Queue[str] = asyncio.Queue()
        self._fails = set(fails)
        self._fails_once = set(fails_once)

    async def __call__(self, name: str, event: dict[str, Any]) -> Result:
        bodies = [record["body"] for record in event["Records"]]
        for place, body in enumerate(bodies):
            self.handled.put_nowait(body)
            if body in self._fails:
                return ERROR
            if body in self._fails_once:
                self._fails_once.remove(body)
                return reporting(*[record["messageId"] for record in event["Records"][place:]])
        return DONE

    async def wait_handled(self, count: int) -> list[str]:
        return [await self.handled.get() for _ in range(count)]


class Mapping:
    """A running mapping of the FIFO queue to a function."""

    def __init__(self, queue: RealQueue, function: Function) -> None:
        mapping = QueueMapping(
            name="Mapping",
            queue="Work",
            function="Function",
            fifo=True,
            batch_size=3,
            window=0,
            concurrency=None,
            visibility=None,
            partial_failures=True,
            filters=(),
        )
        self.poller = QueuePoller(mapping, queue.source, function, concurrency=4)

    async def __aenter__(self) -> QueuePoller:
        self._task = asyncio.create_task(self.poller.run())
        return self.poller

    async def __aexit__(self, *_: object) -> None:
        self._task.cancel()
        await asyncio.wait([self._task])


async def test_every_group_is_handled_in_order_also_where_one_fails_once(
    work: RealQueue, dead: RealQueue
) -> None:
    function = Function(fails_once={"b2"})
    groups = {group: [f"{group}{n}" for n in range(5)] for group in "abc"}
    async with Mapping(work, function) as poller:
        for group, bodies in groups.items():
            await work.send_all(*bodies, group=group)
        poller.poll_now()
        handled = await function.wait_handled(16)
    by_group = {group: [body for body in handled if body[0] == group] for group in groups}
    assert by_group["a"] == groups["a"]
    assert by_group["b"] == ["b0", "b1", "b2", "b2", "b3", "b4"]
    assert by_group["c"] == groups["c"]
    assert await dead.receive() == []


async def test_what_always_fails_becomes_a_dead_letter_and_its_group_goes_on(
    work: RealQueue, dead: RealQueue
) -> None:
    function = Function(fails={"poison"})
    async with Mapping(work, function):
        await work.send_all("poison", group="g")
        assert await function.wait_handled(1) == ["poison"]
        await work.send_all("after", group="g")
        assert await function.wait_handled(3) == ["poison", "poison", "after"]
    assert (await dead.wait_for_one())["Body"] == "poison"
