"""`python -m deployment deploy|logs|destroy ENVIRONMENT [ARGUMENTS OF SAM CLI]`: what the Makefile runs."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import botocore.session
from botocore.exceptions import ProfileNotFound

from deployment import region
from deployment.account import Account
from deployment.command import VERBS, Deployment, option
from deployment.deploy import deploy
from deployment.destroy import destroy
from deployment.errors import DeploymentError
from deployment.settings import Settings

ROOT = Path(__file__).parent.parent
SAM = os.environ.get("SAM", ".venv-sam/bin/sam")


def functions(template: str) -> list[str]:
    """Return the logical ids of a SAM template's functions."""
    return re.findall(r"^  (\w+):\n    Type: AWS::Serverless::Function$", template, re.MULTILINE)


def read(environment: str, arguments: list[str]) -> Deployment:
    """Find out what is meant. Raises DeploymentError."""
    guided = "--guided" in arguments or "-g" in arguments
    try:
        settings = Settings.read(ROOT / "samconfig.toml", environment)
    except DeploymentError:
        if not guided:
            raise
        settings = Settings()  # --guided makes the environment

    def of_profile() -> str | None:
        profile = option(arguments, "--profile") or settings.profile
        try:
            found: str | None = botocore.session.Session(profile=profile).get_config_variable("region")
        except ProfileNotFound as error:
            raise DeploymentError(str(error)) from error
        return found

    found = region.find(
        option=option(arguments, "--region"),
        environment=os.environ,
        saved=settings.region,
        of_profile=of_profile,
        asked=guided,
    )
    if not found and not guided:
        raise DeploymentError('No Region is named. Set AWS_REGION, or add ARGS="--region eu-central-1".')
    return Deployment(environment, settings, found, tuple(arguments))


def main(verb: str, environment: str, *arguments: str) -> str | int:
    """Run a command. Return SAM CLI's status, or what stops the command."""

    def meant() -> Deployment:
        return read(environment, list(arguments))

    try:
        deployment = meant()
        if deployment.region:
            print(f"{verb}: Region {deployment.region.name} ({deployment.region.source})", flush=True)
        match verb:
            case "deploy":
                return deploy(meant, sam, Account.of, ROOT / "web")
            case "destroy":
                return destroy(deployment, sam, Account.of)
    except DeploymentError as error:
        return str(error)
    names = functions((ROOT / "template.yaml").read_text(encoding="utf-8"))
    os.execv(SAM, [SAM, *deployment.sam(verb, names)])


def sam(deployment: Deployment, verb: str) -> int:
    """Run SAM CLI. Return its status."""
    try:
        return subprocess.call([SAM, *deployment.sam(verb)])
    except KeyboardInterrupt:  # SAM CLI has told of it
        return 130


if __name__ == "__main__":
    if len(sys.argv) < 3 or sys.argv[1] not in VERBS:
        sys.exit(__doc__)
    sys.exit(main(*sys.argv[1:]))
