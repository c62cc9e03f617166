"""What the build leaves out of the layer changes no client."""

from __future__ import annotations

import re
import shutil
from pathlib import Path
from typing import Any

import botocore
import botocore.session
import pytest

from layer.trim import SERVICES, trim
from tests.support.project import ROOT

PUBLISHED = Path(botocore.__file__).parent / "data"


@pytest.fixture(scope="module")
def trimmed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return the data of botocore as the layer has it."""
    packages = tmp_path_factory.mktemp("packages")
    data = packages / "botocore" / "data"
    for service in [*SERVICES, "s3"]:
        shutil.copytree(PUBLISHED / service, data / service)
    for file in PUBLISHED.glob("*.json"):
        shutil.copy(file, data)
    trim(packages)
    return data


def client(data: Path, service: str, region: str) -> Any:
    session = botocore.session.Session()
    session.get_component("data_loader").search_paths[:] = [str(data)]
    session.set_credentials("key", "secret")
    return session.create_client(service, region_name=region)


def test_the_layer_has_the_services_that_functions_name() -> None:
    source = "".join(path.read_text() for path in (ROOT / "src").rglob("*.py"))
    named = set(re.findall(r'boto3\.client\(\s*"([a-z0-9-]+)"', source))
    powertools = {"SecretsProvider": "secretsmanager", "SSMProvider": "ssm"}
    named |= {service for provider, service in powertools.items() if f"{provider}(" in source}
    assert named == SERVICES


def test_the_data_of_other_services_is_removed(trimmed: Path) -> None:
    assert {path.name for path in trimmed.iterdir() if path.is_dir()} == SERVICES
    assert (trimmed / "endpoints.json").stat().st_size < 60_000


@pytest.mark.parametrize("service", sorted(SERVICES))
@pytest.mark.parametrize("region", ["us-east-1", "eu-central-2", "cn-north-1", "us-gov-west-1", "xx-new-1"])
def test_a_client_has_the_same_endpoint_and_operations(trimmed: Path, service: str, region: str) -> None:
    ours, published = client(trimmed, service, region), client(PUBLISHED, service, region)
    assert ours.meta.endpoint_url == published.meta.endpoint_url
    assert ours._request_signer.region_name == published._request_signer.region_name
    assert ours._request_signer.signing_name == published._request_signer.signing_name
    assert ours.meta.method_to_api_mapping == published.meta.method_to_api_mapping


@pytest.mark.parametrize("service", sorted(SERVICES))
def test_a_model_lacks_nothing_but_its_documentation(trimmed: Path, service: str) -> None:
    ours, published = (client(data, service, "us-east-1").meta.service_model for data in (trimmed, PUBLISHED))
    for name in published.operation_names:
        for ours_has, published_has in zip(shapes(ours, name), shapes(published, name), strict=True):
            assert ours_has == published_has
    assert set(ours.shape_names) == set(published.shape_names)
    for name in published.shape_names:
        ours_members = getattr(ours.shape_for(name), "members", {})
        assert list(ours_members) == list(getattr(published.shape_for(name), "members", {}))


def shapes(model: Any, operation: str) -> list[Any]:
    found = model.operation_model(operation)
    names = [shape and shape.name for shape in (found.input_shape, found.output_shape)]
    return [*names, [shape.name for shape in found.error_shapes], found.http]
