"""
What does an endpoint do that keeps its contract, or breaks it in a way that has a name?
"""

from __future__ import annotations

from jobproof.contract.mock.answer import Caller, MockAnswer
from jobproof.contract.mock.endpoint import FAULT_HEADER, LoggedRequest, Mock, MockOptions
from jobproof.contract.mock.jobs.life import MockJob
from jobproof.contract.mock.serving.server import MockServer
from jobproof.contract.mock.serving.wsgi import wsgi_app

__all__ = [
    "FAULT_HEADER",
    "Caller",
    "LoggedRequest",
    "Mock",
    "MockAnswer",
    "MockJob",
    "MockOptions",
    "MockServer",
    "wsgi_app",
]
