"""Requests to a running simulator: one JSON object per line, one answer per line.

    {"request": "change", "settings": {"rate": 2500}}
    {"request": "storm", "seconds": 5}
    {"request": "restart"}
    {"request": "report", "expected": [{"members": [0, 1000], "numbers": [1, 2, 3]}], "examples": 20}
    {"request": "arrivals", "connection": "aBcDeFgHoAMCJ9w="}

The answer is {"answer": ...}, or {"error": "..."}.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bench.simulator.record import Expected
from bench.simulator.service import Service


def answer(service: Service, line: str) -> str:
    """Handle one line. An error is an answer, too."""
    try:
        return json.dumps({"answer": _handle(service, json.loads(line))})
    except (ValueError, KeyError, TypeError) as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


def _handle(service: Service, request: dict[str, Any]) -> Any:
    match request["request"]:
        case "change":
            return service.change(request["settings"])
        case "storm":
            return service.storm(float(request["seconds"]))
        case "restart":
            return service.restart()
        case "report":
            expected = [
                Expected(range(*group["members"]), group["numbers"]) for group in request.get("expected", ())
            ]
            return asdict(service.report(expected, request.get("examples", 20)))
        case "arrivals":
            return service.arrivals(request["connection"])
        case other:
            raise ValueError(f"no request {other!r}")
