"""What `make build` has made: the folders that Lambda would run."""

from __future__ import annotations

import platform
import re
from pathlib import Path

from bench.worker import ROOT

BUILD = ROOT / ".aws-sam" / "build"
LAYERS = {
    "x86_64": "DependenciesLayerX86",
    "aarch64": "DependenciesLayerArm64",
    "arm64": "DependenciesLayerArm64",
}


class NotBuilt(Exception):
    """The build is missing, or older than the sources."""


def function(name: str, build: Path = BUILD) -> Path:
    """Return the folder of a function: /var/task on Lambda. Raises NotBuilt."""
    folder = build / name
    if _modules(folder) != _modules(ROOT / "src"):
        raise NotBuilt(f"{folder} is not what is in src/. Run `make build` first.")
    return folder


def layer(build: Path = BUILD) -> Path:
    """Return the packages of the layer for this machine: /opt/python on Lambda. Raises NotBuilt."""
    folder = build / LAYERS[platform.machine()] / "python"
    wanted = re.findall(r"^([\w.-]+)==(\S+)", (ROOT / "layer" / "requirements.txt").read_text(), re.MULTILINE)
    found = {path.name.lower() for path in folder.glob("*.dist-info")}
    for name, version in wanted:
        if f"{re.sub(r'[-_.]+', '_', name)}-{version}.dist-info".lower() not in found:
            raise NotBuilt(f"{folder} has no {name} {version}. Run `make build` first.")
    return folder


def _modules(folder: Path) -> dict[Path, str]:
    return {path.relative_to(folder): path.read_text(encoding="utf-8") for path in folder.rglob("*.py")}
