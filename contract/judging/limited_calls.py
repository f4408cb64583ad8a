"""
Calls of code that isn't ours: it may raise anything, and it may never return.
"""

from __future__ import annotations

import ctypes
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

from jobproof.contract.formats.wording import described
from jobproof.contract.model.exchange import NotRecorded

__all__ = [
    "CallFailedError",
    "CallMarks",
    "FailureReason",
    "LimitedCalls",
    "PluginKind",
    "is_foreign",
]

Value = TypeVar("Value")
_OWN_PACKAGE = "jobproof"
_LOOK_S = 0.05
_BUSY_S = 0.001


class PluginKind(StrEnum):
    """
    What plugs in and is called: a closed set, the `kind` label of what fails.
    """

    CHECK = "check"
    CANARY = "canary"
    SOURCE = "source"
    SINK = "sink"


class FailureReason(StrEnum):
    """
    Why a call came to nothing: a closed set, the `why` label.
    """

    RAISED = "raised"
    HUNG = "hung"


class CallFailedError(Exception):
    """
    A call that came to nothing.

    Attributes:
        why: What sort of failure it was.
    """

    def __init__(self, why: FailureReason, message: str) -> None:
        super().__init__(message)
        self.why = why


class CallMarks(Protocol):
    """
    Is told what runs, where somebody outside wants to know when nothing else can.
    """

    def enter(self, label: str) -> int: ...

    def leave(self, number: int) -> None: ...


class _Abandoned(BaseException):
    """
    Ends a thread that nobody waits for any longer, where it runs Python at all.
    """


class _Call(Generic[Value]):
    """
    One call, and what came of it.
    """

    __slots__ = ("error", "function", "returned", "value", "words")

    def __init__(self, function: Callable[[], Value]) -> None:
        self.function = function
        self.value: Value | None = None
        self.error: BaseException | None = None
        self.words = ""
        # A lock as a signal costs a tenth of what an Event does.
        self.returned = threading.Lock()
        self.returned.acquire()

    def run(self) -> None:
        try:
            self.value = self.function()
        except BaseException as exc:  # noqa: BLE001 -- whoever waits for the call is told
            # While it is limited: they may take as long as they like.
            self.words = described(exc)
            self.error = exc
        finally:
            self.returned.release()


class _CallThread:
    """
    A thread that makes one call after the other, until it is abandoned.
    """

    def __init__(self) -> None:
        self._calls: SimpleQueue[_Call[object] | None] = SimpleQueue()
        self._given_up = False
        self._thread = threading.Thread(target=self._run, name="plug-in", daemon=True)
        self._thread.start()

    @property
    def is_alive(self) -> bool:
        """
        False also in a forked process, which has none of the threads of the first.
        """
        return self._thread.is_alive()

    def make(self, call: _Call[Value], limit_s: float) -> bool:
        self._calls.put(call)  # type: ignore[arg-type]
        return call.returned.acquire(timeout=limit_s)

    def end(self) -> None:
        self._calls.put(None)
        self._thread.join(1.0)

    def give_up(self) -> None:
        self._given_up = True
        number = self._thread.ident
        # What turns in circles would take its share of the processor for ever. What sleeps is
        # left alone: until it woke up to hear of its end, the interpreter would ask every thread
        # at every step, and under a tracer Python 3.11 never comes out of asking.
        if number is not None and _takes_time(number):
            ctypes.pythonapi.PyThreadState_SetAsyncExc(
                ctypes.c_ulong(number), ctypes.py_object(_Abandoned)
            )

    def _run(self) -> None:
        try:
            while not self._given_up and (call := self._calls.get()) is not None:
                call.run()
        except _Abandoned:
            return


class LimitedCalls:
    """
    Makes calls in threads of their own, and waits for each no longer than it may take.

    Safe to use from any thread. A thread whose call never returns is given up; the next call
    gets another.

    Args:
        marks: Is told of each call while it runs.
    """

    def __init__(self, marks: CallMarks | None = None) -> None:
        self._idle: list[_CallThread] = []
        self._marks = marks

    @contextmanager
    def marked(self, label: str) -> Iterator[None]:
        """
        While it is left open, whoever looks from outside sees `label`.
        """
        marks = self._marks
        if marks is None:
            yield
            return
        number = marks.enter(label)
        try:
            yield
        finally:
            marks.leave(number)

    def call(self, function: Callable[[], Value], *, limit_s: float, label: str = "") -> Value:
        """
        What `function` returns.

        Args:
            label: What runs, in words.

        Raises:
            CallFailedError: It didn't return in time, or raised anything.
            NotRecorded: It raised that.
        """
        call, thread = _Call(function), self._take()
        with self.marked(label):
            is_back = thread.make(call, limit_s)
        if not is_back:
            thread.give_up()
            raise CallFailedError(FailureReason.HUNG, f"no end within {limit_s:g} s")
        self._idle.append(thread)
        error = call.error
        if error is None:
            return call.value  # type: ignore[return-value]
        if type(error) is NotRecorded:
            raise error
        # Nobody but the main thread is told of Ctrl-C: whatever ends processes, it is the
        # plug-in's own doing. Its exception stays there: its words are code, too.
        raise CallFailedError(FailureReason.RAISED, call.words)

    def close(self) -> None:
        """
        End the threads that wait for a call; a further call has one of its own.
        """
        while self._idle:
            self._idle.pop().end()

    def _take(self) -> _CallThread:
        while self._idle:
            try:
                thread = self._idle.pop()
            except IndexError:  # another thread took the last one just now
                break
            if thread.is_alive:
                return thread
        return _CallThread()


def _takes_time(thread: int) -> bool:
    """
    Whether a thread keeps the processor busy.
    """
    clock_of = getattr(time, "pthread_getcpuclockid", None)
    if clock_of is None:  # no way to tell on this system
        return False
    try:
        clock = clock_of(thread)
        before = time.clock_gettime(clock)
        time.sleep(_LOOK_S)
        return time.clock_gettime(clock) - before > _BUSY_S
    except (OSError, OverflowError):  # it has ended just now
        return False


def is_foreign(function: object) -> bool:
    """
    Whether a function or class isn't one of jobproof's own.
    """
    module = getattr(function, "__module__", None) or ""
    return module != _OWN_PACKAGE and not module.startswith(f"{_OWN_PACKAGE}.")
