"""The benchmark of cold starts measures what was built."""

from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench import built, worker
from tests.support.project import ROOT


def test_an_old_build_of_a_function_is_not_measured(tmp_path: Path) -> None:
    shutil.copytree(ROOT / "src", tmp_path / "MessageFunction")
    assert built.function("MessageFunction", tmp_path) == tmp_path / "MessageFunction"
    (tmp_path / "MessageFunction" / "message" / "app.py").write_text("# of last week\n")
    with pytest.raises(built.NotBuilt, match="make build"):
        built.function("MessageFunction", tmp_path)
    with pytest.raises(built.NotBuilt, match="make build"):
        built.function("NoFunction", tmp_path)


def test_an_old_build_of_the_layer_is_not_measured(tmp_path: Path) -> None:
    packages = []
    for layer in set(built.LAYERS.values()):
        packages.append(tmp_path / layer / "python")
        for line in (ROOT / "layer" / "requirements.txt").read_text().splitlines():
            if "==" in line:
                name, version = line.split()[0].replace("-", "_").split("==")
                (packages[-1] / f"{name}-{version}.dist-info").mkdir(parents=True, exist_ok=True)
    assert built.layer(tmp_path) in packages
    for folder in packages:
        next(folder.glob("boto3-*")).rmdir()
    with pytest.raises(built.NotBuilt, match="has no boto3"):
        built.layer(tmp_path)


def test_a_deployed_module_has_its_own_folders_alone_and_writes_nothing(tmp_path: Path) -> None:
    (tmp_path / "packaged.py").write_text("")
    (tmp_path / "probe.py").write_text(
        "import importlib.util, json, packaged\n"
        "print(json.dumps({'of .venv': importlib.util.find_spec('pytest') is not None}))\n"
    )
    assert worker.measure_deployed("probe", [tmp_path]) == {"of .venv": False}
    assert not (tmp_path / "__pycache__").exists()
