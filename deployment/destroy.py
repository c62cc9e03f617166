"""What `make destroy` deletes, and what stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import botocore.session
from botocore.exceptions import BotoCoreError, ClientError

from deployment.errors import DeploymentError

BACKUP = """
- DynamoDB's own backup of the messages table, from which it can be restored for 35 days. To leave none, first
  run make deploy with ARGS="--parameter-overrides PointInTimeRecovery=off"."""
REST = """
- a messages table that an update has replaced
- SAM CLI's bucket (the stack aws-sam-cli-managed-default), which other applications may use, too
- traces (30 days) and metrics (15 months): counts and ids, no messages
- the alarm for costs, if there is one: make destroy ENV=budget ARGS="--region us-east-1"
"""


def describe(stack: str, region: str, profile: str | None) -> dict[str, Any]:
    """Return CloudFormation's description of a stack. Raises DeploymentError."""
    try:
        client = botocore.session.Session(profile=profile).create_client("cloudformation", region)
        found: dict[str, Any] = client.describe_stacks(StackName=stack)["Stacks"][0]
    except (BotoCoreError, ClientError) as error:
        raise DeploymentError(f"The stack {stack} in {region} cannot be read: {error}") from error
    return found


def what_stays(stack: Mapping[str, Any]) -> str:
    """Return what is left of a stack that is deleted.

    Raises DeploymentError if its tables are protected: CloudFormation would delete all else, and then fail.
    """
    parameters = {each["ParameterKey"]: each["ParameterValue"] for each in stack.get("Parameters", ())}
    if parameters.get("DeletionProtection") == "on":
        raise DeploymentError(
            f"The messages of {stack['StackName']} are protected, and nothing was deleted. "
            'To delete them, first run make deploy with ARGS="--parameter-overrides DeletionProtection=off".'
        )
    if "PointInTimeRecovery" not in parameters:  # the alarm for costs
        return f"This deletes the stack {stack['StackName']}."
    backup = BACKUP if parameters["PointInTimeRecovery"] == "on" else ""
    return f"This deletes the stack {stack['StackName']} with all its messages. These stay:{backup}{REST}"
