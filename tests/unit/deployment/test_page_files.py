"""Which files of web/ make the page, and what a browser is told about them."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from deployment.page_files import ALWAYS_ASKED, CONTENT_TYPES, KEPT_BY_CLOUDFRONT, PageFile, page_files
from tests.support.project import ROOT

WEB = ROOT / "web"
BESIDE_THE_PAGE = {"README.md", "package.json", "plain.html", "tsconfig.types.json"}


def published(stage: str = "prod") -> dict[str, PageFile]:
    return {file.key: file for file in page_files(WEB, stage)}


def test_all_of_web_is_published_but_the_tests_and_what_belongs_to_no_page() -> None:
    there = {path.relative_to(WEB).as_posix() for path in WEB.rglob("*") if path.is_file()}
    expected = {key for key in there if not key.startswith("tests/")} - BESIDE_THE_PAGE
    assert set(published()) == expected


def test_the_files_that_a_page_names_are_published() -> None:
    named = re.findall(r'(?:src|href)="([^":#]+)"', (WEB / "index.html").read_text())
    assert "page/start.js" in named
    assert set(named) <= set(published())


def test_what_leads_to_other_files_comes_last_and_is_asked_for_each_time() -> None:
    files = page_files(WEB, "prod")
    asked = [file.key for file in files if file.cache_control == ALWAYS_ASKED]
    last = [file.key for file in files][-len(asked) :]
    assert {"index.html", "settings.js"} <= set(asked)
    assert last == asked
    # A browser asks for all others, too: only CloudFront may keep them.
    assert {file.cache_control for file in files} == {ALWAYS_ASKED, KEPT_BY_CLOUDFRONT}
    assert "max-age=0" in KEPT_BY_CLOUDFRONT


def test_a_service_worker_is_asked_for_each_time(tmp_path: Path) -> None:
    for name in ("sw.js", "index.html", "app.js"):
        (tmp_path / name).write_text("")
    files = {file.key: file.cache_control for file in page_files(tmp_path, "prod")}
    assert files == {"sw.js": ALWAYS_ASKED, "index.html": ALWAYS_ASKED, "app.js": KEPT_BY_CLOUDFRONT}


def test_browsers_run_modules_and_styles_only_with_their_types() -> None:
    files = published()
    assert files["page/main.js"].content_type == "text/javascript; charset=utf-8"
    assert files["page/styles/tokens.css"].content_type == "text/css; charset=utf-8"
    assert files["icon.svg"].content_type == "image/svg+xml"
    assert all(file.content_type == CONTENT_TYPES[Path(key).suffix] for key, file in files.items())


def test_the_socket_is_at_the_stage_of_the_pages_own_host() -> None:
    before, after = (published(stage)["settings.js"].body.decode() for stage in ("prod", "live_2"))
    assert after == before.replace('endpoint: "/prod"', 'endpoint: "/live_2"') != before
    assert published()["index.html"].body == (WEB / "index.html").read_bytes()


@pytest.mark.parametrize(
    "line",
    [
        'endpoint: "wss://abc.test/prod",',
        "endpoint: '//other.test/prod',",
        "endpoint: location.host === 'a.test' ? '/a' : '/b',",
    ],
)
def test_another_endpoint_of_a_team_stays(tmp_path: Path, line: str) -> None:
    (tmp_path / "settings.js").write_text(f"export const settings = {{\n  {line}\n}};\n")
    (file,) = page_files(tmp_path, "staging")
    assert line in file.body.decode()


def test_who_installs_the_page_sees_the_name_of_the_settings(tmp_path: Path) -> None:
    for name in ("settings.js", "manifest.webmanifest"):
        (tmp_path / name).write_text((WEB / name).read_text())
    settings = tmp_path / "settings.js"
    settings.write_text(settings.read_text().replace('name: "Roomcast"', 'name: "Café Chat"'))
    before = json.loads((WEB / "manifest.webmanifest").read_text())
    files = {file.key: file.body for file in page_files(tmp_path, "prod")}
    after = json.loads(files["manifest.webmanifest"])
    assert after == before | {"name": "Café Chat", "short_name": "Café Chat"} != before
    # A name that only a script can tell leaves the file as it is.
    settings.write_text("export const settings = { name: location.host };")
    assert (
        json.loads({file.key: file.body for file in page_files(tmp_path, "prod")}["manifest.webmanifest"])
        == before
    )
