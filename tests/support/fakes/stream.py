"""The stream of the messages table."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from boto3.dynamodb.types import TypeDeserializer

from chat.protocol.messages import Entry
from chat.storage.items import from_head
from chat.storage.signals import Signal, from_item, is_signal


class Stream:
    """The stream of the messages table, filtered like the mapping in template.yaml."""

    def __init__(self, dynamodb: Any, streams: Any, table: str) -> None:
        arn = dynamodb.describe_table(TableName=table)["Table"]["LatestStreamArn"]
        (shard,) = streams.describe_stream(StreamArn=arn)["StreamDescription"]["Shards"]
        self._streams = streams
        self._iterator = streams.get_shard_iterator(
            StreamArn=arn, ShardId=shard["ShardId"], ShardIteratorType="TRIM_HORIZON"
        )["ShardIterator"]

    def records(self) -> list[dict[str, Any]]:
        """Return the new records, as the fan-out function gets them."""
        answer = self._streams.get_records(ShardIterator=self._iterator)
        self._iterator = answer["NextShardIterator"]
        return [record for record in answer["Records"] if self._passes(record)]

    def _passes(self, record: dict[str, Any]) -> bool:
        if "NewImage" not in record["dynamodb"]:
            return bool(record["dynamodb"]["Keys"]["pk"]["S"].startswith("USER#"))
        image = record["dynamodb"]["NewImage"]
        if image["pk"]["S"].startswith("USER#"):
            return bool(image["cause"]["S"] != "own")
        return bool(image["sk"]["S"] == "HEAD" or image["pk"]["S"].startswith("SIG#"))

    def _images(self) -> list[dict[str, Any]]:
        deserialize = TypeDeserializer().deserialize
        return [
            {name: deserialize(value) for name, value in record["dynamodb"]["NewImage"].items()}
            for record in self.records()
            if "NewImage" in record["dynamodb"]
            and not record["dynamodb"]["NewImage"]["pk"]["S"].startswith("USER#")
        ]

    def batch(self) -> dict[str, list[Entry]]:
        """Return the messages of the new records, as runs by room."""
        runs: defaultdict[str, list[Entry]] = defaultdict(list)
        for image in self._images():
            if not is_signal(image) and (read := from_head(image)):
                runs[read[0]].append(read[1])
        return dict(runs)

    def signals(self) -> list[tuple[str, Signal]]:
        """Return the signals of the new records, with their rooms."""
        return [read for image in self._images() if is_signal(image) and (read := from_item(image))]
