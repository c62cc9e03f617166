"""`python -m tests.loss_checker`, which has no path but the project's folder."""

from __future__ import annotations

import os
import subprocess
import sys

from tests.support.project import ROOT


def test_the_command_finds_the_functions_code_by_itself() -> None:
    program = (
        "import tests.loss_checker.__main__; from tests.e2e.support.clients import user_of; user_of('c')"
    )
    environment = {name: value for name, value in os.environ.items() if name != "PYTHONPATH"}
    subprocess.run([sys.executable, "-c", program], cwd=ROOT, env=environment, check=True)
