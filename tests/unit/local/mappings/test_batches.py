"""The rules that the batches of streams and of queues share."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from local.aws_defaults import INVOCATION_PAYLOAD
from local.mappings.batches import is_full, reported_failures


@dataclass(frozen=True)
class Sized:
    size: int = 100


def test_a_batch_is_full_by_number_or_by_bytes() -> None:
    records = [Sized(), Sized(), Sized()]
    assert not is_full(records, 4)
    assert is_full(records, 3)
    assert is_full([Sized(INVOCATION_PAYLOAD)], 4)


def test_identifiers_come_in_the_order_of_the_report() -> None:
    payload = b'{"batchItemFailures": [{"itemIdentifier": "b"}, {"itemIdentifier": "a"}]}'
    assert reported_failures(payload) == ["b", "a"]


@pytest.mark.parametrize(
    "payload", [b"", b"null", b"{}", b'""', b'{"batchItemFailures": []}', b'{"batchItemFailures": null}']
)
def test_an_empty_report_is_a_success(payload: bytes) -> None:
    assert reported_failures(payload) == []


@pytest.mark.parametrize(
    "payload", [b"{not JSON", b"1", b'{"failures": []}', b'{"batchItemFailures": "one"}', b"[" * 100_000]
)
def test_another_response_is_not_a_report(payload: bytes) -> None:
    assert reported_failures(payload) is None


@pytest.mark.parametrize("item", [b'"one"', b"{}", b'{"itemIdentifier": 1}', b'{"itemIdentifier": ["one"]}'])
def test_an_invalid_identifier_is_none(item: bytes) -> None:
    assert reported_failures(b'{"batchItemFailures": [%s]}' % item) == [None]
