"""Environment variables given from outside, by the rules of `sam local invoke --env-vars`."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from local.errors import LocalError
from local.stack import Function

# {"FunctionName": {"VARIABLE": "value"}}, where "Parameters" in a function's place means all of them.
type Overrides = Mapping[str, Mapping[str, str]]


def read(path: Path) -> Overrides:
    """Overrides from a JSON file. Raises LocalError if it is none, or of another shape."""
    try:
        document = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise LocalError(f"{path}: {error.strerror}") from error
    except ValueError as error:
        raise LocalError(f"{path} is not JSON: {error}") from error
    if not isinstance(document, dict) or not all(isinstance(it, dict) for it in document.values()):
        raise LocalError(f'{path} is not of the form {{"FunctionName": {{"VARIABLE": "value"}}}}')
    return {name: {key: _text(value) for key, value in given.items()} for name, given in document.items()}


def override(functions: Mapping[str, Function], overrides: Overrides) -> dict[str, Function]:
    """The functions with their variables overridden; a function's own override wins over the one for all.

    Only variables that the template declares are set: SAM CLI passes over all others
    (https://github.com/aws/aws-sam-cli/blob/develop/samcli/local/lambdafn/env_vars.py, `resolve`).
    """
    everywhere = overrides.get("Parameters", {})
    changed: dict[str, Function] = {}
    for name, function in functions.items():
        given = {**everywhere, **overrides.get(name, {})}
        declared = {key: given.get(key, value) for key, value in function.environment.items()}
        changed[name] = replace(function, environment=declared)
    return changed


def _text(value: object) -> str:
    """As SAM CLI has it: a structure or null becomes an empty string."""
    if isinstance(value, bool):
        return "true" if value else "false"
    return "" if value is None or isinstance(value, dict | list) else str(value)
