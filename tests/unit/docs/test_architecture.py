"""docs/architecture.md: its import contracts are those of pyproject.toml, and no word is defined twice."""

from __future__ import annotations

import re
import tomllib

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "architecture.md").read_text("utf-8")


def first_column(heading: str) -> list[str]:
    """Return the first column of the table whose heading begins so."""
    table = PAGE.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return re.findall(r"^\| (?!---)([^|]+) \|", table, re.MULTILINE)


def test_the_page_has_every_import_contract() -> None:
    settings = tomllib.loads((ROOT / "pyproject.toml").read_text("utf-8"))
    contracts = settings["tool"]["importlinter"]["contracts"]
    assert sorted(first_column("contract")) == sorted(contract["name"] for contract in contracts)


def test_the_glossary_defines_each_word_once() -> None:
    words = [word for cell in first_column("word") for word in cell.split(", ")]
    assert len(words) > 12
    assert len(set(words)) == len(words)
