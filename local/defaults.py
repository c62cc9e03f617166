"""AWS's own defaults: what applies when template.yaml says nothing, each with where it was read."""

# https://docs.aws.amazon.com/AWSCloudFormation/latest/UserGuide/aws-resource-lambda-function.html
FUNCTION_TIMEOUT = 3  # seconds
FUNCTION_MEMORY = 128  # MB

# An init phase is cut off after this and tried again within the call's own time-out:
# https://docs.aws.amazon.com/lambda/latest/dg/lambda-runtime-environment.html
INIT_TIMEOUT = 10.0  # seconds

# "The length of serialized request or response body exceeded the maximum allowed size":
# https://docs.aws.amazon.com/lambda/latest/dg/gettingstarted-limits.html
MAX_RESPONSE = 6 * 1024 * 1024  # bytes

# https://docs.aws.amazon.com/lambda/latest/dg/services-ddb-params.html
STREAM_BATCH_SIZE = 100
STREAM_WINDOW = 0  # seconds
STREAM_PARALLELIZATION = 1
STREAM_RETRIES = -1  # without bound
STREAM_MAX_AGE = -1  # seconds; without bound
