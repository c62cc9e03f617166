"""The Region of a deployment, and who named it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass

from deployment.errors import DeploymentError

# AWS's SDKs read the first, botocore and so SAM CLI only the second. The AWS CLI prefers the first, too:
# https://docs.aws.amazon.com/cli/latest/userguide/cli-configure-envvars.html
VARIABLES = ("AWS_REGION", "AWS_DEFAULT_REGION")


@dataclass(frozen=True, slots=True)
class Region:
    name: str
    source: str


def find(
    *,
    option: str | None,
    environment: Mapping[str, str],
    saved: str | None,
    of_profile: Callable[[], str | None],
    asked: bool = False,
) -> Region | None:
    """Return the Region that `--region`, the shell, samconfig.toml or the profile names, or None.

    Raises DeploymentError if the shell and samconfig.toml name two, because either may be the one that is
    meant. With `asked`, SAM CLI asks for it, and is to offer that of the shell.
    """
    if option:
        return Region(option, "--region")
    shell = next((Region(environment[name], name) for name in VARIABLES if environment.get(name)), None)
    if shell and saved and shell.name != saved and not asked:
        raise DeploymentError(
            f"{shell.source} names the Region {shell.name}, and samconfig.toml {saved}. "
            f'Say which one: ARGS="--region {saved}", for example.'
        )
    if shell:
        return shell
    if saved:
        return Region(saved, "samconfig.toml")
    profile = of_profile()
    return Region(profile, "the AWS profile") if profile else None
