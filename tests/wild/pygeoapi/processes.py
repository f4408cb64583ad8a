"""
A process of pygeoapi's that runs until it is told to end.
"""

from __future__ import annotations

import time
from pathlib import Path
from typing import Any

from pygeoapi.process.base import BaseProcessor

PATIENCE_S = 300.0


class GatedProcessor(BaseProcessor):
    """
    Ends once the file exists that its input `gate` names.
    """

    def __init__(self, definition: dict[str, Any]) -> None:
        metadata = {
            "version": "1",
            "id": "gated",
            "title": "Runs until it is told to end",
            "description": "Ends once the file exists that its input names.",
            "jobControlOptions": ["async-execute"],
            "inputs": {"gate": {"schema": {"type": "string"}, "minOccurs": 1, "maxOccurs": 1}},
            "outputs": {"echo": {"schema": {"type": "object"}}},
        }
        super().__init__(definition, metadata)
        self.supports_outputs = True

    def execute(self, data: dict[str, Any], outputs: object = None) -> tuple[str, Any]:
        deadline = time.monotonic() + PATIENCE_S
        while not Path(data["gate"]).exists() and time.monotonic() < deadline:
            time.sleep(0.05)
        return "application/json", {"id": "echo", "value": "open"}
