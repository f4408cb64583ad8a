"""
Where copied lines are run: a folder with the files that they name, and a mocked endpoint
on this machine in the place of every other.
"""

from __future__ import annotations

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

from tests.copied.lines import ROOT
from tests.tools import PATIENCE_S, run_to_end, until

from jobproof.contract.client.curl import Client
from jobproof.contract.formats.secrets.redaction import Redactor
from jobproof.contract.mock import MockJob, MockServer
from jobproof.contract.model.exchange import Exchange
from jobproof.contract.model.request import build_owner_request
from jobproof.contract.plugins import find_api
from jobproof.contract.recordings.har.writer import har
from jobproof.contract.recordings.ndjson.writer import exchange_line

__all__ = ["Sandbox", "sandbox"]

_ID = re.compile(r"\b[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}\b")
_SERVING = re.compile(rb"serving (http://[^;]+)/;")
_ACCEPTED = """\
- check: creation_time_is_stable
  expires: 2099-01-01
  reason: What an earlier run broke; the one that is shown here breaks nothing.
"""
PROBE = (sys.executable, "-P", "-m", "jobproof", "probe")


@dataclass(frozen=True)
class Sandbox:
    """
    Attributes:
        folder: Where lines are run; what they name stands there.
        job: One that has ended.
    """

    folder: Path
    server: MockServer
    job: MockJob
    _ids: dict[str, str] = field(default_factory=dict)

    @property
    def environment(self) -> dict[str, str]:
        """
        What the pages tell a reader to set, and the tested `jobproof` first on the path.
        """
        return {
            **{k: v for k, v in os.environ.items() if not k.startswith("JOBPROOF_")},
            "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
            "KREA_API_TOKEN": self.server.token,
            "TOKEN": self.server.token,
            "URL": self.server.url,
            "JOB": self.job.id,
            "TARGET": "krea",
        }

    def localised(self, text: str) -> str:
        """
        A configuration or a command with this sandbox's addresses, ids and folders.
        """
        for address in ("https://api.krea.ai", "https://api.example.com", "http://mock:8080"):
            text = text.replace(address, self.server.url)
        for place in ("/etc/jobproof", "/var/lib/jobproof", "/run/mock", "/run/secrets/jobproof"):
            text = text.replace(place, f"{self.folder}{place}")
        return _ID.sub(lambda found: self._ids.setdefault(found[0], self._unnamed()), text)

    def _unnamed(self) -> str:
        taken = set(self._ids.values())
        return next(job.id for job in (self.job, *self.server.jobs) if job.id not in taken)

    def run(self, command: Sequence[str], **more: str) -> subprocess.CompletedProcess[str]:
        """
        A command, to its end.
        """
        return run_to_end(*command, folder=self.folder, env={**self.environment, **more})

    @contextmanager
    def daemon(self, options: Sequence[str]) -> Iterator[str]:
        """
        `jobproof probe` with these options, on a free port of this machine; its URL. It
        has to start, serve, and end in order.
        """
        words = [self.localised(word) for word in options]
        if "--listen" in words:
            at = words.index("--listen")
            del words[at : at + 2]
        log = self.folder / f"log-{time.monotonic_ns()}"
        with log.open("wb") as out:
            process = subprocess.Popen(
                [*PROBE, *words, "--listen", "127.0.0.1:0"],
                cwd=self.folder,
                env=self.environment,
                stdout=out,
                stderr=out,
            )
        try:
            until(lambda: _serving(log) or process.poll() is not None)
            assert process.poll() is None, log.read_text()
            yield _serving(log)
            process.send_signal(signal.SIGTERM)
            assert process.wait(PATIENCE_S) == 0, log.read_text()
        finally:
            if process.poll() is None:
                process.kill()
                process.wait(PATIENCE_S)


@contextmanager
def sandbox(folder: Path, config: str) -> Iterator[Sandbox]:
    """
    A sandbox whose `jobproof.yaml` is the one that a page shows.
    """
    api = find_api("krea")
    with MockServer(api) as server:
        now = time.time()
        job = next(job for job in server.jobs if job.has_ended(now))
        made = Sandbox(folder, server, job)
        for name in ("deploy", "examples", "grafana"):
            shutil.copytree(ROOT / name, folder / name)
        # One budget a minute would make a round by hand wait: that isn't what is copied here.
        config = re.sub(r"requests_per_minute: \d+", "requests_per_minute: unlimited", config)
        (folder / "jobproof.yaml").write_text(made.localised(config), encoding="utf-8")
        installed = folder / "etc" / "jobproof" / "jobproof.yaml"
        installed.parent.mkdir(parents=True)
        installed.write_text(made.localised((ROOT / "deploy" / "jobproof.yaml").read_text()))
        seen = _asked(server, job)
        (folder / "traffic.har").write_text(json.dumps(har([seen])), encoding="utf-8")
        line = exchange_line(seen.redacted(Redactor()))
        (folder / "accept.yaml").write_text(_ACCEPTED, encoding="utf-8")
        (folder / "results.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
        shutil.copytree(api.folder, folder / "path" / "to" / "folder")
        yield made


def _asked(server: MockServer, job: MockJob) -> Exchange:
    request = build_owner_request(server.api, server.url, job.id, server.token)
    with Client() as client:
        return client.send(request, deadline_s=PATIENCE_S)


def _serving(log: Path) -> str:
    found = _SERVING.search(log.read_bytes())
    return found[1].decode() if found else ""
