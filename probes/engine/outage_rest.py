"""
What a 503 that says when to come back changes for one grid: most of its slots are counted as
the failures that they are, and the rest are asked, so that the end is seen when it comes.

Pure: the time is passed in, on the schedule's clock.
"""

from __future__ import annotations

__all__ = ["FEWEST_ASKED", "OutageRest"]

FEWEST_ASKED = 10
"""However long an outage lasts, one slot in so many is asked."""
_SLOTS_A_STEP = 128
_ANSWERS_IN_A_ROW = 12


class OutageRest:
    """
    The rest of one grid, which only answers to its own slots begin, prolong and end.

    Every slot is asked until twelve answers in a row have said so: of a server that sheds some
    of its load, the slots in between are no failures. Then one in two is asked, and one in one
    more after each 128: whatever has ended is called an outage for one slot and a hundredth of
    its length longer, at most.
    """

    __slots__ = ("_answers", "_began", "_since_asked", "_slots", "until")

    def __init__(self) -> None:
        self.until = float("-inf")
        self._began = float("-inf")
        self._answers = 0
        self._slots = 0
        self._since_asked = 0

    def begin(self, *, now: float, until: float) -> None:
        """
        The server has said that it is out of service, `until` then.
        """
        self._began = now
        self._answers += 1
        self.until = max(self.until, until)

    def end(self, *, started: float | None = None) -> None:
        """
        It is over.

        Args:
            started: When the question was sent whose answer shows that. One that was under
                way when the server last said otherwise shows nothing.
        """
        if started is None or started >= self._began:
            self.until = self._began = float("-inf")
            self._answers = self._slots = self._since_asked = 0

    def skips(self, at: float) -> bool:
        """
        Whether the slot at `at` counts as failed without being asked.
        """
        if at >= self.until or self._answers < _ANSWERS_IN_A_ROW:
            return False
        self._slots += 1
        self._since_asked += 1
        return self._since_asked < min(FEWEST_ASKED, 2 + self._slots // _SLOTS_A_STEP)

    def asked(self) -> None:
        """
        A slot is asked.
        """
        self._since_asked = 0

    def lost_sight(self) -> None:
        """
        Slots passed in which nobody could look: the next one is asked.
        """
        self._since_asked = FEWEST_ASKED
