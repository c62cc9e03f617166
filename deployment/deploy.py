"""`make deploy`: SAM CLI deploys the stack, and then its page is published."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

from deployment.account import Services
from deployment.command import Deployment
from deployment.errors import DeploymentError
from deployment.page_files import page_files
from deployment.site import Site, check_region, publish, remove


def deploy(
    meant: Callable[[], Deployment],
    sam: Callable[[Deployment, str], int],
    account: Callable[[Deployment], Services],
    web: Path,
) -> int:
    """Deploy, publish the page if the stack serves one, and say where it is. Return SAM CLI's status.

    `meant` reads the deployment, and again after SAM CLI: --guided saves its answers. Raises DeploymentError.
    """
    deployment = meant()
    if deployment.wants_site and deployment.region:
        check_region(deployment.region.name)
    try:
        before = Site.of(account(deployment).stack())
    except DeploymentError:
        before = None  # SAM CLI says what is wrong
    if status := sam(deployment, "deploy"):
        return status
    services = account(meant())
    stack = services.stack()
    if stack is None:
        print("No stack has the saved name and Region. If yours has a site, save the answers to publish it.")
        return 0
    site = Site.of(stack)
    if before and (site is None or site.bucket != before.bucket):
        remove(before.bucket, services.client("s3"))
    if site is None:
        if url := stack.outputs.get("WebSocketUrl"):  # none as long as the first change set is not confirmed
            print(f"The socket: {url} (Site=on serves a page, too)")
        return 0
    files = page_files(web, site.stage)
    publish(files, site, services.client("s3"), services.client("cloudfront"))
    print(f"Published {len(files)} files. The page: {site.url}")
    return 0
