"""What `sam build` makes: for each processor, and compiled."""

from __future__ import annotations

import marshal
import os
import shutil
import subprocess
import sys
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from samtranslator.yaml_helper import yaml_parse

from tests.support.deployed_template import FUNCTIONS, of_type, resolved_with
from tests.support.project import ROOT, TEMPLATE

LAYERS = {"arm64": ("DependenciesLayerArm64", "aarch64"), "x86_64": ("DependenciesLayerX86", "x86_64")}
UNCHECKED = 1  # the flags of a pyc whose source is never looked at: https://peps.python.org/pep-0552/


@pytest.mark.parametrize("architecture", LAYERS)
def test_a_deploy_takes_the_layer_that_was_built_for_its_processor(architecture: str) -> None:
    resolved = resolved_with(Architecture=architecture)
    name, _ = LAYERS[architecture]
    (layer,) = of_type(resolved, "AWS::Lambda::LayerVersion")
    assert layer.startswith(name)
    assert resolved.properties(layer)["CompatibleArchitectures"] == [architecture]
    for function in FUNCTIONS:
        properties = resolved.properties(function)
        assert properties["Architectures"] == [architecture]
        assert [arn.partition(":")[0] for arn in properties["Layers"]] == [layer]


def test_the_build_depends_on_no_parameter() -> None:
    # `sam build` knows neither the parameters of `sam deploy` nor the answers to --guided.
    resources = yaml_parse(TEMPLATE.read_text())["Resources"]
    built = {name: resource["Metadata"] for name, resource in resources.items() if "Metadata" in resource}
    assert set(built) == {*FUNCTIONS, *(layer for layer, _ in LAYERS.values())}
    for metadata in built.values():
        assert all(isinstance(value, str) for value in metadata.values())


def test_a_built_function_is_compiled_for_its_read_only_folder(tmp_path: Path) -> None:
    source = tmp_path / "src"
    shutil.copytree(ROOT / "src", source)
    make(source, "build-MessageFunction", tmp_path / "built")
    built = {path.relative_to(tmp_path / "built") for path in (tmp_path / "built").rglob("*.py")}
    assert built == {path.relative_to(ROOT / "src") for path in (ROOT / "src").rglob("*.py")}
    assert_compiled(tmp_path / "built", "/var/task")


@pytest.mark.parametrize("architecture", LAYERS)
def test_a_built_layer_is_compiled_and_fits_its_processor(tmp_path: Path, architecture: str) -> None:
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    for _, machine in LAYERS.values():
        write_wheel(wheels, machine)
    source = tmp_path / "layer"
    source.mkdir()
    for name in ("Makefile", "trim.py"):
        shutil.copy(ROOT / "layer" / name, source)
    (source / "requirements.txt").write_text("native==1.0\n")
    name, machine = LAYERS[architecture]
    make(source, f"build-{name}", tmp_path / "built", PIP_NO_INDEX="1", PIP_FIND_LINKS=str(wheels))
    assert (tmp_path / "built" / "python" / "native" / "machine").read_text() == machine
    assert_compiled(tmp_path / "built", "/opt")


def make(folder: Path, target: str, artifacts: Path, **environment: str) -> None:
    """Run a target as `sam build` does."""
    artifacts.mkdir()
    path = os.pathsep.join([str(Path(sys.executable).parent), os.environ["PATH"]])
    subprocess.run(
        ["make", "--makefile", str(folder / "Makefile"), target],
        cwd=folder,
        env=os.environ | {"PATH": path, "ARTIFACTS_DIR": str(artifacts)} | environment,
        check=True,
    )


def write_wheel(folder: Path, machine: str) -> None:
    tag = f"cp313-cp313-manylinux_2_28_{machine}"
    with zipfile.ZipFile(folder / f"native-1.0-{tag}.whl", "w") as wheel:
        wheel.writestr("native/__init__.py", "")
        wheel.writestr("native/machine", machine)
        wheel.writestr("botocore/data/endpoints.json", '{"partitions":[]}')  # for trim.py
        wheel.writestr("native-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: native\nVersion: 1.0\n")
        wheel.writestr(
            "native-1.0.dist-info/WHEEL", f"Wheel-Version: 1.0\nRoot-Is-Purelib: false\nTag: {tag}\n"
        )
        wheel.writestr("native-1.0.dist-info/RECORD", "")


def assert_compiled(folder: Path, place: str) -> None:
    """Fail unless each module has a pyc that Python uses without looking at the source's time or text."""
    modules = list(folder.rglob("*.py"))
    assert modules
    for module, (flags, filename) in zip(modules, compiled(modules), strict=True):
        assert flags == UNCHECKED, module
        assert filename == f"{place}/{module.relative_to(folder)}"


def compiled(modules: list[Path]) -> Iterator[tuple[int, str]]:
    """Yield each module's flags and the path that its tracebacks show."""
    for module in modules:
        content = (module.parent / "__pycache__" / f"{module.stem}.cpython-313.pyc").read_bytes()
        yield int.from_bytes(content[4:8], "little"), marshal.loads(content[16:]).co_filename
