"""Reads the template's event source mappings: from a table's stream or a queue to a function."""

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
    """The enabled mappings of a template. All errors are TemplateErrors that name the mapping."""

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
        """Yield one warning line per mapping from a source that is not run here."""
        for name, properties in self._enabled():
            source = str(properties.get("EventSourceArn"))
            if self._table(properties) is None and source not in self._queue_arns:
                yield f"{name}: a mapping from {source} is not run here"

    def stream_mappings(self) -> Iterator[StreamMapping]:
        for name, properties in self._enabled():
            if (table := self._table(properties)) is not None:
                yield self._stream_mapping(name, properties, table)

    def queue_mappings(self) -> Iterator[QueueMapping]:
        for name, properties in self._enabled():
            if (queue := self._queue_arns.get(str(properties.get("EventSourceArn")))) is not None:
                yield self._queue_mapping(name, properties, queue)

    def _enabled(self) -> Iterator[tuple[str, dict[str, Any]]]:
        for name, properties in self._resolver.of_type("AWS::Lambda::EventSourceMapping"):
            if is_true(properties.get("Enabled", True)):
                yield name, properties

    def _table(self, properties: Mapping[str, Any]) -> str | None:
        source = str(properties.get("EventSourceArn"))
        streams = self._stream_prefixes.items()
        return next((table for prefix, table in streams if source.startswith(prefix)), None)

    def _function(self, name: str, properties: Mapping[str, Any]) -> str:
        target = str(properties.get("FunctionName"))
        if target not in self._function_names:
            raise TemplateError(f"{name} calls {target}, which is not a function of this template")
        return self._function_names[target]

    def _stream_mapping(self, name: str, properties: Mapping[str, Any], table: str) -> StreamMapping:
        destination = ((properties.get("DestinationConfig") or {}).get("OnFailure") or {}).get("Destination")
        if destination is not None and destination not in self._queue_arns:
            raise TemplateError(
                f"{name} has the on-failure destination {destination}, which is not a queue of this template"
            )
        return StreamMapping(
            name=name,
            table=table,
            function=self._function(name, properties),
            starting_position=str(properties["StartingPosition"]),
            batch_size=int(properties.get("BatchSize", aws_defaults.STREAM_BATCH_SIZE)),
            window=float(properties.get("MaximumBatchingWindowInSeconds", aws_defaults.STREAM_WINDOW)),
            parallelization=int(properties.get("ParallelizationFactor", aws_defaults.STREAM_PARALLELIZATION)),
            bisect=is_true(properties.get("BisectBatchOnFunctionError", False)),
            retries=int(properties.get("MaximumRetryAttempts", aws_defaults.STREAM_RETRIES)),
            max_age=float(properties.get("MaximumRecordAgeInSeconds", aws_defaults.STREAM_MAX_AGE)),
            partial_failures=_reports_failures(properties),
            on_failure=None if destination is None else self._queue_arns[destination],
            filters=_filters(name, properties),
        )

    def _queue_mapping(self, name: str, properties: Mapping[str, Any], queue: str) -> QueueMapping:
        function = self._function(name, properties)
        timeout, hidden = self._functions[function].timeout, self._queues[queue].visibility
        if hidden < timeout:
            raise TemplateError(
                f"{name}: the visibility timeout of {queue} is {hidden} s, but must be at least "
                f"the timeout of {function}, {timeout:g} s"
            )
        window = float(properties.get("MaximumBatchingWindowInSeconds", aws_defaults.QUEUE_WINDOW))
        concurrency = (properties.get("ScalingConfig") or {}).get("MaximumConcurrency")
        mapping = QueueMapping(
            name=name,
            queue=queue,
            function=function,
            fifo=self._queues[queue].fifo,
            batch_size=int(properties.get("BatchSize", aws_defaults.QUEUE_BATCH_SIZE)),
            window=window,
            concurrency=None if concurrency is None else int(concurrency),
            visibility=_visibility(window, timeout, hidden),
            partial_failures=_reports_failures(properties),
            filters=_filters(name, properties),
        )
        if problem := _problem(mapping):
            raise TemplateError(f"{name}: {problem}")
        return mapping


def _visibility(window: float, timeout: float, hidden: int) -> int | None:
    """Return the seconds that a message is hidden, if a batching window changes them. None otherwise."""
    if window and window + timeout > hidden:
        return int(window + timeout) + aws_defaults.QUEUE_WINDOW_MARGIN
    return None


def _problem(mapping: QueueMapping) -> str | None:
    """Return the reason why AWS would reject the mapping, or None."""
    fifo = mapping.fifo
    max_size = aws_defaults.QUEUE_MAX_FIFO_BATCH_SIZE if fifo else aws_defaults.QUEUE_MAX_BATCH_SIZE
    if not 1 <= mapping.batch_size <= max_size:
        kind = "FIFO" if fifo else "standard"
        return f"BatchSize is {mapping.batch_size}, but must be 1 to {max_size} for a {kind} queue"
    if fifo and mapping.window:
        return "remove MaximumBatchingWindowInSeconds: a FIFO queue's mapping cannot have it"
    window, max_window = mapping.window, aws_defaults.QUEUE_MAX_WINDOW
    if not 0 <= window <= max_window:
        return f"MaximumBatchingWindowInSeconds is {window:g}, but must be 0 to {max_window}"
    if mapping.batch_size > aws_defaults.QUEUE_READ_LIMIT and window < 1:
        return f"BatchSize is {mapping.batch_size}: set MaximumBatchingWindowInSeconds to 1 or more"
    lowest, highest = aws_defaults.QUEUE_MIN_CONCURRENCY, aws_defaults.QUEUE_MAX_CONCURRENCY
    if mapping.concurrency is not None and not lowest <= mapping.concurrency <= highest:
        return f"MaximumConcurrency is {mapping.concurrency}, but must be {lowest} to {highest}"
    return None


def _reports_failures(properties: Mapping[str, Any]) -> bool:
    return "ReportBatchItemFailures" in (properties.get("FunctionResponseTypes") or ())


def _filters(name: str, properties: Mapping[str, Any]) -> tuple[dict[str, Any], ...]:
    entries = (properties.get("FilterCriteria") or {}).get("Filters") or ()
    patterns = tuple(_pattern(entry.get("Pattern"), name) for entry in entries)
    try:
        Filters(patterns)
    except ValueError as error:
        raise TemplateError(f"{name}: invalid filter: {error}") from error
    return patterns


def _pattern(pattern: str | None, mapping: str) -> dict[str, Any]:
    try:
        parsed = json.loads(pattern or "")
    except ValueError as error:
        raise TemplateError(f"{mapping} has the filter {pattern!r}, which is not JSON: {error}") from error
    if not isinstance(parsed, dict):
        raise TemplateError(f"{mapping} has the filter {pattern!r}, which is not an object")
    return parsed
