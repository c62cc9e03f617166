"""List prices of us-east-1 in dollars, as of November 2026, without free tiers and discounts.

docs/limits-and-cost.md shows them with the pages where they were read; tests/unit/bench/test_prices.py
compares the two.
"""

from __future__ import annotations

from dataclasses import dataclass

MILLION = 1e6

# https://aws.amazon.com/api-gateway/pricing/
API_GATEWAY_MESSAGE = 1.00 / MILLION  # of up to 32 KB
CONNECTION_MINUTE = 0.25 / MILLION
# https://aws.amazon.com/dynamodb/pricing/on-demand/
DYNAMODB_WRITE = 0.625 / MILLION
DYNAMODB_READ = 0.125 / MILLION
# https://aws.amazon.com/lambda/pricing/
LAMBDA_REQUEST = 0.20 / MILLION
LAMBDA_GB_SECOND = 0.0000133334  # arm64
# https://aws.amazon.com/sqs/pricing/
SQS_FIFO_REQUEST = 0.50 / MILLION
# https://aws.amazon.com/cloudwatch/pricing/
LOGS_GB = 0.50
# https://aws.amazon.com/xray/pricing/
XRAY_TRACE = 5.00 / MILLION


@dataclass(frozen=True, slots=True)
class Service:
    """A hosted service, and its price per million deliveries to a room of 1,000, publishing included."""

    name: str
    dollars: float
    counts: str  # how it counts


# A plan that is not used up costs more per delivery.
# https://ably.com/docs/platform/pricing/resource-based, https://pusher.com/channels/pricing,
# https://aws.amazon.com/appsync/pricing/
SERVICES = (
    Service(
        "Ably",
        2.50 * 1_001 / 1_000,
        "each message published or delivered: $2.50 per million; stored ones again",
    ),
    Service("Pusher Startup, used up", 49 / 30, "$49 per month for 1 million per day and 500 connections"),
    Service(
        "Pusher Business, used up", 299 / 300, "$299 per month for 10 million per day and 5,000 connections"
    ),
    Service(
        "Pusher Growth Plus, used up",
        1_199 / 2_700,
        "$1,199 per month for 90 million per day and 30,000 connections",
    ),
    Service(
        "AppSync Events",
        1.00 * 1_001 / 1_000,
        "each event published or delivered, in 5 KB: $1.00 per million; no history",
    ),
)
