"""
What these tests share: the committed dashboards, and Prometheus with a history.
"""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from tests.grafana.history import month, newborn
from tests.grafana.recorded import record_past
from tests.servers import Prometheus, prometheus

from jobproof.grafana.files import HOME
from jobproof.grafana.settings import DashboardSettings, default_settings


@pytest.fixture(scope="session")
def settings() -> DashboardSettings:
    return default_settings()


@pytest.fixture(scope="session")
def boards() -> dict[str, Any]:
    """
    Committed dashboards by uid.
    """
    found = sorted((HOME / "dashboards").glob("*.json"))
    return {file.stem: json.loads(file.read_text(encoding="utf-8")) for file in found}


@pytest.fixture(scope="session")
def now() -> float:
    """
    The instant at which made-up histories end.
    """
    return float(int(time.time() / 60) * 60)


@pytest.fixture(scope="session")
def old(
    settings: DashboardSettings, now: float, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """
    A Prometheus with a month of samples.
    """
    folder = tmp_path_factory.mktemp("month")
    data = month(folder, now, settings)
    record_past(folder, data, now, settings, days=30.0)
    with prometheus(folder / "old", data=data) as server:
        yield server


@pytest.fixture(scope="session")
def young(
    settings: DashboardSettings, now: float, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Prometheus]:
    """
    A Prometheus whose prober started a minute ago; rules have not run.
    """
    folder = tmp_path_factory.mktemp("minute")
    with prometheus(folder / "young", data=newborn(folder, now, settings)) as server:
        yield server
