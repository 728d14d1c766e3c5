"""A memory of what was worked out latest. Safe to share between threads."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Latest(Generic[T]):
    """Values by a key. When all together weigh more than `most`, those that were not used for longest are forgotten."""

    def __init__(self, most: int, weight: Callable[[T], int] = lambda _: 1) -> None:
        self._most, self._weight, self._sum, self._lock = most, weight, 0, threading.Lock()
        self._known: OrderedDict[object, T] = OrderedDict()

    def get(self, key: object) -> T | None:
        """The value of a key; None where it is not known, or not any more."""
        with self._lock:
            if key in self._known:
                self._known.move_to_end(key)
            return self._known.get(key)

    def put(self, key: object, value: T) -> None:
        """Remembers a value."""
        with self._lock:
            if key in self._known:
                self._sum -= self._weight(self._known.pop(key))
            self._known[key] = value
            self._sum += self._weight(value)
            while self._sum > self._most:
                self._sum -= self._weight(self._known.popitem(last=False)[1])
