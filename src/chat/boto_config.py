"""How long boto3 waits for AWS, in every function.

By default boto3 waits 60 seconds for a response. API Gateway waits 29 for the function, and AWS answers in
milliseconds: after two seconds another attempt is worth more.
"""

from __future__ import annotations

from botocore.config import Config

BOTO_CONFIG = Config(connect_timeout=1, read_timeout=2, retries={"mode": "standard", "total_max_attempts": 3})
