"""The prices that the cost benchmark uses are those that the documentation shows with their sources."""

from __future__ import annotations

import pytest

from bench import prices
from bench.prices import MILLION
from bench.worker import ROOT

DOCUMENT = (ROOT / "docs" / "limits-and-cost.md").read_text()


@pytest.mark.parametrize(
    ("what", "shown"),
    [
        ("API Gateway, WebSocket messages", f"${prices.API_GATEWAY_MESSAGE * MILLION:.2f} per million"),
        ("API Gateway, connection minutes", f"${prices.CONNECTION_MINUTE * MILLION:.2f} per million"),
        ("DynamoDB on demand", f"${prices.DYNAMODB_WRITE * MILLION:g} per million write units"),
        ("DynamoDB on demand", f"${prices.DYNAMODB_READ * MILLION:g} per million read units"),
        ("Lambda, arm64", f"${prices.LAMBDA_REQUEST * MILLION:.2f} per million requests"),
        ("Lambda, arm64", f"${prices.LAMBDA_GB_SECOND:.10f} per GB-second"),
        ("SQS FIFO", f"${prices.SQS_FIFO_REQUEST * MILLION:.2f} per million requests"),
        ("CloudWatch Logs, X-Ray", f"${prices.LOGS_GB:.2f} per GB"),
        ("CloudWatch Logs, X-Ray", f"${prices.XRAY_TRACE * MILLION:.2f} per million traces"),
    ],
)
def test_a_price_is_the_documented_one(what: str, shown: str) -> None:
    (row,) = [line for line in DOCUMENT.splitlines() if line.startswith(f"| {what} |") and "https://" in line]
    assert shown in row
