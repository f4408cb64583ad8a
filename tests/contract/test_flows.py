"""
A flow file where mitmproxy isn't installed; where it is, `tests/recorders` reads real ones.
"""

from __future__ import annotations

import io
import sys

import pytest
from tests.contract.builders import api

from jobproof.contract.errors import RecordingError
from jobproof.contract.recordings.endpoint_filter import EndpointFilter
from jobproof.contract.recordings.flows import read_flows
from jobproof.contract.recordings.packing.attachments import NoAttachments


def test_without_the_library_one_line_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "mitmproxy", None)
    monkeypatch.setitem(sys.modules, "mitmproxy.io", None)
    with pytest.raises(RecordingError) as refused:
        next(read_flows(io.BytesIO(b"3:abc,"), EndpointFilter(api()), NoAttachments()))
    said = str(refused.value)
    assert "pip install 'jobproof[mitmproxy]'" in said
    assert "Python 3.12" in said
    assert "hardump" in said
    assert "\n" not in said
