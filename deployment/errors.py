"""What stops a deployment before anything has changed."""

from __future__ import annotations


class DeploymentError(Exception):
    """A command that cannot do what was asked. Its text says why, and what to do."""
