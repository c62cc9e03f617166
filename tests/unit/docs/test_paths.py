"""The README and the pages of docs/ name files that exist, and link to headings that exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from tests.support.project import ROOT

PAGES = [ROOT / "README.md", ROOT / "CHANGELOG.md", *sorted((ROOT / "docs").rglob("*.md"))]
# A package's own page has paths of its own.
PACKAGES = [*ROOT.glob("web/README.md"), *ROOT.glob("src/*/README.md")]
CODE = re.compile(r"`([^`\n]+)`")
FENCE = re.compile(r"^ *```.*?^ *```$", re.MULTILINE | re.DOTALL)
LINK = re.compile(r"\]\(([^)\s]+)\)")
SUFFIX = re.compile(r"\.(py|js|mjs|json|md|yaml|toml|html|css|txt|svg|png)$")
MADE = {"bench/results"}  # exists only after a run


def folders() -> set[str]:
    """Return the folders at the root: a path in a page begins with one of them."""
    return {path.name for path in ROOT.iterdir() if path.is_dir() and not path.name.startswith(".")}


def paths(text: str) -> list[str]:
    """Return the paths in backticks: relative to the root, as all pages write them."""
    return [
        name.rstrip("/")
        for name in CODE.findall(FENCE.sub("", text))
        if re.fullmatch(r"[\w./-]+", name)
        and not name.startswith(("/", "."))
        and ((SUFFIX.search(name) and "/" in name) or (name.partition("/")[0] in folders() and "/" in name))
    ]


def anchors(text: str) -> set[str]:
    """Return the anchors that GitHub gives to a page's headings."""
    headings = re.findall(r"^#+ (.+)$", FENCE.sub("", text), re.MULTILINE)
    return {re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-") for heading in headings}


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_names_files_that_exist(page: Path) -> None:
    missing = [
        path for path in paths(page.read_text("utf-8")) if not (ROOT / path).exists() and path not in MADE
    ]
    assert missing == []


@pytest.mark.parametrize("page", [*PAGES, *PACKAGES], ids=lambda page: str(page.relative_to(ROOT)))
def test_a_page_links_to_files_and_headings_that_exist(page: Path) -> None:
    broken = []
    for link in LINK.findall(FENCE.sub("", page.read_text("utf-8"))):
        if re.match(r"\w+:", link):
            continue
        name, _, anchor = link.partition("#")
        target = page.parent / name if name else page
        if not target.exists() or (anchor and anchor not in anchors(target.read_text("utf-8"))):
            broken.append(link)
    assert broken == []


def test_the_readme_and_the_architecture_page_have_every_folder() -> None:
    packages = {path.parent.relative_to(ROOT).as_posix() for path in (ROOT / "src").rglob("__init__.py")}
    for page in (ROOT / "README.md", ROOT / "docs" / "architecture.md"):
        assert packages - {"src"} <= set(paths(page.read_text("utf-8"))), page.name


def test_paths_are_told_from_other_code() -> None:
    text = "`src/chat/x.py`, `/prod`, `wss://a/b.json`, `local/net`, `python -m local`, `connect.json`, `a/b`"
    assert paths(text) == ["src/chat/x.py", "local/net"]
