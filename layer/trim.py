"""Leave out of botocore's data what no function reads: most of what a cold start would parse.

    python3.13 trim.py FOLDER    # the layer's packages

For its first client, botocore parses the endpoints of all services of AWS (1.2 MB) and the service's model,
three quarters of which are documentation. The data of services that are not in SERVICES is removed: whoever
needs another service in a function adds it there.
"""

from __future__ import annotations

import gzip
import json
import shutil
import sys
from pathlib import Path
from typing import Any

# As boto3.client() names them. Each is also the service's name in endpoints.json, if it is there.
SERVICES = frozenset({"apigatewaymanagementapi", "dynamodb", "secretsmanager", "sqs", "ssm", "xray"})


def trim(packages: Path) -> None:
    data = packages / "botocore" / "data"
    for folder in data.iterdir():
        if folder.is_dir() and folder.name not in SERVICES:
            shutil.rmtree(folder)
    _trim_endpoints(data / "endpoints.json")
    for path in data.glob("*/*/service-2.json.gz"):
        model = json.loads(gzip.decompress(path.read_bytes()))
        path.write_bytes(gzip.compress(_json(_without_documentation(model)), mtime=0))
    for path in data.glob("*/*/examples-1.json"):
        path.unlink()


def _trim_endpoints(path: Path) -> None:
    endpoints = json.loads(path.read_bytes())
    for partition in endpoints["partitions"]:
        services = partition["services"]
        partition["services"] = {name: services[name] for name in services if name in SERVICES}
    path.write_bytes(_json(endpoints))


def _without_documentation(value: Any) -> Any:
    if isinstance(value, list):
        return [_without_documentation(each) for each in value]
    if not isinstance(value, dict):
        return value
    # A member of a structure may have the name too; then its value is no text.
    kept = {
        name: each for name, each in value.items() if name != "documentation" or not isinstance(each, str)
    }
    return {name: _without_documentation(each) for name, each in kept.items()}


def _json(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


if __name__ == "__main__":
    trim(Path(sys.argv[1]))
