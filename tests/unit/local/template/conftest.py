"""The project that the template tests load."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.support.local.templates import Project


@pytest.fixture
def project(tmp_path: Path) -> Project:
    return Project(tmp_path)
