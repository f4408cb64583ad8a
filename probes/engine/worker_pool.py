"""
Threads that ask: as many as are under way at once, up to a bound.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

__all__ = ["WorkerPool"]

Task = TypeVar("Task")
_IDLE_S = 60.0


class WorkerPool(Generic[Task]):
    """
    Hands each task to a thread at once, or says that none is left.

    The thread that came back last goes first: few threads stay busy, and the rest end.
    `hand` is called from one thread only.

    Args:
        run: Runs one task; called in many threads.
        most: Threads at a time.
    """

    def __init__(self, run: Callable[[Task], None], *, most: int, name: str = "probe") -> None:
        self.most = most
        self._run = run
        self._name = name
        self._idle: list[queue.SimpleQueue[Task | None]] = []
        self._count = 0
        self._lock = threading.Lock()
        self._closed = False

    def hand(self, task: Task) -> bool:
        """
        Start a task now; False if every thread is busy and no more may be started.
        """
        try:
            inbox = self._idle.pop()
        except IndexError:
            with self._lock:
                if self._closed or self._count >= self.most:
                    return False
                self._count += 1
                number = self._count
            inbox = queue.SimpleQueue()
            threading.Thread(
                target=self._work, args=(inbox,), name=f"{self._name}-{number}", daemon=True
            ).start()
        inbox.put(task)
        return True

    def close(self) -> None:
        """
        End idle threads now, busy ones when they are done.
        """
        self._closed = True
        while self._idle:
            self._idle.pop().put(None)

    def _work(self, inbox: queue.SimpleQueue[Task | None]) -> None:
        try:
            while (task := self._next(inbox)) is not None:
                self._run(task)
                self._idle.append(inbox)
                # `close` may have emptied the list just before: nobody would end this thread.
                if self._closed:
                    return
        finally:
            with self._lock:
                self._count -= 1

    def _next(self, inbox: queue.SimpleQueue[Task | None]) -> Task | None:
        try:
            return inbox.get(timeout=_IDLE_S)
        except queue.Empty:
            try:
                self._idle.remove(inbox)
            except ValueError:
                # `hand` took this inbox in the same moment: its task is on the way.
                return inbox.get()
            return None
