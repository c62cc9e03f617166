"""The AWS account of a deployment: its stacks, and clients of its services."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Protocol

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from deployment.command import Deployment
from deployment.errors import DeploymentError


@dataclass(frozen=True, slots=True)
class Stack:
    name: str
    parameters: Mapping[str, str]
    outputs: Mapping[str, str]

    @classmethod
    def described(cls, description: Mapping[str, Any]) -> Stack:
        """Return a stack from CloudFormation's description of it."""
        return cls(
            description["StackName"],
            {each["ParameterKey"]: each["ParameterValue"] for each in description.get("Parameters", ())},
            {each["OutputKey"]: each["OutputValue"] for each in description.get("Outputs", ())},
        )


class Services(Protocol):
    """What a command uses of an account."""

    def client(self, service: str) -> Any: ...
    def stack(self) -> Stack | None: ...


@dataclass(frozen=True, slots=True)
class Account:
    deployment: Deployment

    @classmethod
    def of(cls, deployment: Deployment) -> Account:
        return cls(deployment)

    def client(self, service: str) -> Any:
        """Return botocore's client of a service. Raises DeploymentError."""
        region = self.deployment.region
        try:
            session = botocore.session.Session(profile=self.deployment.profile)
            return session.create_client(service, region and region.name)
        except BotoCoreError as error:
            raise DeploymentError(str(error)) from error

    def stack(self) -> Stack | None:
        """Return the deployed stack. None if there is none, or no name for it. Raises DeploymentError."""
        name, region = self.deployment.stack_name, self.deployment.region
        if name is None or region is None:
            return None
        try:
            found = self.client("cloudformation").describe_stacks(StackName=name)["Stacks"]
        except (BotoCoreError, ClientError) as error:
            if "does not exist" in str(error):  # a ValidationError, as are others
                return None
            raise DeploymentError(f"The stack {name} in {region.name} cannot be read: {error}") from error
        return Stack.described(found[0])
