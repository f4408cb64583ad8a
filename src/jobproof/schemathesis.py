"""
The checks of a job endpoint as an extension of Schemathesis: importing this registers them.

`SCHEMATHESIS_HOOKS=jobproof.schemathesis st run openapi.json`, or `import jobproof.schemathesis`
beside a test of one's own that `schema.parametrize()` makes.
"""

from __future__ import annotations

import schemathesis
from schemathesis.hooks import GLOBAL_HOOK_DISPATCHER

from jobproof.contract.suite.schemathesis_check import (
    BrokenPromise,
    JobContract,
    ask_for_known_jobs,
    note_answer,
    note_question,
)

__all__ = ["BrokenPromise", "JobContract"]

schemathesis.check(JobContract)
GLOBAL_HOOK_DISPATCHER.register_hook_with_name(ask_for_known_jobs, "before_add_examples")
GLOBAL_HOOK_DISPATCHER.register_hook_with_name(note_question, "before_call")
GLOBAL_HOOK_DISPATCHER.register_hook_with_name(note_answer, "after_call")
