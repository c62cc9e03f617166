"""An AWS account in memory, as far as a deployment's commands use it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from botocore.exceptions import ClientError

from deployment.account import Stack
from deployment.command import Deployment


class FakeS3:
    """Buckets of files. A bucket with files in it cannot be deleted, as in S3."""

    class exceptions:  # as botocore names them
        class NoSuchBucket(ClientError):
            pass

    def __init__(self, *buckets: str) -> None:
        self.buckets: dict[str, dict[str, dict[str, Any]]] = {name: {} for name in buckets}
        self.puts: list[str] = []  # keys, in their order
        self.is_read_only = False

    def put_object(self, *, Bucket: str, Key: str, **file: Any) -> None:
        if self.is_read_only:
            raise ClientError({"Error": {"Code": "AccessDenied", "Message": "Access Denied"}}, "PutObject")
        self.buckets[Bucket][Key] = file
        self.puts.append(Key)

    def delete_object(self, *, Bucket: str, Key: str) -> None:
        self.buckets[Bucket].pop(Key, None)

    def delete_bucket(self, *, Bucket: str) -> None:
        if self.buckets[Bucket]:
            raise ClientError({"Error": {"Code": "BucketNotEmpty", "Message": "not empty"}}, "DeleteBucket")
        del self.buckets[Bucket]

    def get_paginator(self, operation: str) -> FakeS3:
        assert operation == "list_objects_v2"
        return self

    def paginate(self, *, Bucket: str) -> Iterator[dict[str, Any]]:
        if Bucket not in self.buckets:
            raise self.exceptions.NoSuchBucket({"Error": {"Code": "NoSuchBucket"}}, "ListObjectsV2")
        keys = sorted(self.buckets[Bucket])
        for start in range(0, len(keys), 2):  # S3's pages have a thousand
            yield {"Contents": [{"Key": key} for key in keys[start : start + 2]]}
        yield {}  # of an empty bucket: without Contents


class FakeCloudFront:
    def __init__(self, s3: FakeS3) -> None:
        self._s3 = s3
        self.invalidated: list[tuple[str, list[str], int]] = []  # with how many files were there by then

    def create_invalidation(self, *, DistributionId: str, InvalidationBatch: dict[str, Any]) -> None:
        paths = InvalidationBatch["Paths"]
        assert paths["Quantity"] == len(paths["Items"]) and InvalidationBatch["CallerReference"]
        self.invalidated.append((DistributionId, paths["Items"], len(self._s3.puts)))


class FakeAccount:
    """An account with at most one stack. `deployed` is what SAM CLI's next deploy makes of it."""

    def __init__(self, *buckets: str, stack: Stack | None = None) -> None:
        self.s3 = FakeS3(*buckets)
        self.cloudfront = FakeCloudFront(self.s3)
        self.found = stack
        self.commands: list[str] = []  # of SAM CLI

    def of(self, deployment: Deployment) -> FakeAccount:
        return self

    def client(self, service: str) -> Any:
        return {"s3": self.s3, "cloudfront": self.cloudfront}[service]

    def stack(self) -> Stack | None:
        return self.found


def a_stack(bucket: str | None = None, **parameters: str) -> Stack:
    """Return a stack, with a site if there is a bucket for it."""
    outputs = {"WebSocketUrl": "wss://abc.test/prod"}
    if bucket:
        outputs |= {"SiteUrl": "https://d1.test/", "SiteBucketName": bucket, "SiteDistributionId": "D1"}
    return Stack("chat", {"StageName": "prod"} | parameters, outputs)
