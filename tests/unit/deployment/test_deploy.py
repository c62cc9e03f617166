"""`make deploy` and `make destroy` around SAM CLI, which a function stands in for."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from deployment.account import Stack
from deployment.command import Deployment
from deployment.deploy import deploy
from deployment.destroy import destroy
from deployment.errors import DeploymentError
from deployment.region import Region
from deployment.settings import Settings
from tests.support.fakes.account import FakeAccount, a_stack
from tests.support.project import ROOT

WEB = ROOT / "web"
DEPLOYMENT = Deployment("default", Settings(stack_name="chat"), Region("eu-north-1", "AWS_REGION"))


def with_parameters(*parameters: str, region: str = "eu-north-1") -> Deployment:
    return Deployment("default", Settings("chat", parameters=parameters), Region(region, "AWS_REGION"))


def sam(account: FakeAccount, makes: Stack | None, *, status: int = 0) -> Callable[[Deployment, str], int]:
    """Return a stand-in for SAM CLI. If it succeeds, the account has this stack."""

    def run(deployment: Deployment, verb: str) -> int:
        account.commands.append(verb)
        if not status:
            account.found = makes
        return status

    return run


def test_a_deploy_ends_with_the_page(capsys: pytest.CaptureFixture[str]) -> None:
    account = FakeAccount("files")
    run = sam(account, a_stack("files", StageName="live"))
    assert deploy(lambda: DEPLOYMENT, run, account.of, WEB) == 0
    assert "index.html" in account.s3.buckets["files"]
    assert b'"/live"' in account.s3.buckets["files"]["settings.js"]["Body"]
    assert capsys.readouterr().out.splitlines()[-1].endswith("The page: https://d1.test/")


def test_a_deploy_without_a_site_ends_with_the_socket(capsys: pytest.CaptureFixture[str]) -> None:
    account = FakeAccount()
    assert deploy(lambda: DEPLOYMENT, sam(account, a_stack()), account.of, WEB) == 0
    assert "wss://abc.test/prod" in capsys.readouterr().out
    assert account.s3.puts == []


def test_a_first_change_set_that_is_not_confirmed_leaves_a_stack_without_outputs(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = FakeAccount()
    assert deploy(lambda: DEPLOYMENT, sam(account, Stack("chat", {}, {})), account.of, WEB) == 0
    assert capsys.readouterr().out == ""


def test_a_deploy_that_fails_publishes_nothing() -> None:
    account = FakeAccount("files", stack=a_stack("files"))
    assert deploy(lambda: DEPLOYMENT, sam(account, None, status=1), account.of, WEB) == 1
    assert account.s3.puts == []


def test_a_site_that_is_switched_off_takes_its_bucket_along() -> None:
    account = FakeAccount("files", stack=a_stack("files"))
    account.s3.buckets["files"] = {"index.html": {}}
    assert deploy(lambda: DEPLOYMENT, sam(account, a_stack()), account.of, WEB) == 0
    assert account.s3.buckets == {}


def test_answers_to_guided_that_are_not_saved_leave_the_page_unpublished_and_say_so(
    capsys: pytest.CaptureFixture[str],
) -> None:
    account = FakeAccount()
    assert deploy(lambda: DEPLOYMENT, sam(account, None), account.of, WEB) == 0
    assert "save the answers to publish it" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("written", "wants"),
    [
        (("StageName=prod Site=on",), True),
        (('StageName="prod" Site="on"',), True),  # as --guided saves them
        (("Site=on", "Site=off"), False),  # SAM CLI takes the last one
        (("StageName=prod",), False),
        (("WebSite=on",), False),
    ],
)
def test_a_site_is_rejected_where_none_can_be_before_anything_is_deployed(
    written: tuple[str, ...], wants: bool
) -> None:
    assert with_parameters(*written).wants_site is wants
    account = FakeAccount()
    chinese = with_parameters(*written, region="cn-north-1")
    if not wants:
        assert deploy(lambda: chinese, sam(account, a_stack()), account.of, WEB) == 0
        return
    with pytest.raises(DeploymentError, match="cn-north-1"):
        deploy(lambda: chinese, sam(account, a_stack()), account.of, WEB)
    assert account.commands == []


def test_a_site_may_be_asked_for_on_the_command_line() -> None:
    for arguments in (
        ("--parameter-overrides", "HistoryDays=7", "Site=on"),
        ("--parameter-overrides=Site=on",),
    ):
        region = Region("eu-north-1", "AWS_REGION")
        assert Deployment("default", Settings(), region, arguments).wants_site


def test_destroy_deletes_the_bucket_that_cloudformation_leaves() -> None:
    account = FakeAccount("files", "other", stack=a_stack("files"))
    account.s3.buckets["files"] = {"index.html": {}, "settings.js": {}}
    assert destroy(DEPLOYMENT, sam(account, None), account.of) == 0
    assert set(account.s3.buckets) == {"other"}


@pytest.mark.parametrize("status", [0, 1])
def test_a_stack_that_is_not_destroyed_keeps_its_page(status: int) -> None:
    stack = a_stack("files")
    account = FakeAccount("files", stack=stack)
    account.s3.buckets["files"] = {"index.html": {}}
    assert destroy(DEPLOYMENT, sam(account, stack, status=status), account.of) == status  # the answer was no
    assert account.s3.buckets == {"files": {"index.html": {}}}


def test_a_protected_stack_is_not_destroyed() -> None:
    account = FakeAccount("files", stack=a_stack("files", DeletionProtection="on"))
    with pytest.raises(DeploymentError, match="nothing was deleted"):
        destroy(DEPLOYMENT, sam(account, None), account.of)
    assert account.commands == []


def test_a_stack_that_is_not_there_is_told() -> None:
    with pytest.raises(DeploymentError, match="no stack chat"):
        destroy(DEPLOYMENT, sam(FakeAccount(), None), FakeAccount().of)
