"""The shape of the house: small folders, small modules, small functions."""

from __future__ import annotations

import ast
from collections import Counter
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = {".py", ".js", ".mjs"}
MAX_FILES = 15  # in one folder; `__init__.py` is its door and does not count
MAX_LINES = 300
MAX_FUNCTION_LINES = 40  # in what is deployed
FIRST_LINES = 6  # where a longer module gives its reason

FILES = [
    path
    for area in ("src", "local", "web", "bench", "deployment", "smoke", "tests", "examples")
    for path in sorted((ROOT / area).rglob("*"))
    if path.suffix in SOURCE and "node_modules" not in path.parts
]


def too_long(text: str) -> bool:
    lines = text.splitlines()
    return len(lines) > MAX_LINES and not any("lines" in line for line in lines[:FIRST_LINES])


def long_functions(text: str) -> list[str]:
    functions = (
        node for node in ast.walk(ast.parse(text)) if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )
    return [node.name for node in functions if (node.end_lineno or 0) - node.lineno + 1 > MAX_FUNCTION_LINES]


def test_no_folder_holds_more_files_than_one_can_overlook() -> None:
    counts = Counter(path.parent.relative_to(ROOT) for path in FILES if path.name != "__init__.py")
    assert {str(folder): count for folder, count in counts.items() if count > MAX_FILES} == {}


def test_a_module_of_more_than_300_lines_says_why_in_its_first_lines() -> None:
    assert [str(path.relative_to(ROOT)) for path in FILES if too_long(path.read_text("utf-8"))] == []


@pytest.mark.parametrize(
    "path", sorted((ROOT / "src").rglob("*.py")), ids=lambda path: str(path.relative_to(ROOT / "src"))
)
def test_no_function_of_src_is_longer_than_a_screen(path: Path) -> None:
    assert long_functions(path.read_text("utf-8")) == []


def test_each_package_says_what_lives_in_it() -> None:
    packages = [
        path
        for area in ("src/chat", "src/apigateway", "local", "bench", "deployment", "smoke")
        for path in (ROOT / area).rglob("__init__.py")
    ]
    assert packages
    assert [
        str(path.relative_to(ROOT))
        for path in packages
        if not ast.get_docstring(ast.parse(path.read_text("utf-8")))
    ] == []


def test_what_is_too_long_is_found() -> None:
    assert too_long("x = 1\n" * 301)
    assert not too_long('"""One table. Over 300 lines: …"""\n' + "x = 1\n" * 301)
    assert long_functions("def short():\n    pass\n\ndef long():\n" + "    pass\n" * 40) == ["long"]
