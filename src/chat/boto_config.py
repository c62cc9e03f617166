"""How boto3 calls AWS, in every function.

By default boto3 waits 60 seconds for a response. API Gateway waits 29 for the function, and AWS answers in
milliseconds: after two seconds another attempt is worth more.

botocore's own User-Agent describes the SDK, and is put together twice per call: a tenth of its CPU time.
"""

from __future__ import annotations

from botocore.config import Config

BOTO_CONFIG = Config(
    connect_timeout=1,
    read_timeout=2,
    retries={"mode": "standard", "total_max_attempts": 3},
    user_agent="Roomcast",
)
