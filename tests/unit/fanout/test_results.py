"""What deliveries came to, as metrics."""

from __future__ import annotations

from apigateway.response_times import Sample
from fanout.results import metrics, record_response_times


def test_post_latency_is_a_metric_in_milliseconds_and_missing_answers_are_counted() -> None:
    metrics.clear_metrics()
    record_response_times(Sample([0.0123, 0.2], timed_out=3))
    values = {name: metric["Value"] for name, metric in metrics.metric_set.items()}
    assert values == {"PostLatency": [12.3, 200.0], "PostTimeouts": [3.0]}
    metrics.clear_metrics()
    record_response_times(Sample())
    assert metrics.metric_set == {}
