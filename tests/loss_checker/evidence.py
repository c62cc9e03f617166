"""What a run records for the oracle."""

from __future__ import annotations

import itertools
import uuid
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace

from tests.loss_checker.oracle import Message, Record, Sending, Visit, owed


@dataclass(slots=True)
class _Room:
    sendings: dict[str, Sending] = field(default_factory=dict)  # by their refs
    visits: list[Visit] = field(default_factory=list)


class Evidence:
    """The sent messages and the visits of each room. `counts` are for the report."""

    def __init__(self, rooms: int) -> None:
        run = uuid.uuid4().hex[:8]
        self._rooms = {f"run-{run}-{number}": _Room() for number in range(1, rooms + 1)}
        self._moments = itertools.count(1)
        self.counts: Counter[str] = Counter()

    @property
    def rooms(self) -> list[str]:
        return list(self._rooms)

    def begin(self) -> int:
        """Return a number that is higher than all before: the moment at which something begins."""
        return next(self._moments)

    def sending(self, room: str, client: str, ref: str, text: str) -> None:
        self._rooms[room].sendings[ref] = Sending(client, ref, text, self.begin(), None)

    def outcome(self, room: str, ref: str, outcome: int | str) -> None:
        """Record the seq of a message, or the code of its error."""
        sendings = self._rooms[room].sendings
        sendings[ref] = replace(sendings[ref], outcome=outcome)

    def visit(self, room: str, visit: Visit) -> None:
        self._rooms[room].visits.append(visit)

    def owed(self, room: str, history: Sequence[Message], visit: Visit) -> list[Message]:
        """Return what a visit must have received of the room's history."""
        return owed(history, self._rooms[room].sendings.values(), visit)

    def record(
        self, room: str, history: Sequence[Message], rows: Mapping[int, Message | None] | None
    ) -> Record:
        room_evidence = self._rooms[room]
        return Record(room, [*room_evidence.sendings.values()], room_evidence.visits, history, rows)

    def summary(self) -> Counter[str]:
        counts = self.counts.copy()
        for room in self._rooms.values():
            outcomes = [sending.outcome for sending in room.sendings.values()]
            counts["sent"] += len(outcomes)
            counts["acknowledged"] += sum(isinstance(outcome, int) for outcome in outcomes)
            counts.update(f"rejected ({outcome})" for outcome in outcomes if isinstance(outcome, str))
            counts["visit"] += len(room.visits)
            counts["received"] += sum(len(visit.received) for visit in room.visits)
            counts["gap"] += sum(len(visit.gaps) for visit in room.visits)
        return counts
