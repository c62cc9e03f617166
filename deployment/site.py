"""The page that a stack serves: its files are published after a deploy, and removed with the stack."""

from __future__ import annotations

import uuid
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import Any

from botocore.exceptions import BotoCoreError, ClientError

from deployment.account import Stack
from deployment.errors import DeploymentError
from deployment.page_files import ENTRIES, PageFile

# site.yaml's types are unknown to CloudFormation there (`cfn-lint --regions ALL_REGIONS`).
WITHOUT_SITES = ("cn-", "us-gov-", "us-iso", "eu-iso")


@dataclass(frozen=True, slots=True)
class Site:
    url: str
    bucket: str
    distribution: str
    stage: str

    @classmethod
    def of(cls, stack: Stack | None) -> Site | None:
        """Return the stack's site. None if it has none."""
        if stack is None or "SiteUrl" not in stack.outputs:
            return None
        outputs = stack.outputs
        return cls(
            outputs["SiteUrl"],
            outputs["SiteBucketName"],
            outputs["SiteDistributionId"],
            stack.parameters["StageName"],
        )


def check_region(region: str) -> None:
    """Raises DeploymentError if no stack of this Region can have a site."""
    if region.startswith(WITHOUT_SITES):
        raise DeploymentError(
            f"CloudFormation cannot make a site in {region}, and nothing was deployed. "
            "Leave Site off, and serve web/ from a static host of your own."
        )


def publish(files: Sequence[PageFile], site: Site, s3: Any, cloudfront: Any) -> None:
    """Put the files into the site's bucket, delete all others, and let CloudFront forget what it has.

    The files that lead to the others come last, and nothing is deleted before. Raises DeploymentError.
    """
    try:
        with ThreadPoolExecutor(8) as uploads:
            list(uploads.map(lambda file: _put(file, site, s3), (f for f in files if f.key not in ENTRIES)))
        for file in files:
            if file.key in ENTRIES:
                _put(file, site, s3)
        _delete(set(_keys(site.bucket, s3)) - {file.key for file in files}, site.bucket, s3)
        cloudfront.create_invalidation(
            DistributionId=site.distribution,
            InvalidationBatch={
                "Paths": {"Quantity": 1, "Items": ["/*"]},
                "CallerReference": str(uuid.uuid4()),
            },
        )
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(
            f"The stack is deployed, but its page could not be published: {error}. Run make deploy again."
        ) from error


def remove(bucket: str, s3: Any) -> None:
    """Delete a site's bucket, which CloudFormation has left. Raises DeploymentError."""
    try:
        _delete(set(_keys(bucket, s3)), bucket, s3)
        s3.delete_bucket(Bucket=bucket)
    except s3.exceptions.NoSuchBucket:
        return
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(
            f"The site's bucket could not be deleted: {error}. Delete it: aws s3 rb --force s3://{bucket}"
        ) from error


def _put(file: PageFile, site: Site, s3: Any) -> None:
    s3.put_object(
        Bucket=site.bucket,
        Key=file.key,
        Body=file.body,
        ContentType=file.content_type,
        CacheControl=file.cache_control,
    )


def _keys(bucket: str, s3: Any) -> Iterator[str]:
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket):
        yield from (each["Key"] for each in page.get("Contents", ()))


def _delete(keys: set[str], bucket: str, s3: Any) -> None:
    for key in sorted(keys):
        s3.delete_object(Bucket=bucket, Key=key)
