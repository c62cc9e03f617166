from __future__ import annotations

import pytest

from local.template.intrinsics import Resolver
from tests.support.deployed_template import resolved_with


@pytest.fixture(scope="session")
def resolved() -> Resolver:
    """Return the transformed template with its defaults, every reference resolved."""
    return resolved_with()


@pytest.fixture(scope="session")
def with_access_logs() -> Resolver:
    return resolved_with(AccessLogs="on")
