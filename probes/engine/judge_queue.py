"""
What waits to be judged: in fair turns by target, and bounded in bytes for each.
"""

from __future__ import annotations

import threading
import time
from collections import OrderedDict, deque
from collections.abc import Callable
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Generic, TypeVar

__all__ = ["Backlog", "JudgeQueue"]

Item = TypeVar("Item")
_MOST_BYTES = 16 * 1024 * 1024
# A thousand targets together mustn't take a thousand times as much.
_MOST_BYTES_OF_ALL = 256 * 1024 * 1024
_FAIR_BYTES = 1024 * 1024


@dataclass(frozen=True, slots=True)
class Backlog:
    """
    What of one target waits to be judged.

    Attributes:
        oldest_s: For how long the oldest of it has waited.
    """

    size_bytes: int
    oldest_s: float


class _Waiting(Generic[Item]):
    """
    Of one target.
    """

    __slots__ = ("items", "size_bytes")

    def __init__(self) -> None:
        self.items: deque[tuple[Item, int, float]] = deque()
        self.size_bytes = 0


class JudgeQueue(Generic[Item]):
    """
    Takes items of any number of targets from any thread, and hands them out to one: of each
    target in order, and first of the one that has taken least time so far, so that cheap items
    don't wait for another target's expensive ones.

    Args:
        most_bytes: Of one target; beyond it `put` refuses.
    """

    def __init__(
        self,
        *,
        most_bytes: int = _MOST_BYTES,
        most_bytes_of_all: int = _MOST_BYTES_OF_ALL,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._most = most_bytes
        self._most_of_all = most_bytes_of_all
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._turns: OrderedDict[str, _Waiting[Item]] = OrderedDict()
        self._size_bytes = 0
        self._spent_s: dict[str, float] = {}
        self._now_s = 0.0
        # One sign for each item, and one for the end: a Condition costs several times as much.
        self._signs: SimpleQueue[bool] = SimpleQueue()

    def put(self, target: str, item: Item, size_bytes: int, *, must: bool = False) -> bool:
        """
        Let it wait its turn; False if too much of that target waits already.

        Args:
            must: It takes next to nothing, and isn't refused.
        """
        with self._lock:
            waiting = self._turns.get(target)
            if not must and self._is_full(waiting, size_bytes):
                return False
            if waiting is None:
                waiting = self._turns[target] = _Waiting()
                # What a target didn't use while nothing of it waited isn't saved up.
                self._spent_s[target] = max(self._spent_s.get(target, 0.0), self._now_s)
            waiting.items.append((item, size_bytes, self._monotonic()))
            waiting.size_bytes += size_bytes
            self._size_bytes += size_bytes
        self._signs.put(True)
        return True

    def take(self) -> Item | None:
        """
        The next item, as soon as there is one; None at the end.
        """
        return self._pop() if self._signs.get() else None

    def charge(self, target: str, seconds: float) -> None:
        """
        Note that an item of that target took so long.
        """
        with self._lock:
            self._spent_s[target] = self._spent_s.get(target, 0.0) + seconds

    def end(self) -> None:
        """
        Have `take` end after what is waiting now.
        """
        self._signs.put(False)

    def drain(self) -> list[Item]:
        """
        All that still waits, which nobody will take any more.
        """
        left: list[Item] = []
        while (item := self._pop()) is not None:
            left.append(item)
        return left

    @property
    def is_empty(self) -> bool:
        """
        Whether nothing waits.
        """
        return not self._turns

    def is_full(self, target: str) -> bool:
        """
        Whether so much of that target waits that no more should be asked of it.
        """
        with self._lock:
            return self._is_full(self._turns.get(target), 0)

    def backlog(self) -> dict[str, Backlog]:
        """
        What waits, by target; those of which nothing does are left out.
        """
        with self._lock:
            now = self._monotonic()
            return {
                target: Backlog(waiting.size_bytes, max(0.0, now - waiting.items[0][2]))
                for target, waiting in self._turns.items()
            }

    def _is_full(self, waiting: _Waiting[Item] | None, more: int) -> bool:
        size = waiting.size_bytes if waiting is not None else 0
        if size and size + more > self._most:
            return True
        return size > _FAIR_BYTES and self._size_bytes + more > self._most_of_all

    def _pop(self) -> Item | None:
        with self._lock:
            if not self._turns:
                return None
            target = min(self._turns, key=lambda name: self._spent_s[name])
            waiting = self._turns.pop(target)
            self._now_s = self._spent_s[target]
            item, size_bytes, _ = waiting.items.popleft()
            waiting.size_bytes -= size_bytes
            self._size_bytes -= size_bytes
            if waiting.items:  # behind all others that wait
                self._turns[target] = waiting
        return item
