"""`make destroy`: what it deletes, and what stays."""

from __future__ import annotations

from collections.abc import Callable

from deployment.account import Services, Stack
from deployment.command import Deployment
from deployment.errors import DeploymentError
from deployment.site import Site, remove

BACKUP = """
- DynamoDB's own backup of the messages table, from which it can be restored for 35 days. To leave none, first
  run make deploy with ARGS="--parameter-overrides PointInTimeRecovery=off"."""
REST = """
- a messages table that an update has replaced
- SAM CLI's bucket (the stack aws-sam-cli-managed-default), which other applications may use, too
- traces (30 days) and metrics (15 months): counts and ids, no messages
- the alarm for costs, if there is one: make destroy ENV=budget ARGS="--region us-east-1"
"""


def destroy(
    deployment: Deployment,
    sam: Callable[[Deployment, str], int],
    account: Callable[[Deployment], Services],
) -> int:
    """Delete a stack, and the bucket that CloudFormation leaves. Return SAM CLI's status.

    Raises DeploymentError.
    """
    services = account(deployment)
    stack = services.stack()
    if stack is None:
        raise DeploymentError(f"There is no stack {deployment.stack_name} in this Region.")
    print(what_stays(stack), flush=True)
    status = sam(deployment, "destroy")
    site = Site.of(stack)
    if site and not status and services.stack() is None:  # SAM CLI asks, and the answer may be no
        remove(site.bucket, services.client("s3"))
    return status


def what_stays(stack: Stack) -> str:
    """Return what is left of a stack that is deleted.

    Raises DeploymentError if its tables are protected: CloudFormation would delete all else, and then fail.
    """
    if stack.parameters.get("DeletionProtection") == "on":
        raise DeploymentError(
            f"The messages of {stack.name} are protected, and nothing was deleted. "
            'To delete them, first run make deploy with ARGS="--parameter-overrides DeletionProtection=off".'
        )
    if "PointInTimeRecovery" not in stack.parameters:  # the alarm for costs
        return f"This deletes the stack {stack.name}."
    backup = BACKUP if stack.parameters["PointInTimeRecovery"] == "on" else ""
    return f"This deletes the stack {stack.name} with all its messages. These stay:{backup}{REST}"
