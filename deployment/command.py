"""The command of SAM CLI for a command of the Makefile."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from deployment.region import Region
from deployment.settings import Settings

VERBS = {"deploy": "deploy", "logs": "logs", "destroy": "delete"}  # the Makefile's and SAM CLI's
PARAMETERS = "--parameter-overrides"
CAPABILITIES = "--capabilities"
# The second one is for a stack in a stack with a transform (the site):
# https://docs.aws.amazon.com/serverless-application-model/latest/developerguide/serverless-sam-template-nested-applications.html
NEEDED = ("CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND")


@dataclass(frozen=True, slots=True)
class Deployment:
    """An environment of samconfig.toml, its Region, and what was added on the command line (`ARGS`)."""

    environment: str
    settings: Settings
    region: Region | None
    arguments: tuple[str, ...] = ()

    @property
    def stack_name(self) -> str | None:
        return option(self.arguments, "--stack-name") or self.settings.stack_name

    @property
    def profile(self) -> str | None:
        return option(self.arguments, "--profile") or self.settings.profile

    @property
    def wants_site(self) -> bool:
        """True if the parameters that are written down say Site=on. The last one counts, as for SAM CLI."""
        written = " ".join((*self.settings.parameters, *self.arguments))
        return re.findall(r"\bSite=[\\\"']*(\w+)", written)[-1:] == ["on"]

    def sam(self, verb: str, functions: Sequence[str] = ()) -> list[str]:
        """Return the arguments for SAM CLI. `functions` are those whose logs are shown."""
        command = [VERBS[verb], "--config-env", self.environment]
        if self.region:
            command += ["--region", self.region.name]
        if self.stack_name:  # --guided saves it for `sam deploy` only
            command += ["--stack-name", self.stack_name]
        if self.settings.profile and not option(self.arguments, "--profile"):
            command += ["--profile", self.settings.profile]
        if verb == "deploy" and CAPABILITIES not in self.arguments:  # --guided asks with these as the default
            command += [CAPABILITIES, *NEEDED]
        if verb == "logs":
            # Without names, SAM CLI also wants the logs of a stage $default, which a WebSocket API has not:
            # https://github.com/aws/aws-sam-cli/issues/3446
            command += [part for function in functions for part in ("--name", function)]
            command.append("--tail")
        return command + self._arguments()

    def _arguments(self) -> list[str]:
        """Return the added arguments without what `sam` has from here already.

        SAM CLI uses the parameters of the command line *instead of* those in samconfig.toml: prod with one
        more setting would lose all of its own. So its own come first, and the command line's count.
        """
        rest = without(without(self.arguments, "--region"), "--stack-name")
        for position, argument in enumerate(rest):
            name, _, value = argument.partition("=")
            if name == PARAMETERS:
                added = [value] if value else []
                rest[position : position + 1] = [PARAMETERS, *self.settings.parameters, *added]
                break
        return rest


def option(arguments: Sequence[str], name: str) -> str | None:
    """Return the value of `--name value` or `--name=value`, or None."""
    for position, argument in enumerate(arguments):
        if argument == name and position + 1 < len(arguments):
            return arguments[position + 1]
        if argument.startswith(f"{name}="):
            return argument.partition("=")[2]
    return None


def without(arguments: Sequence[str], name: str) -> list[str]:
    """Return the arguments without the option and its value."""
    kept: list[str] = []
    skip = False
    for argument in arguments:
        if skip or argument == name:
            skip = not skip
        elif not argument.startswith(f"{name}="):
            kept.append(argument)
    return kept
