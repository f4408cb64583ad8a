"""
The endpoint that somebody's own tests follow their jobs at.
"""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager

from anyio import get_cancelled_exc_class, to_thread

from jobproof.contract.plugins import load_checks
from jobproof.contract.testing.followed_life import FollowedLife
from jobproof.contract.testing.following import Following
from jobproof.contract.testing.job_api import JobApi

__all__ = ["JobEndpoint"]


class JobEndpoint(AbstractContextManager["JobEndpoint"]):
    """
    Follows jobs at one address, and judges their whole lives by every check that is installed.

    Safe for several threads, each of which follows jobs of its own; `close`, or the end of the
    `with` block, ends what is still followed.

    Raises:
        ConfigError: An option of the API can't be used; the message says which, and what to do.
    """

    def __init__(self, api: JobApi) -> None:
        api.target("any")  # what can't be used is told before somebody makes a job
        self.api = api
        self._lock = threading.Lock()
        self._followed: set[Following] = set()
        self._closed = False

    def __repr__(self) -> str:
        return f"JobEndpoint({self.api!r})"

    def __exit__(self, *_: object) -> None:
        self.close()

    def follow(self, job_id: str, *, within_s: float | None = None) -> FollowedLife:
        """
        Poll the job to its end and a little beyond it: as politely as the suite does, by the
        profile's interval, slower where nothing changes, heeding `Retry-After` and rate limit.

        Nothing but GET and HEAD is sent.

        Args:
            within_s: Seconds after which it is followed no more, ended or not; None for as many as
                the option `job_deadline` gives the job, else 600.

        Raises:
            ConfigError: That is no id.
            RuntimeError: The endpoint is closed.
        """
        following = self._begin(job_id, within_s)
        # Not in this thread: what a signal's handler raises, as a test's time-out does, libcurl
        # would swallow.
        pool = ThreadPoolExecutor(1, thread_name_prefix="jobproof-follow")
        try:
            return pool.submit(following.run).result()
        except BaseException:
            following.stop("interrupted")
            raise
        finally:
            pool.shutdown(wait=False)
            self._end(following)

    async def afollow(self, job_id: str, *, within_s: float | None = None) -> FollowedLife:
        """
        The same for asyncio: the loop isn't held up, and who is cancelled while waiting
        ends the polls, too.
        """
        following = self._begin(job_id, within_s)
        try:
            return await to_thread.run_sync(following.run, abandon_on_cancel=True)
        except get_cancelled_exc_class():
            # The thread notices within moments; nobody waits for what it still says.
            following.stop("cancelled")
            raise
        finally:
            self._end(following)

    def close(self) -> None:
        """
        Follow nothing any more.
        """
        with self._lock:
            self._closed = True
            left = tuple(self._followed)
        for following in left:
            following.stop("the test is over")

    def _begin(self, job_id: str, within_s: float | None) -> Following:
        following = Following(self.api.target(job_id), load_checks(), within_s=within_s)
        with self._lock:
            if self._closed:
                raise RuntimeError("the endpoint is closed: the test that it was made for is over")
            self._followed.add(following)
        return following

    def _end(self, following: Following) -> None:
        with self._lock:
            self._followed.discard(following)
