"""What arrived: how much, when, and per connection what is missing, repeated or out of order."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field

from bench.simulator.gateway import Answer
from bench.simulator.members import member_id

BUCKET = 0.1  # seconds of the arrival timeline

_MAX_FRAMES = 256  # frames whose numbers are cached; a broadcast posts one frame to a whole room


@dataclass(frozen=True, slots=True)
class Expected:
    """Members that should have accepted numbers: a room, and the messages sent to it."""

    members: range
    numbers: Sequence[int]


@dataclass(slots=True, kw_only=True)
class Report:
    """Times are seconds of time.monotonic(), which all processes of a machine share."""

    requests: int = 0
    accepted: int = 0
    statuses: dict[int, int] = field(default_factory=dict)  # 0: no answer
    faults: dict[str, int] = field(default_factory=dict)
    signatures_checked: int = 0
    signature_failures: dict[str, int] = field(default_factory=dict)  # by reason
    malformed: int = 0  # requests that were not HTTP, or for an unknown path
    first_accepted: float | None = None
    last_accepted: float | None = None
    timeline: list[int] = field(default_factory=list)  # posts accepted per BUCKET since the first
    open_sockets: int = 0
    peak_open_sockets: int = 0
    connections: int = 0  # that accepted anything
    # Connections. The examples hold the first numbers that were missed, or how many came wrong.
    missed: int = 0
    repeated: int = 0
    disordered: int = 0
    missed_examples: dict[str, list[int]] = field(default_factory=dict)
    repeated_examples: dict[str, int] = field(default_factory=dict)
    disordered_examples: dict[str, int] = field(default_factory=dict)


class Arrivals:
    """The numbers that one connection accepted: a run without gaps, and the numbers beyond it."""

    __slots__ = ("beyond", "disordered", "first", "highest", "next", "posts", "repeated")

    def __init__(self) -> None:
        self.posts = 0
        self.repeated = 0  # numbers that came again
        self.disordered = 0  # numbers that came for the first time after a higher one
        self.first: int | None = None
        self.next = 0  # all numbers from `first` to below this have come
        self.highest = -1
        self.beyond: set[int] | None = None

    def add(self, numbers: Iterable[int]) -> None:
        self.posts += 1
        for number in numbers:
            if number == self.next and number > self.highest:
                self.next = number + 1
                if self.first is None:
                    self.first = number
            elif self.first is None:
                self.first, self.next = number, number + 1
            elif self.has(number):
                self.repeated += 1
                continue
            else:
                self.disordered += number < self.highest
                self._add_beyond(number)
            self.highest = max(self.highest, number)

    def _add_beyond(self, number: int) -> None:
        beyond = self.beyond if self.beyond is not None else set()
        beyond.add(number)
        while self.next in beyond:
            beyond.remove(self.next)
            self.next += 1
        self.beyond = beyond or None

    def has(self, number: int) -> bool:
        within = self.first is not None and self.first <= number < self.next
        return within or (self.beyond is not None and number in self.beyond)

    def numbers(self) -> list[int]:
        """Return all that have come, ascending, each once."""
        return sorted({*range(self.first or 0, self.next), *(self.beyond or ())})

    def missing(self, numbers: Sequence[int]) -> list[int]:
        """Return those of `numbers`, which ascend, that have not come."""
        if not numbers or (self.first is not None and self.first <= numbers[0] and numbers[-1] < self.next):
            return []
        return [number for number in numbers if not self.has(number)]


class Record:
    """Records every answer, in about 200 bytes per connection. `numbers` is the pattern of Settings."""

    def __init__(self, numbers: str) -> None:
        self._find = re.compile(numbers.encode()).findall
        self._frames: dict[bytes, tuple[int, ...]] = {}
        self._offered: set[int] = set()
        self._arrivals: dict[str, Arrivals] = {}
        self._timeline: Counter[int] = Counter()
        self._statuses: Counter[int] = Counter()
        self._faults: Counter[str] = Counter()
        self._first: float | None = None
        self._last: float | None = None

    def note(self, now: float, connection_id: str, frame: bytes, answer: Answer) -> None:
        self._statuses[answer.status] += 1
        if answer.fault is not None:
            self._faults[answer.fault] += 1
        numbers = self._frames.get(frame)
        if numbers is None:
            numbers = self._read(frame)
        if not answer.accepted:
            return
        if self._first is None:
            self._first = now
        self._last = now
        self._timeline[int((now - self._first) / BUCKET)] += 1
        arrivals = self._arrivals.get(connection_id)
        if arrivals is None:
            arrivals = self._arrivals[connection_id] = Arrivals()
        arrivals.add(numbers)

    def _read(self, frame: bytes) -> tuple[int, ...]:
        if len(self._frames) >= _MAX_FRAMES:
            self._frames.clear()
        numbers = self._frames[frame] = tuple(map(int, self._find(frame)))
        self._offered.update(numbers)
        return numbers

    def arrivals(self, connection_id: str) -> Arrivals | None:
        """Return what one connection has accepted. None if nothing."""
        return self._arrivals.get(connection_id)

    def report(
        self,
        expected: Sequence[Expected] = (),
        *,
        reachable: Callable[[str], bool] = lambda connection_id: True,
        examples: int = 20,
    ) -> Report:
        """Return what came, with up to so many examples of missing, repeated and disordered numbers.

        Of the expected members, only those that are reachable can miss anything. Without `expected`, every
        connection that accepted anything should have accepted every number that was posted to any.
        """
        report = Report(
            requests=self._statuses.total(),
            accepted=self._timeline.total(),
            statuses=dict(sorted(self._statuses.items())),
            faults=dict(sorted(self._faults.items())),
            first_accepted=self._first,
            last_accepted=self._last,
            timeline=[self._timeline[bucket] for bucket in range(max(self._timeline, default=-1) + 1)],
            connections=len(self._arrivals),
        )
        for connection_id, arrivals in self._arrivals.items():
            if arrivals.repeated:
                report.repeated += 1
                if report.repeated <= examples:
                    report.repeated_examples[connection_id] = arrivals.repeated
            if arrivals.disordered:
                report.disordered += 1
                if report.disordered <= examples:
                    report.disordered_examples[connection_id] = arrivals.disordered
        nothing = Arrivals()
        for connection_id, numbers in self._expected_numbers(expected):
            missing = self._arrivals.get(connection_id, nothing).missing(numbers)
            if missing and reachable(connection_id):
                report.missed += 1
                if report.missed <= examples:
                    report.missed_examples[connection_id] = missing[:20]
        return report

    def _expected_numbers(self, expected: Sequence[Expected]) -> Iterable[tuple[str, Sequence[int]]]:
        if not expected:
            offered = sorted(self._offered)
            yield from ((connection_id, offered) for connection_id in self._arrivals)
        for group in expected:
            for number in group.members:
                yield member_id(number), group.numbers
