"""The context that Lambda passes to a handler."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class LambdaContext:
    """The fields of Lambda's context that the functions read."""

    function_name: str = "Function"
    memory_limit_in_mb: int = 512
    invoked_function_arn: str = "arn:aws:lambda:us-east-1:123456789012:function:Function"
    aws_request_id: str = "3f6c8b0d-0000-4000-8000-000000000000"

    def get_remaining_time_in_millis(self) -> int:
        return 60_000
