"""How long keys are believed, and how often they are fetched."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field

import pytest

from chat.identity.signing_keys import FIRST_PAUSE, PAUSE, Key, KeysUnavailable, SigningKeys
from tests.support.fakes.clock import Clock
from tests.support.waiting import TIMEOUT

LIFETIME = 600


@dataclass
class Source:
    """Has a key that can be exchanged, and may be out of reach; counts how often it is asked."""

    key: str = "first"
    reachable: bool = True
    fetches: int = 0
    most_at_once: int = 0
    hold: threading.Event = field(default_factory=threading.Event)
    at_once: int = 0
    lock: threading.Lock = field(default_factory=threading.Lock)

    def __post_init__(self) -> None:
        self.hold.set()

    def __call__(self) -> Sequence[Key]:
        with self.lock:
            self.fetches += 1
            self.at_once += 1
            self.most_at_once = max(self.most_at_once, self.at_once)
        self.hold.wait(TIMEOUT)
        with self.lock:
            self.at_once -= 1
        if not self.reachable:
            raise KeysUnavailable("out of reach")
        return [Key("HS256", None, self.key)]


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def source() -> Source:
    return Source()


@pytest.fixture
def keys(source: Source, clock: Clock) -> SigningKeys:
    return SigningKeys(source, ["HS256"], lifetime=LIFETIME, now=clock)


def seen(versions: Iterator[Sequence[Key]]) -> list[str]:
    """All candidates for a token that none of the keys fits."""
    return [key.value for version in versions for key in version]


def known(keys: SigningKeys) -> str:
    """The first candidate for a token."""
    (key,) = next(keys.candidates())
    value: str = key.value
    return value


def test_keys_are_fetched_when_first_needed_and_kept(keys: SigningKeys, source: Source, clock: Clock) -> None:
    assert source.fetches == 0
    for _ in range(3):
        assert known(keys) == "first"
        clock.now += LIFETIME / 4
    assert source.fetches == 1


def test_keys_that_are_old_are_fetched_again(keys: SigningKeys, source: Source, clock: Clock) -> None:
    known(keys)
    source.key = "second"
    clock.now += LIFETIME
    assert known(keys) == "second"
    assert source.fetches == 2


def test_newer_keys_are_fetched_for_a_token_that_no_key_fits(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    known(keys)
    source.key = "second"
    clock.now += PAUSE
    assert seen(keys.candidates()) == ["first", "second"]
    assert known(keys) == "second"


def test_however_many_bad_tokens_come_keys_are_fetched_once_in_half_a_minute(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    for _ in range(1_000):
        assert seen(keys.candidates()) == ["first"]
    assert source.fetches == 1
    clock.now += PAUSE - 1
    assert seen(keys.candidates()) == ["first"]
    assert source.fetches == 1
    clock.now += 1
    for _ in range(1_000):
        seen(keys.candidates())
    assert source.fetches == 2


def test_known_keys_serve_on_while_no_others_can_be_had(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    known(keys)
    source.reachable = False
    for _ in range(100):
        clock.now += LIFETIME
        assert seen(keys.candidates()) == ["first"]
    assert source.fetches == 101  # one at each of those times, though twice there was a reason
    source.key, source.reachable = "second", True
    clock.now += PAUSE
    assert known(keys) == "second"


def test_without_any_key_every_token_is_rejected_and_the_source_is_not_hammered(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    source.reachable = False
    for _ in range(1_000):
        with pytest.raises(KeysUnavailable):
            next(keys.candidates())
    assert source.fetches == 1
    source.reachable = True
    with pytest.raises(KeysUnavailable):
        next(keys.candidates())
    clock.now += FIRST_PAUSE  # nobody can connect meanwhile: it is not as long as for a token that fits none
    assert known(keys) == "first"
    assert source.fetches == 2


def test_a_clock_that_is_put_back_does_not_keep_keys_from_being_fetched(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    known(keys)
    clock.now -= 24 * 3600
    source.key = "second"
    assert known(keys) == "second"


def test_threads_that_need_keys_at_once_share_one_fetch(keys: SigningKeys, source: Source) -> None:
    source.hold.clear()
    with ThreadPoolExecutor(20) as threads:
        answers = [threads.submit(known, keys) for _ in range(20)]
        source.hold.set()
        assert {answer.result() for answer in answers} == {"first"}
    assert (source.fetches, source.most_at_once) == (1, 1)


def test_threads_that_no_key_fits_share_one_fetch_and_all_get_what_is_new(
    keys: SigningKeys, source: Source, clock: Clock
) -> None:
    offers = [keys.candidates() for _ in range(20)]
    assert [next(offer)[0].value for offer in offers] == ["first"] * 20
    source.key = "second"
    clock.now += PAUSE
    with ThreadPoolExecutor(20) as threads:
        assert list(threads.map(seen, offers)) == [["second"]] * 20
    assert (source.fetches, source.most_at_once) == (2, 1)


@pytest.mark.parametrize(
    ("key", "fits"),
    [
        (Key("RS256", "k1", None), True),
        (Key("RS256", None, None), True),
        (Key("RS256", "k2", None), False),
        (Key("ES256", "k1", None), False),
    ],
)
def test_a_key_fits_tokens_of_its_algorithm_and_name(key: Key, fits: bool) -> None:
    assert key.fits("RS256", "k1") is fits


def test_a_token_that_names_no_key_may_be_of_any(keys: SigningKeys) -> None:
    assert Key("RS256", "k1", None).fits("RS256", None)
    assert not Key("RS256", "k1", None).fits("ES256", None)
