"""
Flows that Prefect runs: one for each way in which a run can end, and one that runs on.

    python flows.py IDS GATE

Writes the runs' ids to the file IDS when the last one runs, which ends once the file GATE exists.
"""

from __future__ import annotations

import json
import sys
import time
from contextlib import suppress
from pathlib import Path

from prefect import flow
from prefect.context import FlowRunContext
from prefect.states import Cancelled

IDS, GATE = map(Path, sys.argv[1:])
PATIENCE_S = 300.0
ids: dict[str, str] = {}


def note(kind: str) -> None:
    """
    Keep the id of the run that this is called in.
    """
    context = FlowRunContext.get()
    assert context is not None
    ids[kind] = str(context.flow_run.id)


@flow
def completes(frames: int) -> int:
    note("completed")
    return frames


@flow
def fails() -> None:
    note("failed")
    raise ValueError("there is no such film")


@flow
def is_cancelled() -> object:
    note("cancelled")
    return Cancelled(message="nobody wants it any more")


@flow
def crashes() -> None:
    note("crashed")
    raise KeyboardInterrupt


@flow
def runs_on() -> None:
    note("running")
    whole = IDS.with_suffix(".part")
    whole.write_text(json.dumps(ids), encoding="utf-8")
    whole.rename(IDS)
    deadline = time.monotonic() + PATIENCE_S
    while not GATE.exists() and time.monotonic() < deadline:
        time.sleep(0.05)


completes(24)
fails(return_state=True)
is_cancelled(return_state=True)
with suppress(KeyboardInterrupt):
    crashes()
runs_on()
