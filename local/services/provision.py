"""Creates a stack's tables and queues."""

from __future__ import annotations

from local.services.client import ServiceError, ServicesClient
from local.stack import Queue, Stack, Table


async def provision(client: ServicesClient, stack: Stack) -> None:
    """Create the stack's tables and queues; those that exist, in a kept data folder, stay."""
    for table in stack.tables.values():
        await _create_table(client, table)
    for queue in stack.queues.values():
        kind = {"FifoQueue": "true"} if queue.fifo else {}
        await client.sqs("CreateQueue", {"QueueName": queue.name, "Attributes": kind})
    # Attributes come after all queues exist: SQS rejects a redrive policy if its dead-letter queue does not
    # exist, and CreateQueue rejects a kept queue whose attributes the template has changed.
    for queue in stack.queues.values():
        await _set_attributes(client, queue)


async def _create_table(client: ServicesClient, table: Table) -> None:
    try:
        await client.dynamodb("CreateTable", table.definition)
    except ServiceError as error:
        if error.code != "ResourceInUseException":
            raise
        return
    if table.ttl is not None:
        ttl = {"Enabled": True, "AttributeName": table.ttl}
        request = {"TableName": table.name, "TimeToLiveSpecification": ttl}
        await client.dynamodb("UpdateTimeToLive", request)


async def _set_attributes(client: ServicesClient, queue: Queue) -> None:
    attributes = {name: value for name, value in queue.attributes.items() if name != "FifoQueue"}
    if attributes:
        request = {"QueueUrl": client.queue_url(queue), "Attributes": attributes}
        await client.sqs("SetQueueAttributes", request)
