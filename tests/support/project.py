"""The project's files, and its functions."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[2]
TEMPLATE = ROOT / "template.yaml"
HANDLERS = ("authorizer", "connect", "disconnect", "message", "fanout")
