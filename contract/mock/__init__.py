"""
The mocked job endpoint: scripted lives, named faults, correct variants.
"""

from __future__ import annotations

from contract.mock.answer import Answer, Caller
from contract.mock.endpoint import FAULT_HEADER, LoggedRequest, Mock
from contract.mock.life import MockJob
from contract.mock.server import MockServer
from contract.mock.wsgi import wsgi_app

__all__ = [
    "FAULT_HEADER",
    "Answer",
    "Caller",
    "LoggedRequest",
    "Mock",
    "MockJob",
    "MockServer",
    "wsgi_app",
]
