"""The files of a stack's page, in its bucket."""

from __future__ import annotations

from pathlib import Path

import pytest

from deployment.errors import DeploymentError
from deployment.page_files import page_files
from deployment.site import Site, check_region, publish, remove
from tests.support.fakes.account import FakeCloudFront, FakeS3, a_stack

SITE = Site("https://d1.test/", "files", "D1", "prod")


@pytest.fixture
def web(tmp_path: Path) -> Path:
    for name in ("index.html", "settings.js", "page/main.js", "page/styles/a.css"):
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(name)
    return tmp_path


def test_a_publication_leaves_the_pages_files_and_no_others(web: Path) -> None:
    s3 = FakeS3("files", "other")
    s3.buckets["files"] = {key: {} for key in ("page/old.js", "page/main.js", "page/older/a.js", "z.js")}
    s3.buckets["other"] = {"mine.js": {}}
    publish(page_files(web, "prod"), SITE, s3, FakeCloudFront(s3))
    assert set(s3.buckets["files"]) == {"index.html", "settings.js", "page/main.js", "page/styles/a.css"}
    assert s3.buckets["files"]["page/main.js"] == {
        "Body": b"page/main.js",
        "ContentType": "text/javascript; charset=utf-8",
        "CacheControl": "max-age=0, must-revalidate, s-maxage=86400",
    }
    assert set(s3.buckets["other"]) == {"mine.js"}


def test_whoever_opens_the_page_meanwhile_finds_what_it_leads_to(web: Path) -> None:
    s3 = FakeS3("files")
    publish(page_files(web, "prod"), SITE, s3, FakeCloudFront(s3))
    assert set(s3.puts[:2]) == {"page/main.js", "page/styles/a.css"}
    assert s3.puts[2:] == ["index.html", "settings.js"]


def test_cloudfront_forgets_the_old_files_when_the_new_ones_are_there(web: Path) -> None:
    s3 = FakeS3("files")
    cloudfront = FakeCloudFront(s3)
    publish(page_files(web, "prod"), SITE, s3, cloudfront)
    assert cloudfront.invalidated == [("D1", ["/*"], 4)]


def test_a_publication_that_fails_says_what_to_do_and_deletes_nothing(web: Path) -> None:
    s3 = FakeS3("files")
    s3.buckets["files"] = {"old.js": {}}
    s3.is_read_only = True
    with pytest.raises(
        DeploymentError, match=r"could not be published: .*Access Denied.* Run make deploy again"
    ):
        publish(page_files(web, "prod"), SITE, s3, FakeCloudFront(s3))
    assert set(s3.buckets["files"]) == {"old.js"}


def test_a_removed_bucket_is_gone_with_all_its_files() -> None:
    s3 = FakeS3("files", "other")
    s3.buckets["files"] = {f"page/{number}.js": {} for number in range(5)}
    remove("files", s3)
    assert set(s3.buckets) == {"other"}
    remove("files", s3)  # by somebody else, already


def test_a_stack_has_a_site_if_it_says_so() -> None:
    assert Site.of(a_stack("files", StageName="prod")) == SITE
    assert Site.of(a_stack()) is None
    assert Site.of(None) is None


@pytest.mark.parametrize("region", ["cn-north-1", "us-gov-west-1", "us-iso-east-1", "us-isob-east-1"])
def test_a_region_whose_cloudformation_knows_no_site_is_told_before_the_deploy(region: str) -> None:
    with pytest.raises(DeploymentError, match=rf"{region}, and nothing was deployed. Leave Site off"):
        check_region(region)
    check_region("us-east-1")
    check_region("eu-central-2")
