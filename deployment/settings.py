"""What samconfig.toml says of an environment."""

from __future__ import annotations

import tomllib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deployment.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Settings:
    """An environment's settings. `--guided` adds a Region and the answers to its questions."""

    stack_name: str | None = None
    region: str | None = None
    profile: str | None = None
    parameters: tuple[str, ...] = ()  # `Name=value`, or several of these in one text

    @classmethod
    def read(cls, path: Path, environment: str) -> Settings:
        """Read what `sam deploy` would use. Raises DeploymentError if the environment is not there."""
        environments = tomllib.loads(path.read_text(encoding="utf-8"))
        environments.pop("version", None)
        if environment not in environments:
            known = ", ".join(sorted(environments))
            raise DeploymentError(f"{path.name} has no environment {environment!r}. It has {known}.")
        sections = environments[environment]
        found: dict[str, Any] = {}
        for section in ("global", "deploy"):  # the second one counts, as in SAM CLI
            found |= sections.get(section, {}).get("parameters", {})
        return cls(
            found.get("stack_name"),
            found.get("region"),
            found.get("profile"),
            tuple(_parameters(found.get("parameter_overrides", ""))),
        )


def _parameters(written: Any) -> list[str]:
    """Return parameters as the command line has them. SAM CLI takes a text, a list or a table."""
    match written:
        case "":
            return []
        case dict():
            return [f"{name}={value}" for name, value in written.items()]
        case list():
            return [text for item in written for text in _parameters(item)]
    return [str(written)]
