"""
The drop-downs that the dashboards share, and the links between them.
"""

from __future__ import annotations

from jobproof.grafana.boards.dashboard import Variable

__all__ = ["CANARY", "COMMON", "INSTANCE", "JOB", "TARGET", "dashboard_link"]

# From build_info and target_info, which are there from the first scrape on: a counter of failures
# may not be born yet, and the drop-down would be empty.
JOB = Variable("job", "Job", "build_info", "job")
INSTANCE = Variable("instance", "Instance", "build_info", "instance", '{job=~"$job"}')
TARGET = Variable(
    "target", "Target", "target_info", "target", '{job=~"$job",instance=~"$instance"}'
)
CANARY = Variable(
    "canary",
    "Canary",
    "probes_total",
    "canary",
    '{job=~"$job",instance=~"$instance",target=~"$target"}',
)
COMMON = (JOB, INSTANCE, TARGET)


def dashboard_link(name: str, *, this_target: bool = True) -> str:
    """
    A link to another dashboard that keeps the time range and narrows to the value's target.
    """
    target = "var-target=${__field.labels.target}" if this_target else "${target:queryparam}"
    return f"/d/jobproof-{name}?{target}&${{datasource:queryparam}}&${{__url_time_range}}"
