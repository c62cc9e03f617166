"""What a benchmark found: tables, goals and plots."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field
from typing import Any

from bench.report.plot import Plot

type Cell = str | float


@dataclass(frozen=True, slots=True)
class Goal:
    """A measured number and its bounds, `must` and `aim`: upper bounds, or lower bounds if `at_least`.

    `counted` is a number that no machine's speed changes: a count, or a time of the virtual clock.
    """

    what: str
    measured: float
    must: float
    aim: float
    at_least: bool = False
    counted: bool = False

    @property
    def verdict(self) -> str:
        def within(bound: float) -> bool:
            return self.measured >= bound if self.at_least else self.measured <= bound

        return "aim" if within(self.aim) else "must" if within(self.must) else "MISSED"


@dataclass(slots=True)
class Report:
    title: str
    rows: list[dict[str, Cell]] = field(default_factory=list)
    goals: list[Goal] = field(default_factory=list)
    notes: list[str] = field(default_factory=list)
    plots: dict[str, Plot] = field(default_factory=dict)  # by image name

    def add(self, **row: Cell) -> None:
        self.rows.append(row)

    def table(self) -> str:
        """Return the title, the rows as tables and the notes, as text."""
        lines = ["", self.title, ""]
        for columns, rows in _tables(self.rows):
            lines += [*_aligned(columns, rows), ""]
        lines += [f"  {note}" for note in self.notes]
        return "\n".join([*lines, *([""] if self.notes else [])])

    def as_json(self) -> dict[str, Any]:
        goals = [
            {"what": goal.what, "measured": goal.measured, "must": goal.must, "aim": goal.aim}
            | {"verdict": goal.verdict}
            for goal in self.goals
        ]
        return {"title": self.title, "rows": self.rows, "goals": goals, "notes": self.notes}


def goals_table(goals: list[Goal]) -> str:
    rows: list[dict[str, Cell]] = [
        {
            "goal": goal.what,
            "measured": f"{goal.measured:,.3g}",
            "must": f"{'≥' if goal.at_least else '≤'} {goal.must:g}",
            "aim": f"{goal.aim:g}",
            "reached": goal.verdict,
        }
        for goal in goals
    ]
    return "\n".join(["", *_aligned(list(rows[0]), rows), ""]) if rows else ""


def progress(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


def _tables(rows: list[dict[str, Cell]]) -> list[tuple[list[str], list[dict[str, Cell]]]]:
    """Group consecutive rows that have the same first column."""
    tables: list[tuple[list[str], list[dict[str, Cell]]]] = []
    for row in rows:
        if not tables or next(iter(row)) != tables[-1][0][0]:
            tables.append((list(row), []))
        columns, members = tables[-1]
        columns += [name for name in row if name not in columns]
        members.append(row)
    return tables


def _aligned(columns: list[str], rows: list[dict[str, Cell]]) -> list[str]:
    cells = [[name.replace("_", " ") for name in columns]]
    cells += [[shown(row.get(name, "")) for name in columns] for row in rows]
    widths = [max(len(line[column]) for line in cells) for column in range(len(columns))]
    lines = [
        "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
        for line in cells
    ]
    return [lines[0], "-" * len(lines[0]), *lines[1:]]


def shown(value: Cell) -> str:
    """Return the value with two or three significant digits, or whole."""
    if isinstance(value, str):
        return value
    size = abs(value)
    if value == int(value) or size >= 100:
        return f"{value:,.0f}"
    return f"{value:,.1f}" if size >= 10 else f"{value:,.2f}" if size >= 0.1 else f"{value:.3g}"
