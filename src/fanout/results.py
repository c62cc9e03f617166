"""What deliveries came to: logged, counted in the metrics, and the rooms that failed."""

from __future__ import annotations

from dataclasses import asdict

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

from apigateway.response_times import Sample
from chat.delivery.deliver import Counts, Results
from fanout.batch import RoomBatch

logger = Logger(child=True)
metrics = Metrics()


def record_results(batch: RoomBatch, broadcasts: Results, announcements: Results) -> set[str]:
    """Record the results of a batch, and return the rooms that failed; their errors are logged already."""
    failed = set()
    for room, result in broadcasts.items():
        if isinstance(result, Exception):
            failed.add(room)
        else:
            run = batch.runs[room]
            record_counts(room, result, first=run[0].seq, last=run[-1].seq)
    for room, result in announcements.items():
        if isinstance(result, Exception):
            failed.add(room)
        else:
            logger.info("announced", room=room, signals=len(batch.signals[room]))
    return failed


def record_notices(batch: RoomBatch, notices: Results) -> set[str]:
    """Record the notices of a batch, and return the users whose notices failed."""
    failed = {user for user, result in notices.items() if isinstance(result, Exception)}
    for user in notices.keys() - failed:
        logger.info("notified", user=user, rooms=len(batch.subscriptions[user]))
    return failed


def record_counts(room: str, counts: Counts | None, *, first: int, last: int) -> None:
    if counts is None:
        logger.info("enqueued tasks", room=room, first=first, last=last)
        return
    logger.info("broadcast", room=room, first=first, last=last, **asdict(counts))
    metrics.add_metric("Delivered", MetricUnit.Count, counts.delivered)
    metrics.add_metric("Gone", MetricUnit.Count, counts.gone)
    metrics.add_metric("Shed", MetricUnit.Count, counts.shed)


def record_response_times(sample: Sample) -> None:
    for seconds in sample.seconds:
        metrics.add_metric("PostLatency", MetricUnit.Milliseconds, round(seconds * 1000, 2))
    if sample.timed_out:
        metrics.add_metric("PostTimeouts", MetricUnit.Count, sample.timed_out)
