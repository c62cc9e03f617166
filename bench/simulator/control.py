"""What one can ask of a running simulator: one JSON object a line, one answer a line.

    {"ask": "change", "settings": {"rate": 2500}}
    {"ask": "storm", "seconds": 5}
    {"ask": "restart"}
    {"ask": "report", "expected": [{"members": [0, 1000], "numbers": [1, 2, 3]}], "examples": 20}
    {"ask": "arrivals", "connection": "aBcDeFgHoAMCJ9w="}

The answer is {"answer": ...}, or {"error": "..."}.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from bench.simulator.record import Expected
from bench.simulator.service import Service


def obey(service: Service, line: str) -> str:
    """Does what a line asks. What cannot be done is an answer, too."""
    try:
        return json.dumps({"answer": _obey(service, json.loads(line))})
    except (ValueError, KeyError, TypeError) as error:
        return json.dumps({"error": f"{type(error).__name__}: {error}"})


def _obey(service: Service, asked: dict[str, Any]) -> Any:
    match asked["ask"]:
        case "change":
            return service.change(asked["settings"])
        case "storm":
            return service.storm(float(asked["seconds"]))
        case "restart":
            return service.restart()
        case "report":
            expected = [Expected(range(*one["members"]), one["numbers"]) for one in asked.get("expected", ())]
            return asdict(service.report(expected, asked.get("examples", 20)))
        case "arrivals":
            return service.arrivals(asked["connection"])
        case other:
            raise ValueError(f"nobody can ask {other!r}")
