from __future__ import annotations

from chat.protocol.timestamps import iso


def test_a_time_is_utc_with_a_z() -> None:
    assert iso(1_795_500_000) == "2026-11-24T06:00:00Z"
    assert iso(1_795_500_000.25, "milliseconds") == "2026-11-24T06:00:00.250Z"
