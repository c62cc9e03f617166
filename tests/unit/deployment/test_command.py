"""What SAM CLI is told."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

from deployment.__main__ import functions
from deployment.command import Deployment
from deployment.errors import DeploymentError
from deployment.region import Region
from deployment.settings import Settings
from tests.support.deployed_template import FUNCTIONS
from tests.support.project import ROOT, TEMPLATE

REGION = Region("eu-north-1", "AWS_REGION")


def test_make_logs_names_every_function_of_the_template() -> None:
    names = functions(TEMPLATE.read_text())
    assert sorted(names) == sorted(FUNCTIONS)
    command = Deployment("default", Settings(stack_name="chat"), REGION).sam("logs", names)
    assert sorted(after("--name", command)) == sorted(FUNCTIONS)
    assert command[-1] == "--tail"


@pytest.mark.parametrize("verb", ["deploy", "logs", "destroy"])
def test_every_command_uses_one_stack_and_one_region(verb: str) -> None:
    # `--guided` saves the stack's name for `sam deploy` only.
    command = Deployment("prod", Settings(stack_name="chat"), REGION).sam(verb)
    assert after("--stack-name", command) == ["chat"]
    assert after("--region", command) == ["eu-north-1"]
    assert after("--config-env", command) == ["prod"]


def test_an_added_parameter_does_not_drop_those_of_the_environment() -> None:
    settings = Settings(parameters=("StageName=prod AuthMode=jwt",))
    arguments = ("--parameter-overrides", "HistoryDays=7", "StageName=live", "--guided")
    command = Deployment("prod", settings, REGION, arguments).sam("deploy")
    at = command.index("--parameter-overrides")
    # SAM CLI takes the last value of a name.
    assert command[at + 1 :] == ["StageName=prod AuthMode=jwt", "HistoryDays=7", "StageName=live", "--guided"]
    command = Deployment("prod", settings, REGION, ("--parameter-overrides=A=b",)).sam("deploy")
    assert command[-3:] == ["--parameter-overrides", "StageName=prod AuthMode=jwt", "A=b"]
    assert "--parameter-overrides" not in Deployment("prod", settings, REGION).sam("deploy")


@pytest.mark.parametrize("environment", ["default", "staging", "prod", "websocket"])
def test_a_deploy_may_make_roles_and_the_site(environment: str) -> None:
    needed = ["CAPABILITY_IAM", "CAPABILITY_AUTO_EXPAND"]
    command = Deployment(environment, Settings(), REGION).sam("deploy")
    at = command.index("--capabilities")
    assert command[at + 1 : at + 3] == needed
    own = ("--capabilities", "CAPABILITY_NAMED_IAM")
    assert Deployment(environment, Settings(), REGION, own).sam("deploy").count("--capabilities") == 1
    assert "--capabilities" not in Deployment(environment, Settings(), REGION).sam("destroy")
    written = tomllib.loads((ROOT / "samconfig.toml").read_text())  # for a plain `sam deploy`
    assert written[environment]["deploy"]["parameters"]["capabilities"].split() == needed


def test_what_is_named_on_the_command_line_is_given_once() -> None:
    settings = Settings(stack_name="chat", profile="work")
    arguments = ("--region", "us-west-2", "--stack-name=other", "--profile", "play")
    command = Deployment("default", settings, Region("us-west-2", "--region"), arguments).sam("destroy")
    assert command == [
        *("delete", "--config-env", "default", "--region", "us-west-2", "--stack-name", "other"),
        *("--profile", "play"),
    ]


def test_the_settings_are_those_that_sam_cli_would_use(tmp_path: Path) -> None:
    path = tmp_path / "samconfig.toml"
    path.write_text(
        "version = 0.1\n"
        '[default.global.parameters]\nstack_name = "roomcast"\nregion = "us-east-1"\n'
        '[default.deploy.parameters]\nstack_name = "chat"\nparameter_overrides = ["A=b", {C = "d"}]\n'
        "[empty.build.parameters]\ncached = true\n"
    )
    assert Settings.read(path, "default") == Settings("chat", "us-east-1", None, ("A=b", "C=d"))
    assert Settings.read(path, "empty") == Settings()
    with pytest.raises(DeploymentError, match=r"no environment 'prd'. It has default, empty"):
        Settings.read(path, "prd")


@pytest.mark.parametrize("environment", ["default", "staging", "prod", "websocket"])
def test_each_environment_has_a_stack_of_its_own(environment: str) -> None:
    name = Settings.read(ROOT / "samconfig.toml", environment).stack_name
    assert name == ("roomcast" if environment == "default" else f"roomcast-{environment}")


def test_the_command_says_its_region_and_runs_sam_with_it() -> None:
    done = run("deploy", "default", AWS_REGION="eu-north-1")
    said, command = done.stdout.splitlines()
    assert said == "deploy: Region eu-north-1 (AWS_REGION)"
    assert "--region eu-north-1" in command
    assert "The stack roomcast in eu-north-1 cannot be read: Unable to locate credentials" in done.stderr


def test_a_deploy_without_a_region_ends_before_sam_begins() -> None:
    done = run("deploy", "default")
    assert (done.returncode, done.stdout) == (1, "")
    assert "No Region is named. Set AWS_REGION" in done.stderr
    assert run("deploy", "default", "--guided").stdout  # which asks for it


def run(*arguments: str, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the command with a stand-in for SAM CLI that prints its arguments, and with no AWS settings."""
    environment = {name: value for name, value in os.environ.items() if not name.startswith("AWS_")}
    environment["AWS_EC2_METADATA_DISABLED"] = "true"
    return subprocess.run(
        [sys.executable, "-m", "deployment", *arguments],
        cwd=ROOT,
        env=environment | {"SAM": "/bin/echo", "AWS_CONFIG_FILE": os.devnull} | variables,
        capture_output=True,
        text=True,
    )


def after(name: str, command: list[str]) -> list[str]:
    return [value for option, value in itertools.pairwise(command) if option == name]
