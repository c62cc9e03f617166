"""What an instance remembers of the items that it met last."""

from __future__ import annotations

from collections import OrderedDict

_KEPT = 2_000  # items


class LRU[V]:
    """A value for each of the items that were noted last."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, item: str, default: V) -> V:
        return self._values.get(item, default)

    def set(self, item: str, value: V) -> None:
        self._values[item] = value
        self._values.move_to_end(item)
        if len(self._values) > _KEPT:
            self._values.popitem(last=False)
