"""What a benchmark found, as a table and as JSON."""

from __future__ import annotations

import sys
from dataclasses import dataclass, field


@dataclass(slots=True)
class Report:
    title: str
    rows: list[dict[str, str | float]] = field(default_factory=list)

    def add(self, **row: str | float) -> None:
        self.rows.append(row)

    def table(self) -> str:
        """The rows in aligned columns, in the order in which columns first appear."""
        names = list(dict.fromkeys(name for row in self.rows for name in row))
        cells = [names] + [[_text(row.get(name, "")) for name in names] for row in self.rows]
        widths = [max(len(line[column]) for line in cells) for column in range(len(names))]
        lines = [
            "  ".join(cell.ljust(width) for cell, width in zip(line, widths, strict=True)).rstrip()
            for line in cells
        ]
        return "\n".join(["", self.title, "", lines[0], "-" * len(lines[0]), *lines[1:], ""])


def progress(text: str) -> None:
    print(f"... {text}", file=sys.stderr, flush=True)


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:,.1f}"
