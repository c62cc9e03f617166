"""docs/map.md: every row's file exists and defines the row's symbols."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]

from tests.support.project import ROOT

PAGE = (ROOT / "docs" / "map.md").read_text(encoding="utf-8")
# | behaviour | `file` | `symbol`, `symbol` |
ROW = re.compile(r"^\| (?!---)([^|]+) \| `([^`|]+)` \| ((?:`[^`|]+`(?:, )?)+) \|$", re.MULTILINE)
ROWS = [
    (path, symbol) for _, path, symbols in ROW.findall(PAGE) for symbol in re.findall(r"`([^`]+)`", symbols)
]


@cache
def defined_in(path: Path) -> set[str]:
    """Return all symbols that a file defines, as the page writes them."""
    text = path.read_text(encoding="utf-8")
    match path.suffix:
        case ".py":
            return set(python_symbols(ast.parse(text)))
        case ".js":
            return javascript_symbols(text)
        case ".yaml":
            return set(key_paths(yaml.load(text, Loader=TagBlindLoader)))
    raise AssertionError(
        f"The page names {path}, and this test cannot read its symbols: teach it the suffix."
    )


def python_symbols(module: ast.Module) -> list[str]:
    """Return the module's own names, and `Class.member` for those of its classes."""
    return [
        f"{node.name}.{name}" if name else node.name
        for node in module.body
        if isinstance(node, ast.ClassDef)
        for name in ["", *names_in(node.body)]
    ] + names_in(module.body)


def names_in(body: list[ast.stmt]) -> list[str]:
    """Return the functions, classes and variables that these statements define."""
    names: list[str] = []
    for node in body:
        match node:
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name) | ast.ClassDef(name=name):
                names.append(name)
            case ast.Assign(targets=[ast.Name(id=name)]) | ast.AnnAssign(target=ast.Name(id=name)):
                names.append(name)
    return names


def javascript_symbols(text: str) -> set[str]:
    """Return the file's classes, functions and constants, and `Class.method` for those of its classes."""
    symbols = set(re.findall(r"^(?:export )?(?:async )?(?:class|function|const) (\w+)", text, re.MULTILINE))
    for name, body in re.findall(
        r"^(?:export )?class (\w+)[^\n]*\{\n(.*?)^\}", text, re.MULTILINE | re.DOTALL
    ):
        methods = re.findall(r"^  (?:static |async |get |set )*(#?\w+)\([^\n]*\{$", body, re.MULTILINE)
        symbols |= {f"{name}.{method}" for method in methods}
    return symbols


class TagBlindLoader(yaml.SafeLoader):  # type: ignore[misc]
    """Reads CloudFormation's YAML and ignores its tags (`!Ref`, `!Sub`)."""


TagBlindLoader.add_multi_constructor("!", lambda loader, suffix, node: suffix)


def key_paths(node: Any, prefix: str = "") -> list[str]:
    if not isinstance(node, dict):
        return []
    return [
        path
        for key, value in node.items()
        for path in [f"{prefix}{key}", *key_paths(value, f"{prefix}{key}.")]
    ]


@pytest.mark.parametrize(("path", "symbol"), ROWS)
def test_a_symbol_is_defined_where_the_page_says(path: str, symbol: str) -> None:
    assert symbol in defined_in(ROOT / path)


def test_every_row_of_the_page_is_read() -> None:
    rows = [line for line in PAGE.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    headings = [line for line in rows if line == "| behaviour | file | symbol |"]
    assert len(ROW.findall(PAGE)) == len(rows) - len(headings)


def test_the_page_has_at_least_forty_behaviours_of_all_parts() -> None:
    assert len(ROW.findall(PAGE)) >= 40
    assert {path.partition("/")[0] for path, _ in ROWS} >= {"src", "web", "local", "template.yaml"}


def test_no_behaviour_is_listed_twice() -> None:
    behaviours = [behaviour for behaviour, _, _ in ROW.findall(PAGE)]
    assert len(set(behaviours)) == len(behaviours)


@pytest.mark.parametrize("symbol", ["A", "A.m", "A.C", "f", "V", "T"])
def test_a_python_symbol_is_found(symbol: str) -> None:
    module = ast.parse("V = 1\nT: int = 2\nclass A:\n    C = 1\n    async def m(self): ...\ndef f(): ...")
    assert symbol in python_symbols(module)


@pytest.mark.parametrize("symbol", ["A", "A.#m", "A.size", "f", "V"])
def test_a_javascript_symbol_is_found(symbol: str) -> None:
    text = (
        "export const V = 1;\nexport class A {\n  #m(a) {\n  }\n  get size() {\n  }\n}\nfunction f() {\n}\n"
    )
    assert symbol in javascript_symbols(text)


def test_a_missing_symbol_is_found() -> None:
    assert "A.other" not in python_symbols(ast.parse("class A:\n    def m(self): ..."))
    assert "Resources.Queue.Properties" not in key_paths(
        yaml.load("Resources: {Queue: !Ref A}", TagBlindLoader)
    )
