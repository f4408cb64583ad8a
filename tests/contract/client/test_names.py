"""
A name that moves, vanishes and comes back: whoever asks by it anew is to see that.
"""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from tests.tools import PYTHON, own_mounts, run_to_end

ASKING = """
import http.server, json, sys, threading, time
from jobproof.contract.client.curl import Client
from jobproof.contract.model.exchange import Request

class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    def do_GET(self):
        self.send_response(200)
        self.send_header("Content-Length", "0")
        if sys.argv[1] == "close":
            self.send_header("Connection", "close")
        self.end_headers()
    def log_message(self, *_):
        pass

def serve(address, port):
    server = http.server.ThreadingHTTPServer((address, port), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    return server.server_address[1]

def name_is(address):
    line = f"{address} job.test\\n" if address else ""
    with open("/etc/hosts", "w") as file:
        file.write(f"127.0.0.1 localhost\\n{line}")

def ask():
    exchange = client.send(Request("GET", f"http://job.test:{port}/"), deadline_s=60.0)
    failed = exchange.failure
    return failed.reason.value if failed else exchange.remote_ip

port = serve("127.0.0.2", 0)
serve("127.0.0.3", port)
seen = []
with Client(max_age_s=0.3) as client:
    for address in ("127.0.0.2", "127.0.0.3", None, "127.0.0.2", None, "127.0.0.3"):
        name_is(address)
        if sys.argv[1] == "keep":
            time.sleep(0.4)
        seen.append(ask())
print(json.dumps(seen))
"""


@pytest.mark.parametrize("connections", ["keep", "close"])
def test_a_name_leads_where_it_leads_now(connections: str, tmp_path: Path) -> None:
    hosts, switch = tmp_path / "hosts", tmp_path / "nsswitch.conf"
    hosts.write_text("127.0.0.1 localhost\n", encoding="utf-8")
    # Else a name that isn't in the file would be asked of the network.
    switch.write_text("hosts: files\n", encoding="utf-8")
    within = own_mounts((hosts, "/etc/hosts"), (switch, "/etc/nsswitch.conf"))
    done = run_to_end(*within, *PYTHON, "-c", ASKING, connections)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout) == [
        *("127.0.0.2", "127.0.0.3", "dns", "127.0.0.2", "dns", "127.0.0.3")
    ]
