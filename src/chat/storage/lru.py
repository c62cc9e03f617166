"""A cache of the most recently set items, for what a Lambda instance remembers between calls."""

from __future__ import annotations

from collections import OrderedDict

_MAX_ITEMS = 2_000


class LRU[V]:
    """Keep a value for each of the 2,000 items that were set last."""

    def __init__(self) -> None:
        self._values: OrderedDict[str, V] = OrderedDict()

    def __len__(self) -> int:
        return len(self._values)

    def get(self, item: str, default: V) -> V:
        return self._values.get(item, default)

    def set(self, item: str, value: V) -> None:
        self._values[item] = value
        self._values.move_to_end(item)
        if len(self._values) > _MAX_ITEMS:
            self._values.popitem(last=False)
