"""The Region of a deployment."""

from __future__ import annotations

from typing import Any

import pytest

from deployment import region
from deployment.errors import DeploymentError
from deployment.region import Region


def find(**named: Any) -> Region | None:
    defaults: dict[str, Any] = {"option": None, "environment": {}, "saved": None, "of_profile": lambda: None}
    return region.find(**defaults | named)


@pytest.mark.parametrize("name", ["AWS_REGION", "AWS_DEFAULT_REGION"])
def test_the_region_of_the_shell_is_taken(name: str) -> None:
    assert find(environment={name: "eu-north-1"}) == Region("eu-north-1", name)


def test_aws_region_counts_before_aws_default_region() -> None:
    both = {"AWS_DEFAULT_REGION": "us-east-1", "AWS_REGION": "eu-north-1"}
    assert find(environment=both) == Region("eu-north-1", "AWS_REGION")
    assert find(environment=both | {"AWS_REGION": ""}) == Region("us-east-1", "AWS_DEFAULT_REGION")


def test_the_region_of_the_profile_is_taken_if_nothing_else_names_one() -> None:
    assert find(of_profile=lambda: "ap-south-1") == Region("ap-south-1", "the AWS profile")
    assert find(of_profile=lambda: "ap-south-1", saved="eu-west-1") == Region("eu-west-1", "samconfig.toml")
    assert find() is None


def test_an_option_counts_before_all_else() -> None:
    found = find(option="us-west-2", environment={"AWS_REGION": "eu-north-1"}, saved="eu-west-1")
    assert found == Region("us-west-2", "--region")


def test_nothing_is_deployed_to_one_of_two_regions_by_chance() -> None:
    shell = {"AWS_REGION": "eu-north-1"}
    with pytest.raises(
        DeploymentError, match=r"AWS_REGION names .* eu-north-1, and samconfig.toml eu-west-1"
    ):
        find(environment=shell, saved="eu-west-1")
    assert find(environment=shell, saved="eu-north-1") == Region("eu-north-1", "AWS_REGION")
    assert find(environment=shell, saved="eu-west-1", asked=True) == Region("eu-north-1", "AWS_REGION")
