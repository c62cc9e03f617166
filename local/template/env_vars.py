"""Overrides of environment variables, by the rules of `sam local invoke --env-vars`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from local.errors import LocalError
from local.stack import Function

# {"FunctionName": {"VARIABLE": "value"}}, "Parameters" instead of a function name means all functions.
type Overrides = Mapping[str, Mapping[str, str]]


def read(path: Path) -> Overrides:
    """Read overrides from a JSON file. Raises LocalError if the file is missing or has another form."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or not all(isinstance(values, dict) for values in document.values()):
        raise LocalError(f'{path} must have the form {{"FunctionName": {{"VARIABLE": "value"}}}}')
    return {name: {key: _text(value) for key, value in values.items()} for name, values in document.items()}


def override(functions: Mapping[str, Function], overrides: Overrides) -> dict[str, Function]:
    """Return the functions with overrides applied; a function's own override wins over "Parameters".

    Only variables that the template declares are set: SAM CLI ignores all others
    (https://github.com/aws/aws-sam-cli/blob/develop/samcli/local/lambdafn/env_vars.py, `resolve`).
    """
    shared = overrides.get("Parameters", {})
    changed: dict[str, Function] = {}
    for name, function in functions.items():
        values = {**shared, **overrides.get(name, {})}
        declared = {key: values.get(key, value) for key, value in function.environment.items()}
        changed[name] = replace(function, environment=declared)
    return changed


def _text(value: object) -> str:
    """Return the value as SAM CLI sets it: a structure or null becomes an empty string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) else str(value)
