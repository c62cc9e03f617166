"""Reads the template's event source mappings: which table's stream or queue calls which function, and how."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from local import aws_defaults
from local.errors import TemplateError
from local.mappings.filters import Filters
from local.stack import Function, Queue, QueueMapping, StreamMapping, Table
from local.template.intrinsics import Resolver, is_true


class EventSourceMappings:
    """The enabled mappings of a template. All errors are TemplateErrors that begin with a mapping's name."""

    def __init__(
        self,
        resolver: Resolver,
        functions: Mapping[str, Function],
        tables: Mapping[str, Table],
        queues: Mapping[str, Queue],
    ) -> None:
        self._resolver = resolver
        self._functions = functions
        self._queues = queues
        # FunctionName may be a name or an ARN:
        # https://docs.aws.amazon.com/lambda/latest/api/API_CreateEventSourceMapping.html
        self._function_names = {
            name: logical
            for logical in functions
            for name in (resolver.arn(logical), resolver.physical_name(logical))
        }
        self._queue_arns = {resolver.arn(logical): logical for logical in queues}
        self._stream_prefixes = {f"{resolver.arn(logical)}/stream/": logical for logical in tables}

    def unknown(self) -> Iterator[str]:
        """One warning line for each mapping from a source that is not run here."""
        for name, it in self._enabled():
            source = str(it.get("EventSourceArn"))
            if self._table(it) is None and source not in self._queue_arns:
                yield f"{name}: a mapping from {source} is not run here"

    def stream_mappings(self) -> Iterator[StreamMapping]:
        for name, it in self._enabled():
            if (table := self._table(it)) is not None:
                yield self._stream_mapping(name, it, table)

    def queue_mappings(self) -> Iterator[QueueMapping]:
        for name, it in self._enabled():
            if (queue := self._queue_arns.get(str(it.get("EventSourceArn")))) is not None:
                yield self._queue_mapping(name, it, queue)

    def _enabled(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, it in self._resolver.of_type("AWS::Lambda::EventSourceMapping"):
            if is_true(it.get("Enabled", True)):
                yield name, it

    def _table(self, it: Mapping[str, Any]) -> str | None:
        source = str(it.get("EventSourceArn"))
        streams = self._stream_prefixes.items()
        return next((table for prefix, table in streams if source.startswith(prefix)), None)

    def _function(self, name: str, it: Mapping[str, Any]) -> str:
        target = str(it.get("FunctionName"))
        if target not in self._function_names:
            raise TemplateError(f"{name} calls {target}, which is no function of this template")
        return self._function_names[target]

    def _stream_mapping(self, name: str, it: Mapping[str, Any], table: str) -> StreamMapping:
        destination = ((it.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if destination is not None and destination not in self._queue_arns:
            raise TemplateError(
                f"{name}: its on-failure destination {destination} is no queue of this template"
            )
        return StreamMapping(
            name=name,
            table=table,
            function=self._function(name, it),
            starting_position=str(it["StartingPosition"]),
            batch_size=int(it.get("BatchSize", aws_defaults.STREAM_BATCH_SIZE)),
            window=float(it.get("MaximumBatchingWindowInSeconds", aws_defaults.STREAM_WINDOW)),
            parallelization=int(it.get("ParallelizationFactor", aws_defaults.STREAM_PARALLELIZATION)),
            bisect=is_true(it.get("BisectBatchOnFunctionError", False)),
            retries=int(it.get("MaximumRetryAttempts", aws_defaults.STREAM_RETRIES)),
            max_age=float(it.get("MaximumRecordAgeInSeconds", aws_defaults.STREAM_MAX_AGE)),
            partial_failures=_reports_failures(it),
            on_failure=None if destination is None else self._queue_arns[destination],
            filters=_filters(name, it),
        )

    def _queue_mapping(self, name: str, it: Mapping[str, Any], queue: str) -> QueueMapping:
        function = self._function(name, it)
        timeout, hidden = self._functions[function].timeout, self._queues[queue].visibility
        if hidden < timeout:
            raise TemplateError(
                f"{name}: the visibility timeout of {queue}, {hidden} s, is less than "
                f"the timeout of {function}, {timeout:g} s; AWS refuses that"
            )
        concurrency = (it.get("ScalingConfig") or {}).get("MaximumConcurrency")
        mapping = QueueMapping(
            name=name,
            queue=queue,
            function=function,
            fifo=self._queues[queue].fifo,
            batch_size=int(it.get("BatchSize", aws_defaults.QUEUE_BATCH_SIZE)),
            window=(window := float(it.get("MaximumBatchingWindowInSeconds", aws_defaults.QUEUE_WINDOW))),
            concurrency=None if concurrency is None else int(concurrency),
            visibility=_visibility(window, timeout, hidden),
            partial_failures=_reports_failures(it),
            filters=_filters(name, it),
        )
        if refusal := _refusal(mapping):
            raise TemplateError(f"{name}: {refusal}; AWS refuses that")
        return mapping


def _visibility(window: float, timeout: float, hidden: int) -> int | None:
    """Seconds that a message is hidden, where a batching window makes it other than the queue says."""
    if window and window + timeout > hidden:
        return int(window + timeout) + aws_defaults.QUEUE_WINDOW_MARGIN
    return None


def _refusal(mapping: QueueMapping) -> str | None:
    """Why AWS would not create the mapping, or None."""
    fifo = mapping.fifo
    largest = aws_defaults.QUEUE_MAX_FIFO_BATCH_SIZE if fifo else aws_defaults.QUEUE_MAX_BATCH_SIZE
    if not 1 <= mapping.batch_size <= largest:
        kind = "FIFO" if fifo else "standard"
        return f"BatchSize is {mapping.batch_size}, and a {kind} queue's is 1 to {largest}"
    if fifo and mapping.window:
        return "a FIFO queue's mapping has a MaximumBatchingWindowInSeconds"
    window, most_window = mapping.window, aws_defaults.QUEUE_MAX_WINDOW
    if not 0 <= window <= most_window:
        return f"MaximumBatchingWindowInSeconds is {window:g}, and has to be 0 to {most_window}"
    if mapping.batch_size > aws_defaults.QUEUE_READ_LIMIT and window < 1:
        return f"BatchSize is {mapping.batch_size} without a MaximumBatchingWindowInSeconds of 1 or more"
    least, most = aws_defaults.QUEUE_MIN_CONCURRENCY, aws_defaults.QUEUE_MAX_CONCURRENCY
    if mapping.concurrency is not None and not least <= mapping.concurrency <= most:
        return f"MaximumConcurrency is {mapping.concurrency}, and has to be {least} to {most}"
    return None


def _reports_failures(it: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (it.get("FunctionResponseTypes") or ())


def _filters(name: str, it: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    given = (it.get("FilterCriteria") or {}).get("Filters") or ()
    patterns = tuple(_pattern(one.get("Pattern"), name) for one in given)
    try:
        Filters(patterns)
    except ValueError as error:
        raise TemplateError(f"{name}: in a filter, {error}") from error
    return patterns


def _pattern(pattern: str | None, by: str) -> dict[str, Any]:
    try:
        parsed = json.loads(pattern or "")
    except ValueError as error:
        raise TemplateError(f"{by}: the filter {pattern!r} is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise TemplateError(f"{by}: the filter {pattern!r} is not an object")
    return parsed
