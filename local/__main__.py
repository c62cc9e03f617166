"""`python -m local`: check Python and its packages, then run the command line of cli.py."""

from __future__ import annotations

import sys

if sys.version_info < (3, 13):  # noqa: UP036 - an older Python cannot parse the modules below
    sys.exit(
        f"Roomcast needs Python 3.13 or later; this is {sys.version.split()[0]} ({sys.executable}). "
        "`make run` finds the right one."
    )

if __name__ == "__main__":
    try:
        from local.cli import main

        sys.exit(main())
    except ModuleNotFoundError as missing:
        sys.exit(
            f"{sys.executable} has no {missing.name}. `make run` installs all packages and starts the engine."
        )
