"""How long responses took: an even sample of bounded size."""

from __future__ import annotations

from dataclasses import dataclass, field

# CloudWatch takes up to 100 values of a metric at once:
# https://docs.aws.amazon.com/AmazonCloudWatch/latest/monitoring/CloudWatch_Embedded_Metric_Format_Specification.html
SAMPLE = 64  # responses


@dataclass(frozen=True, slots=True)
class Sample:
    """Seconds from request to response of some responses, and how many requests got none in time."""

    seconds: list[float] = field(default_factory=list)
    timed_out: int = 0


class ResponseTimes:
    """Samples the responses since the last `take`: each n-th, where n doubles whenever the sample is full."""

    def __init__(self) -> None:
        self._reset()

    def _reset(self) -> None:
        self._seen = 0
        self._every = 1
        self._sample: list[float] = []
        self.timed_out = 0

    def next_counts(self) -> bool:
        """Count a response. True if its time belongs to the sample: reading the clock for each would cost."""
        self._seen += 1
        return self._seen % self._every == 0

    def add(self, seconds: float) -> None:
        self._sample.append(seconds)
        if len(self._sample) == SAMPLE:
            del self._sample[::2]
            self._every *= 2

    def take(self) -> Sample:
        """Return the sample, and begin another one."""
        sample = Sample(self._sample, self.timed_out)
        self._reset()
        return sample
