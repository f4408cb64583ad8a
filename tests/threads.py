"""
Several threads at once, which take turns as often as they can: what shares a value shows it.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable

__all__ = ["at_once"]


def at_once(*works: Callable[[], object]) -> list[BaseException]:
    """
    What they raised, when all have ended.
    """
    raised: list[BaseException] = []

    def run(work: Callable[[], object]) -> None:
        try:
            work()
        except Exception as exc:  # noqa: BLE001 -- whatever it is, the test says so
            raised.append(exc)

    threads = [threading.Thread(target=run, args=(work,)) for work in works]
    usual_s = sys.getswitchinterval()
    sys.setswitchinterval(1e-6)
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    finally:
        sys.setswitchinterval(usual_s)
    return raised
