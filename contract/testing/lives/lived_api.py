"""
An API as lives are drawn of it: its rules, what its mock says, and what a job has to show.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from jobproof.contract.formats.json_pointer import pick
from jobproof.contract.formats.json_value import JsonObject
from jobproof.contract.mock.jobs.right_bodies import right_bodies
from jobproof.contract.mock.jobs.script import Script, read_script
from jobproof.contract.model.api import Api
from jobproof.contract.model.profile import Phase

__all__ = ["LivedApi", "lived_api"]


@dataclass(frozen=True, repr=False)
class LivedApi:
    """
    Attributes:
        script: What its mock says, without the lives.
        bodies: By status: what a job may have to show in it, each of these being right.
        links: Where a body has a list of links; None where it has none.
    """

    api: Api
    script: Script = field(compare=False)
    bodies: Mapping[str, tuple[JsonObject, ...]] = field(compare=False)
    links: str | None = None

    def __repr__(self) -> str:
        return self.api.name

    def bodies_of(self, status: str) -> tuple[JsonObject, ...]:
        """
        What a job may have to show in that status; one may be as good as nothing.
        """
        return self.bodies.get(status) or ({},)

    @property
    def reason(self) -> JsonObject:
        """
        What a job that failed has to show.
        """
        failed = self.api.lifecycle.of_phase(Phase.FAILED)
        return next((self.bodies[one][0] for one in failed if self.bodies.get(one)), {})


def lived_api(api: Api) -> LivedApi:
    """
    The API, with what the jobs of its own mock have to show.

    Raises:
        ConfigError: It has no `mock.yaml`, so nobody knows what its jobs look like.
    """
    script = read_script(api)
    promise, bodies = api.profile.result, right_bodies(script)
    places = promise.links if promise is not None else ()
    shown = [body for several in bodies.values() for body in several]
    listed = (at for at in places if any(isinstance(pick(body, at), list) for body in shown))
    return LivedApi(api, script, bodies, next(listed, None))
