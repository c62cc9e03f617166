"""What an invocation of the message function takes, and how many X-Ray traces."""

from __future__ import annotations

from bench.deployed import MESSAGE_GB

# https://docs.aws.amazon.com/lambda/latest/dg/configuration-memory.html
_ONE_VCPU_GB = 1769 / 1024
_CPU = 0.004  # seconds of one vCPU: `cold-start`, the second call
_DYNAMODB_SECONDS = 0.005  # per call


def message_seconds(dynamodb_calls: int) -> float:
    """Return how long the message function takes for a frame."""
    return _CPU * _ONE_VCPU_GB / MESSAGE_GB + dynamodb_calls * _DYNAMODB_SECONDS


def sampled(rate: float) -> float:
    """Return the part of the requests that X-Ray's default rule traces: one per second, 5% of the rest.

    https://docs.aws.amazon.com/xray/latest/devguide/xray-console-sampling.html
    """
    return min(1.0, (1 + 0.05 * max(0.0, rate - 1)) / rate)
