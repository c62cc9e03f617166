"""AWS's own limits and defaults, each with its source; they apply where template.yaml sets nothing."""

from __future__ import annotations

from dataclasses import dataclass

ACCOUNT = "000000000000"  # the local account
PARTITION = "aws"

# API Gateway

KB = 1024  # bytes

# The largest answer of an authorizer function: "AWS Lambda authorizer result size",
# https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
AUTHORIZER_RESULT_SIZE = 8 * KB  # bytes


@dataclass(frozen=True, slots=True)
class Limits:
    """API Gateway's limits, sizes in bytes and times in seconds; a test may shorten them.

    Sizes, times and the rate of new connections are WebSocket quotas:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/apigateway-execution-service-websocket-limits-table.html
    The account's request rate is an account-level quota:
    https://docs.aws.amazon.com/apigateway/latest/developerguide/limits.html
    """

    frame: int = 32 * KB
    message: int = 128 * KB
    idle: float = 10 * 60
    duration: float = 2 * 60 * 60
    integration_timeout: float = 29
    connect_rate: float = 500  # new connections per second
    connect_burst: float = 500  # AWS documents no burst for them: take one second's worth
    request_rate: float = 10_000  # per second; connects, messages and @connections calls together
    request_burst: float = 5_000
    # A post gets 429 while more than this waits for a client that does not read. AWS documents the error
    # ("the WebSocket client side buffer is full", botocore's apigatewaymanagementapi) but not the size.
    client_buffer: int = 1024 * KB


# Lambda functions

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html
FUNCTION_TIMEOUT = 3  # seconds
FUNCTION_MEMORY = 128  # MB

# Lambda stops an init phase after this, and tries it again within the call's own time-out:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT = 10.0  # seconds

# Lambda stops a function that is called more often in one chain of requests ("approximately 16 times"),
# unless its RecursiveLoop is Allow: https://docs.aws.amazon.com/lambda/latest/dg/invocation-recursion.html
MAX_RECURSION = 16  # calls

# "The length of serialized request or response body exceeded the maximum allowed size":
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_RESPONSE = 6 * 1024 * 1024  # bytes

# The event source mapping of a DynamoDB stream

# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
STREAM_BATCH_SIZE = 100
STREAM_WINDOW = 0  # seconds
STREAM_PARALLELIZATION = 1
STREAM_RETRIES = -1  # no limit
STREAM_MAX_AGE = -1  # seconds; no limit

# "Lambda polls shards in your DynamoDB stream for records at a base rate of 4 times per second."
# https://docs.aws.amazon.com/lambda/latest/dg/with-ddb.html#dynamodb-polling-and-batching
STREAM_POLL_INTERVAL = 0.25  # seconds

# GetRecords returns at most 1,000 records or 1 MB.
# https://docs.aws.amazon.com/amazondynamodb/latest/APIReference/API_streams_GetRecords.html
STREAM_READ_LIMIT = 1000  # records

# A batch is sent once its window has passed, its size is reached, or its payload reaches 6 MB.
# https://docs.aws.amazon.com/lambda/latest/dg/invocation-eventsourcemapping.html#invocation-eventsourcemapping-batching
INVOCATION_PAYLOAD = 6 * 1024 * 1024  # bytes

# The event source mapping of a queue

# "For standard queues, the maximum is 10,000. For FIFO queues, the maximum is 10", and the batching window
# "is not supported for FIFO queues": https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-parameters.html
QUEUE_BATCH_SIZE = 10
QUEUE_MAX_BATCH_SIZE = 10_000
QUEUE_MAX_FIFO_BATCH_SIZE = 10
QUEUE_WINDOW = 0  # seconds
QUEUE_MAX_WINDOW = 300  # seconds

# The bounds of ScalingConfig.MaximumConcurrency:
# https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-scaling.html#events-sqs-max-concurrency
QUEUE_MIN_CONCURRENCY = 2
QUEUE_MAX_CONCURRENCY = 1000
# The maximum without it (the same page). On AWS a mapping begins with five calls and takes minutes.
QUEUE_CONCURRENCY = 1250

# ReceiveMessage returns, and DeleteMessageBatch takes, at most this many.
# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_ReceiveMessage.html
QUEUE_READ_LIMIT = 10  # messages

# https://docs.aws.amazon.com/AWSSimpleQueueService/latest/APIReference/API_CreateQueue.html
QUEUE_VISIBILITY = 30  # seconds

# If the queue's visibility timeout is shorter than batching window and function timeout together, messages
# are hidden for these two and this long: https://docs.aws.amazon.com/lambda/latest/dg/services-sqs-configure.html
QUEUE_WINDOW_MARGIN = 30  # seconds
