"""How findings are shown."""

from __future__ import annotations

import textwrap

from smoke.checks import CHECKS, Finding

_WORDS = {True: "pass", False: "FAIL", None: "-"}
_WIDTH = max(len(check.name) for check in CHECKS)
_INDENT = " " * 8
_COLUMNS = 110


def row(finding: Finding) -> str:
    """Return a finding's line, and below a failed one where to look."""
    line = f"  {_WORDS[finding.passed]:4}  {finding.check.name:{_WIDTH}}  {finding.text}".rstrip()
    if finding.passed is not False:
        return line
    advice = textwrap.fill(
        f"Look at {finding.check.look_at}.", _COLUMNS, initial_indent=_INDENT, subsequent_indent=_INDENT
    )
    return f"{line}\n{advice}"
