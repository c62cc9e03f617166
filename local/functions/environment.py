"""A function's environment: Lambda's variables and its own, without the developer's.

https://docs.aws.amazon.com/lambda/latest/dg/configuration-envvars.html lists Lambda's.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping

from local.stack import Function

# A Python on this machine may need these to run and to use TLS. Real credentials and settings stay out.
INHERITED = ("PATH", "SSL_CERT_FILE", "SSL_CERT_DIR", "AWS_CA_BUNDLE", "REQUESTS_CA_BUNDLE")


def environment(function: Function, region: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return all variables of an instance, except the address of its Runtime API."""
    version = f"{sys.version_info.major}.{sys.version_info.minor}"
    inherited = {name: os.environ[name] for name in INHERITED if name in os.environ}
    return {
        **inherited,
        "AWS_ACCESS_KEY_ID": "local",
        "AWS_SECRET_ACCESS_KEY": "local",
        "AWS_SESSION_TOKEN": "local",
        # botocore finds a home folder even without HOME, and would read the developer's profile there.
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_SHARED_CREDENTIALS_FILE": os.devnull,
        "AWS_EC2_METADATA_DISABLED": "true",
        "AWS_DEFAULT_REGION": region,
        "AWS_EXECUTION_ENV": f"AWS_Lambda_python{version}",
        "AWS_LAMBDA_FUNCTION_MEMORY_SIZE": str(function.memory),
        "AWS_LAMBDA_FUNCTION_NAME": function.name,
        "AWS_LAMBDA_FUNCTION_VERSION": "$LATEST",
        "AWS_LAMBDA_INITIALIZATION_TYPE": "on-demand",
        "AWS_LAMBDA_LOG_GROUP_NAME": f"/aws/lambda/{function.name}",
        "AWS_LAMBDA_LOG_STREAM_NAME": "local",
        "AWS_REGION": region,
        "AWS_XRAY_CONTEXT_MISSING": "LOG_ERROR",
        "LAMBDA_TASK_ROOT": str(function.code),
        "LANG": "en_US.UTF-8",
        # A source saved twice in one second at the same length would match its old bytecode. On Lambda no
        # bytecode is written either: the task root is read-only.
        "PYTHONDONTWRITEBYTECODE": "1",
        "PYTHONPATH": str(function.code),
        "PYTHONUNBUFFERED": "1",
        "PYTHONUTF8": "1",  # as in Lambda, also where this machine lacks the locale above
        "TZ": ":UTC",
        "_HANDLER": function.handler,
        **extra,
        **function.environment,
    }


def library_environment(function: Function, region: str, extra: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that the libraries of all functions see when they are loaded before a function."""
    own = {*function.environment, "_HANDLER", "PYTHONPATH"}
    return {name: value for name, value in environment(function, region, extra).items() if name not in own}
