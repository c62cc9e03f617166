"""The rules of the simulated API Gateway, at times that each test passes."""

from __future__ import annotations

import re
from collections import Counter
from statistics import median, quantiles
from typing import Any

import pytest

from bench.simulator import MAX_MESSAGE, NEVER, Fault, Gateway, Group, Settings, member_id

FRAME = b'{"seq":1}'
IDS = [member_id(number) for number in range(20_000)]


def gateway(**settings: Any) -> Gateway:
    return Gateway(Settings(**{"rate": None, **settings}), now=100.0)


def statuses(gateway: Gateway, now: float, count: int) -> Counter[int]:
    return Counter(gateway.answer(now, "c1", FRAME).status for _ in range(count))


def test_member_ids_look_like_aws_and_no_two_are_alike() -> None:
    assert len(set(IDS)) == len(IDS)
    assert all(re.fullmatch(r"[A-Za-z0-9_-]{15}=", connection_id) for connection_id in IDS)
    assert member_id(7) == IDS[7]


def test_a_burst_passes_and_then_the_rate() -> None:
    limited = gateway(rate=1024, burst=50)
    assert statuses(limited, 100.0, 60) == {200: 50, 429: 10}
    assert statuses(limited, 100 + 1 / 64, 60) == {200: 16, 429: 44}


def test_a_rest_saves_no_more_than_the_burst() -> None:
    assert statuses(gateway(rate=1000, burst=50), 4000.0, 60) == {200: 50, 429: 10}


def test_over_a_long_time_the_rate_is_what_passes() -> None:
    limited = gateway(rate=2500, burst=1250)
    passed = sum(limited.answer(100 + number / 5000, "c1", FRAME).accepted for number in range(50_000))
    assert passed == pytest.approx(1250 + 10 * 2500, abs=2)


def test_a_410_uses_the_quota_and_a_throttled_post_does_not() -> None:
    limited = gateway(rate=8, burst=2, gone={"gone"})
    assert limited.answer(100.0, "gone", FRAME).status == 410
    assert statuses(limited, 100.0, 5) == {200: 1, 429: 4}
    assert statuses(limited, 100.125, 2) == {200: 1, 429: 1}


def test_a_storm_throttles_every_post_until_it_ends() -> None:
    stormy = gateway()
    stormy.storm(101.0, seconds=5)
    assert stormy.answer(105.9, "c1", FRAME)[::2] == (429, False)
    assert stormy.answer(106.0, "c1", FRAME)[::2] == (200, True)


def test_each_group_gets_its_answers() -> None:
    grouped = gateway(
        gone={"g"}, full={"f"}, slow={"s"}, slow_seconds=9.0, connecting={"c"}, connects_after=2.0
    )
    assert grouped.answer(100.0, "g", FRAME).status == 410
    assert grouped.answer(100.0, "f", FRAME).status == 429
    assert grouped.answer(100.0, "s", FRAME) == (200, 9.0, True, None)
    assert grouped.answer(101.9, "c", FRAME).status == 410
    assert grouped.answer(102.0, "c", FRAME).status == 200
    assert grouped.answer(100.0, "else", FRAME).status == 200


def test_a_post_to_a_slow_connection_may_never_be_answered() -> None:
    assert gateway(slow={"s"}, slow_seconds=None).answer(100.0, "s", FRAME) == (200, NEVER, True, None)


def test_a_throttled_post_to_a_slow_connection_is_not_slow() -> None:
    limited = gateway(slow=1.0, slow_seconds=9.0, rate=1, burst=1)
    assert limited.answer(100.0, "c1", FRAME).latency == 9.0
    assert limited.answer(100.0, "c1", FRAME).latency < 1


@pytest.mark.parametrize("seed", [0, 1, 12345, 2**40])
def test_fractions_of_the_connections_have_their_size_and_do_not_overlap(seed: int) -> None:
    grouped = gateway(seed=seed, gone=0.01, full=0.02, slow=0.03)
    found = Counter(map(grouped.group, IDS))
    assert found[Group.GONE] == pytest.approx(200, rel=0.3)
    assert found[Group.FULL] == pytest.approx(400, rel=0.2)
    assert found[Group.SLOW] == pytest.approx(600, rel=0.2)


def test_a_seed_chooses_the_connections_of_a_group() -> None:
    def gone(seed: int) -> set[str]:
        chosen = gateway(seed=seed, gone=0.1)
        return {connection_id for connection_id in IDS if chosen.group(connection_id) is Group.GONE}

    assert gone(1) == gone(1) != gone(2)


def test_a_listed_id_takes_precedence_over_fractions() -> None:
    assert gateway(gone=1.0, full={"c1"}).group("c1") is Group.FULL


def test_latency_is_fixed_or_log_normal_around_its_median() -> None:
    def latencies(**settings: Any) -> list[float]:
        simulated = gateway(**settings)
        return [simulated.answer(100.0, "c1", FRAME).latency for _ in range(10_007)]

    assert set(latencies(latency=0.02, latency_sigma=0)) == {0.02}
    drawn = latencies()
    assert median(drawn) == pytest.approx(0.015)
    assert quantiles(drawn, n=100)[98] == pytest.approx(0.0268, rel=0.01)  # 15 ms * e^(0.25 * 2.326)
    assert drawn == latencies() != latencies(seed=1)
    assert drawn[:5] != sorted(drawn[:5])


def test_a_message_that_is_too_large_gets_413() -> None:
    simulated = gateway()
    assert simulated.answer(100.0, "c1", b"x" * MAX_MESSAGE).status == 200
    assert simulated.answer(100.0, "c1", b"x" * (MAX_MESSAGE + 1))[::2] == (413, False)


@pytest.mark.parametrize(
    ("fault", "status", "accepted"),
    [
        (Fault.RESET_BEFORE, 0, False),
        (Fault.RESET_AFTER, 0, True),
        (Fault.HALF_OPEN, 0, False),
        (Fault.ERROR_500, 500, False),
        (Fault.ERROR_502, 502, False),
        (Fault.ERROR_503, 503, False),
        (Fault.GARBLED, 0, True),
        (Fault.CHUNKED, 200, True),
        (Fault.EXTRA_HEADERS, 200, True),
        (Fault.TINY_PIECES, 200, True),
        (Fault.CONNECTION_CLOSE, 200, True),
    ],
)
def test_a_fault_determines_the_clients_answer_and_whether_the_frame_is_accepted(
    fault: Fault, status: int, accepted: bool
) -> None:
    answer = gateway(faults={fault: 1}).answer(100.0, "c1", FRAME)
    assert (answer.status, answer.accepted, answer.fault) == (status, accepted, fault)
    assert (answer.latency == NEVER) == (fault is Fault.HALF_OPEN)


def test_a_fault_does_not_lift_the_quota() -> None:
    limited = gateway(rate=1, burst=1, faults={Fault.RESET_AFTER: 1})
    assert [limited.answer(100.0, "c1", FRAME).accepted for _ in range(3)] == [True, False, False]


def test_faults_have_their_frequency_and_are_the_same_in_every_run() -> None:
    def faults(seed: int) -> list[Fault | None]:
        faulty = gateway(seed=seed, faults={Fault.RESET_AFTER: 0.1, Fault.ERROR_500: 0.2})
        return [faulty.answer(100.0, "c1", FRAME).fault for _ in range(10_000)]

    counted = Counter(faults(0))
    assert counted[Fault.RESET_AFTER] == pytest.approx(1000, rel=0.15)
    assert counted[Fault.ERROR_500] == pytest.approx(2000, rel=0.1)
    assert faults(0) == faults(0) != faults(1)


def test_settings_change_without_filling_the_bucket() -> None:
    limited = gateway(rate=100, burst=10)
    assert statuses(limited, 100.0, 12) == {200: 10, 429: 2}
    limited.change(100.0, {"rate": 1024, "burst": 500})
    assert statuses(limited, 100 + 1 / 128, 12) == {200: 8, 429: 4}
    limited.change(101.0, {"rate": None})
    assert statuses(limited, 101.0, 1000) == {200: 1000}


def test_tokens_from_before_a_change_are_counted_at_the_old_rate() -> None:
    limited = gateway(rate=8, burst=10)
    statuses(limited, 100.0, 10)
    limited.change(101.0, {"rate": 1000})
    assert statuses(limited, 101.0, 12) == {200: 8, 429: 4}


def test_a_smaller_bucket_holds_less() -> None:
    limited = gateway(rate=8, burst=100)
    limited.change(100.0, {"burst": 5})
    assert statuses(limited, 100.0, 6) == {200: 5, 429: 1}


def test_a_restart_fills_the_bucket_ends_the_storm_and_starts_the_clock_again() -> None:
    simulated = gateway(rate=1, burst=1, connecting={"c"}, connects_after=2.0)
    statuses(simulated, 105.0, 2)
    simulated.storm(105.0, 60)
    simulated.restart(106.0)
    assert simulated.answer(107.0, "c", FRAME).status == 410
    assert simulated.answer(108.0, "c", FRAME).status == 200


@pytest.mark.parametrize(
    "wrong",
    [
        {"gone": 1.5},
        {"gone": 0.6, "full": 0.6},
        {"faults": {"reset_after": 0.6, "garbled": 0.6}},
        {"faults": {"earthquake": 0.1}},
        {"verify": 2},
        {"burst": 0},
        {"latency": -1},
        {"rate": -1},
        {"numbers": "("},
        {"numbers": "(a)(b)"},
        {"colour": "blue"},
    ],
    ids=str,
)
def test_invalid_settings_raise_and_change_nothing(wrong: dict[str, Any]) -> None:
    simulated = gateway()
    before = simulated.settings
    with pytest.raises(ValueError):
        simulated.change(100.0, wrong)
    assert simulated.settings == before


def test_settings_survive_json() -> None:
    settings = Settings(gone={"a", "b"}, faults={Fault.CHUNKED: 0.5}, rate=None, slow=0.1)  # type: ignore[arg-type]
    assert Settings().changed(settings.as_json()) == settings
